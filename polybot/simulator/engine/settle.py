"""The life of a window on the simulated exchange: listed, closed, resolved, redeemed."""

from polybot.domain.market import Outcome
from polybot.simulator.books.records import (
    Payout,
    StrikeKnown,
    TickChanged,
    WindowClosed,
    WindowListed,
    WindowRedeemed,
    WindowResolved,
)
from polybot.simulator.engine.core import ExchangeCore
from polybot.simulator.engine.window_book import WindowBook
from polybot.simulator.happenings import ListWindow, ResolveWindow, SettleWindow
from polybot.simulator.rules import NS_PER_S

# Beyond these prices of either token the tick is finer (the exchange's documentation: tick sizes).
HIGH_BPS = 9600
LOW_BPS = 400
FINE_TICK_BPS = 10


def list_window(core: ExchangeCore, happening: ListWindow) -> None:
    """Offer a market, unless it was offered before."""
    if happening.market.slug in core.ledger.state.windows:
        return
    core.emit(
        WindowListed(
            ts_ns=happening.ts_ns,
            market=happening.market,
            unknown_depth_shares=happening.unknown_depth_shares,
        )
    )


def change_tick(core: ExchangeCore, slug: str, tick_bps: int, ts_ns: int) -> None:
    """Give a market a finer tick; it never becomes coarser again."""
    window = core.ledger.state.windows.get(slug)
    if window is not None and tick_bps < window.market.tick_bps and window.accepts_orders:
        core.emit(TickChanged(ts_ns=ts_ns, slug=slug, tick_bps=tick_bps))


def refine_tick(core: ExchangeCore, book: WindowBook, ts_ns: int) -> None:
    """Give a market the fine tick when its price is beyond 0.96 or 0.04.

    That is: a bid above 0.96, an offer below 0.04, or a trade beyond either, whoever made them.
    """
    market = book.window.market
    if market.tick_bps <= FINE_TICK_BPS or book.is_between(LOW_BPS, HIGH_BPS):
        return
    bid, ask = book.best(Outcome.UP)
    last = book.last_price(Outcome.UP)
    prices = [price for price in (bid, last) if price is not None and price > HIGH_BPS]
    prices += [price for price in (ask, last) if price is not None and price < LOW_BPS]
    if prices:
        change_tick(core, market.slug, FINE_TICK_BPS, ts_ns)


def tell_strike(core: ExchangeCore, slug: str, strike_e8: int, ts_ns: int) -> None:
    """Make the price to beat public, once."""
    window = core.ledger.state.windows.get(slug)
    if window is not None and window.strike_e8 is None:
        core.emit(StrikeKnown(ts_ns=ts_ns, slug=slug, strike_e8=strike_e8))


def close_window(core: ExchangeCore, slug: str, ts_ns: int) -> None:
    """End trading in a market, once."""
    window = core.ledger.state.windows.get(slug)
    if window is not None and window.accepts_orders:
        core.emit(WindowClosed(ts_ns=ts_ns, slug=slug))


def resolve_window(core: ExchangeCore, happening: ResolveWindow) -> None:
    """Make the official outcome known, once; a market still open is closed first."""
    window = core.ledger.state.windows.get(happening.slug)
    if window is None or window.resolved_ns:
        return
    close_window(core, happening.slug, happening.ts_ns)
    core.emit(
        WindowResolved(
            ts_ns=happening.ts_ns,
            slug=happening.slug,
            outcome=happening.outcome,
            strike_e8=happening.strike_e8,
            close_e8=happening.close_e8,
            announced=core.rules.announces(happening.slug),
        )
    )


def settle_window(core: ExchangeCore, happening: SettleWindow) -> None:
    """Offer a market that was not played as closed and resolved; nobody can hold shares of it."""
    list_window(core, ListWindow(happening.ts_ns, happening.market))
    resolve_window(
        core,
        ResolveWindow(
            happening.ts_ns,
            happening.market.slug,
            happening.outcome,
            happening.strike_e8,
            happening.close_e8,
        ),
    )
    redeem_window(core, happening.market.slug, happening.ts_ns)


def redeem_window(core: ExchangeCore, slug: str, ts_ns: int) -> None:
    """Turn everybody's shares of a resolved market into money, once all trades are settled."""
    window = core.ledger.state.windows.get(slug)
    if window is None or window.outcome is None or window.redeemed_ns:
        return
    if core.ledger.pending_rows(slug):
        # A trade that may yet be undone must not be paid first.
        core.timers.set_redemption(slug, ts_ns + NS_PER_S)
        return
    payouts = [
        Payout(
            address=account.address,
            token_id=token_id,
            size_shares=shares,
            payout_usdc=shares if outcome is window.outcome else 0,
        )
        for account in core.ledger.state.accounts.values()
        for outcome in (Outcome.UP, Outcome.DOWN)
        for token_id in (window.market.token(outcome),)
        if (shares := account.shares.get(token_id, 0))
    ]
    core.emit(WindowRedeemed(ts_ns=ts_ns, slug=slug, payouts=tuple(payouts)))
