"""The simulated exchange keeps its promises whatever happens in whatever order."""

from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from polybot.domain.market import Outcome
from polybot.domain.order import OrderType, Side
from polybot.domain.resting import TradePrint
from polybot.simulator.books.ledger import Ledger, replayed
from polybot.simulator.books.records import OrderState, decode_record, encode_record
from polybot.simulator.happenings import (
    CloseWindow,
    PrintTrade,
    ResolveWindow,
    SetLevels,
)
from tests.unit.simulator.samples import DOLLARS, MARKET, SHARES, SLUG, START, S, Venue

PRICES = st.integers(30, 70).map(lambda cents: cents * 100)
SIZES = st.integers(0, 60_00).map(lambda hundredths: hundredths * 10_000)
OUTCOMES = st.sampled_from(list(Outcome))

STEPS = st.one_of(
    st.tuples(
        st.just("levels"),
        st.lists(st.tuples(st.sampled_from(list(Side)), PRICES, SIZES), max_size=5),
    ),
    st.tuples(st.just("print"), OUTCOMES, PRICES, st.integers(1, 90_000_000)),
    st.tuples(
        st.just("order"),
        st.sampled_from(list(OrderType)),
        OUTCOMES,
        st.sampled_from(list(Side)),
        PRICES,
        st.integers(100, 5000),
        st.booleans(),
    ),
    st.tuples(st.just("cancel"), st.integers(0, 30)),
    st.tuples(st.just("wait"), st.floats(0, 20)),
)


def play(venue: Venue, step: tuple[Any, ...]) -> None:
    """Carry out one step of a random history."""
    match step:
        case ("levels", levels):
            uncrossed = tuple(
                (side, price - 2000 if side is Side.BUY else price + 2000, size)
                for side, price, size in levels
            )
            venue.happen(SetLevels(venue.now_ns, SLUG, uncrossed))
        case ("print", outcome, price, size):
            trade = TradePrint(outcome=outcome, price_bps=price, size_shares=size)
            venue.happen(PrintTrade(venue.now_ns, SLUG, trade))
        case ("order", kind, outcome, side, price, cents, post_only):
            venue.submit(
                venue.order(
                    side,
                    price,
                    cents * 10_000,
                    kind=kind,
                    outcome=outcome,
                    post_only=post_only,
                    expiration_s=venue.now_ns // S + 200 if kind is OrderType.GTD else 0,
                )
            )
        case ("cancel", index):
            ids = list(venue.ledger.state.orders)[index : index + 1]
            venue.exchange.cancel(venue.account, ids, venue.now_ns)
        case ("wait", seconds):
            venue.wait(seconds)


def check_books(ledger: Ledger) -> None:
    """Cash and shares are what deposits, trades and redemptions add up to, and never negative."""
    state = ledger.state
    payouts = [payout for window in state.windows.values() for payout in window.payouts]
    for account in state.accounts.values():
        trades = [t for t in state.trades.values() if t.address == account.address]
        own = [payout for payout in payouts if payout.address == account.address]
        cash = sum(t.cash_usdc for t in trades) + sum(p.payout_usdc for p in own)
        assert account.cash_usdc == account.deposited_usdc + cash
        for token_id in (MARKET.token_up, MARKET.token_down):
            moved = sum(t.signed_shares for t in trades if t.token_id == token_id)
            moved -= sum(p.size_shares for p in own if p.token_id == token_id)
            assert account.shares.get(token_id, 0) == moved >= 0
            assert ledger.free_shares(account, token_id) >= 0
        assert ledger.free_usdc(account) >= 0
    for order in state.orders.values():
        trades = [state.trades[trade_id] for trade_id in order.trade_ids]
        assert order.filled_shares == sum(t.size_shares for t in trades)
        if order.side is Side.BUY and not order.order_type.rests:
            assert order.filled_usdc <= order.maker_amount
        else:
            assert order.filled_shares <= order.size_shares
        assert all(order.incoming().accepts(t.price_bps) for t in trades)
        if order.order_type is OrderType.FOK and order.state is OrderState.MATCHED:
            assert order.reason == ""


def snapshot(ledger: Ledger) -> bytes:
    return msgspec.json.encode(ledger.state)


@settings(max_examples=150)
@given(steps=st.lists(STEPS, max_size=40), delay=st.sampled_from([0, 150]))
def test_cash_and_shares_are_conserved_and_every_prefix_of_the_journal_restores_them(
    steps: list[tuple[Any, ...]], delay: int
) -> None:
    venue = Venue(money_usdc=60 * DOLLARS, delay_ms=delay)
    venue.show()
    after_each: list[bytes] = []
    listener = venue.exchange.core.listener
    listener.on_record = lambda record: after_each.append(snapshot(venue.ledger))  # type: ignore[method-assign]
    already = len(venue.journal())
    for step in steps:
        play(venue, step)
        check_books(venue.ledger)
    venue.now_ns = max(venue.now_ns, MARKET.close_ns)
    venue.happen(CloseWindow(venue.now_ns, SLUG), ResolveWindow(venue.now_ns, SLUG, Outcome.UP))
    venue.wait(60)
    check_books(venue.ledger)
    assert not venue.account.shares
    assert venue.exchange.is_quiet()
    records = [decode_record(encode_record(record)) for record in venue.journal()]
    for index, expected in enumerate(after_each):
        assert snapshot(replayed(None, records[: already + index + 1])) == expected


@given(
    asks=st.lists(st.tuples(PRICES, SIZES), max_size=6),
    price=PRICES,
    cents=st.integers(100, 5000),
    kind=st.sampled_from([OrderType.FOK, OrderType.FAK]),
)
def test_a_taker_gets_no_more_than_was_displayed_and_a_fok_all_or_nothing(
    asks: list[tuple[int, int]], price: int, cents: int, kind: OrderType
) -> None:
    venue = Venue()
    shown = {level: size for level, size in asks if size}
    venue.show(bids=(), asks=tuple(shown.items()))
    new = venue.order(Side.BUY, price, cents * 10_000, kind=kind)
    refusal = venue.submit(new)
    trades = list(venue.ledger.state.trades.values())
    for trade in trades:
        assert trade.size_shares <= shown[trade.price_bps]
        assert trade.price_bps <= price
    spent = sum(trade.notional_usdc for trade in trades)
    reachable = sum(level * size // 10_000 for level, size in shown.items() if level <= price)
    if kind is OrderType.FOK:
        assert spent == 0 if refusal else abs(spent - new.maker_amount) <= 1
    else:
        assert spent <= min(reachable, new.maker_amount)
        assert bool(refusal) == (not trades)


def test_what_was_taken_is_not_offered_again_until_the_level_grows() -> None:
    venue = Venue()
    venue.show()
    assert venue.submit(venue.order(Side.BUY, 5200, 50 * SHARES)) == ""
    assert venue.exchange.book(SLUG).best(Outcome.UP)[1] == 5300  # type: ignore[union-attr]
    venue.happen(SetLevels(venue.now_ns, SLUG, ((Side.SELL, 5200, 60 * SHARES),)))
    assert venue.exchange.book(SLUG).size_at(Side.SELL, 5200) == 10 * SHARES  # type: ignore[union-attr]


def test_a_taking_order_is_held_and_meets_the_book_after_the_delay() -> None:
    venue = Venue(delay_ms=150)
    venue.show()
    new = venue.order(Side.BUY, 5200, 10 * SHARES)
    assert venue.submit(new) == ""
    order = venue.ledger.state.orders[new.order_id]
    assert order.state.value == "HELD"
    _, refused = venue.exchange.cancel(venue.account, [new.order_id], venue.now_ns)
    assert new.order_id in refused
    venue.happen(SetLevels(venue.now_ns, SLUG, ((Side.SELL, 5200, 0),)))
    states = []
    for seconds in (0.149, 0.001):
        venue.wait(seconds)
        states.append(order.state)
    assert states == [OrderState.HELD, OrderState.LIVE]
    assert order.filled_shares == 0


def test_a_held_fak_whose_level_left_is_killed_and_frees_its_money() -> None:
    venue = Venue(delay_ms=150, money_usdc=20 * DOLLARS)
    venue.show()
    new = venue.order(Side.BUY, 5200, 10 * DOLLARS, kind=OrderType.FAK)
    assert venue.submit(new) == ""
    assert venue.ledger.free_usdc(venue.account) < 10 * DOLLARS
    venue.happen(SetLevels(venue.now_ns, SLUG, ((Side.SELL, 5200, 0), (Side.SELL, 5300, 0))))
    venue.wait(1)
    order = venue.ledger.state.orders[new.order_id]
    assert order.state.value == "KILLED"
    assert order.reason.startswith("no orders found to match with FAK order")
    assert venue.ledger.free_usdc(venue.account) == 20 * DOLLARS


def test_a_resting_order_waits_behind_the_queue_that_was_there() -> None:
    venue = Venue()
    venue.show()
    new = venue.order(Side.BUY, 5000, 10 * SHARES)
    venue.submit(new)
    order = venue.ledger.state.orders[new.order_id]
    assert order.queue_ahead_shares == 100 * SHARES

    def sold(size: int) -> None:
        trade = TradePrint(
            outcome=Outcome.UP, price_bps=5000, size_shares=size * SHARES, aggressor=Side.SELL
        )
        venue.happen(PrintTrade(venue.now_ns, SLUG, trade))

    sold(60)
    assert (order.queue_ahead_shares, order.filled_shares) == (40 * SHARES, 0)
    sold(44)
    assert (order.queue_ahead_shares, order.filled_shares) == (0, 4 * SHARES)
    venue.happen(SetLevels(venue.now_ns, SLUG, ((Side.BUY, 5000, 0),)))
    assert order.filled_shares == 4 * SHARES, "shrinking depth is never a fill"
    sold(20)
    assert (order.state, order.filled_shares) == (OrderState.MATCHED, 10 * SHARES)
    trades = [venue.ledger.state.trades[trade_id] for trade_id in order.trade_ids]
    assert [(t.is_maker, t.fee_usdc) for t in trades] == [(True, 0), (True, 0)]


def test_a_quote_through_a_resting_order_fills_it_at_its_own_price() -> None:
    venue = Venue()
    venue.show()
    new = venue.order(Side.BUY, 4700, 10 * SHARES, outcome=Outcome.DOWN)
    venue.submit(new)
    order = venue.ledger.state.orders[new.order_id]
    assert order.queue_ahead_shares == 80 * SHARES
    # Up bid 0.54 is an offer of Down at 0.46, a cent through our bid.
    venue.happen(
        SetLevels(
            venue.now_ns,
            SLUG,
            ((Side.SELL, 5200, 0), (Side.SELL, 5300, 0), (Side.BUY, 5400, 6 * SHARES)),
        )
    )
    assert (order.state, order.filled_shares) == (OrderState.LIVE, 6 * SHARES)
    assert order.filled_usdc == 2_820_000


def test_a_gtd_order_ends_a_minute_before_what_it_states() -> None:
    venue = Venue()
    venue.show()
    stated = START // S + 200
    new = venue.order(Side.BUY, 4000, 10 * SHARES, kind=OrderType.GTD, expiration_s=stated)
    assert venue.submit(new) == ""
    order = venue.ledger.state.orders[new.order_id]
    venue.wait(139)
    assert order.state.value == "LIVE"
    venue.wait(2)
    assert order.state.value == "EXPIRED"


def test_trades_are_mined_and_confirmed_by_market_time_and_winners_paid() -> None:
    venue = Venue(money_usdc=100 * DOLLARS)
    venue.show()
    venue.submit(venue.order(Side.BUY, 5200, 50 * SHARES))
    (trade,) = venue.ledger.state.trades.values()
    assert trade.fee_usdc == 873_600
    assert venue.account.cash_usdc == 100 * DOLLARS - 26 * DOLLARS - 873_600
    seen = [trade.status.value]
    for _ in range(3):
        venue.wait(3)
        seen.append(trade.status.value)
    assert seen == ["MATCHED", "MINED", "CONFIRMED", "CONFIRMED"]
    cash = venue.account.cash_usdc
    venue.now_ns = MARKET.close_ns
    venue.happen(CloseWindow(venue.now_ns, SLUG))
    assert venue.exchange.book(SLUG) is None
    venue.happen(ResolveWindow(venue.now_ns, SLUG, Outcome.UP))
    venue.wait(9)
    assert venue.account.cash_usdc == cash
    venue.wait(1)
    assert venue.account.cash_usdc == cash + 50 * DOLLARS
