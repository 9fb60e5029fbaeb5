"""The life of a window: listed once, closed once, resolved once, redeemed once."""

from polybot.domain.market import Outcome
from polybot.domain.order import Side
from polybot.simulator.books.records import OrderState
from polybot.simulator.happenings import (
    ChangeTick,
    CloseWindow,
    ListWindow,
    ResolveWindow,
    SettleWindow,
    TellStrike,
)
from tests.unit.simulator.samples import DOLLARS, MARKET, SHARES, SLUG, START, Venue


def test_a_window_told_twice_is_one_window() -> None:
    venue = Venue()
    count = len(venue.journal())
    venue.happen(ListWindow(START, MARKET))
    assert len(venue.journal()) == count


def test_a_close_ends_every_open_order_and_a_second_close_nothing() -> None:
    venue = Venue()
    venue.show()
    new = venue.order(Side.BUY, 4000, 10 * SHARES)
    venue.submit(new)
    venue.happen(CloseWindow(START, SLUG))
    assert venue.ledger.state.orders[new.order_id].state is OrderState.INVALID
    assert venue.ledger.free_usdc(venue.account) == 1000 * DOLLARS
    assert venue.submit(venue.order(Side.BUY, 4000, 10 * SHARES)).startswith("No orderbook")
    count = len(venue.journal())
    venue.happen(CloseWindow(START, SLUG), ChangeTick(START, SLUG, 10))
    assert len(venue.journal()) == count


def test_winners_become_a_dollar_and_losers_nothing() -> None:
    venue = Venue()
    venue.show()
    venue.submit(venue.order(Side.BUY, 5200, 10 * SHARES))
    venue.submit(venue.order(Side.BUY, 5000, 10 * SHARES, outcome=Outcome.DOWN))
    cash = venue.account.cash_usdc
    venue.happen(ResolveWindow(START, SLUG, Outcome.DOWN, 70, 60))
    window = venue.ledger.state.windows[SLUG]
    assert (window.strike_e8, window.close_e8, window.closed_ns) == (70, 60, START)
    venue.wait(10)
    assert venue.account.cash_usdc == cash + 10 * DOLLARS
    assert venue.account.shares == {}
    assert sorted(payout.payout_usdc for payout in window.payouts) == [0, 10 * DOLLARS]
    assert venue.exchange.is_quiet()


def test_the_strike_and_a_finer_tick_are_told_once() -> None:
    venue = Venue()
    count = len(venue.journal())
    venue.happen(TellStrike(START, SLUG, 7), TellStrike(START, SLUG, 8))
    venue.happen(ChangeTick(START, SLUG, 10), ChangeTick(START, SLUG, 10))
    assert len(venue.journal()) == count + 2
    window = venue.ledger.state.windows[SLUG]
    assert (window.strike_e8, window.market.tick_bps) == (7, 10)


def test_a_window_that_is_not_played_is_over_when_it_is_first_seen() -> None:
    venue = Venue()
    venue.happen(ResolveWindow(START, SLUG, Outcome.UP))
    venue.wait(11)
    market = MARKET.__class__(
        slug="other",
        condition_id="0xother",
        token_up="2001",
        token_down="2002",
        asset="btc",
        open_ns=START,
        close_ns=START + 1,
    )
    venue.happen(SettleWindow(START, market, Outcome.UP, 5, 6))
    window = venue.ledger.state.windows["other"]
    assert window.outcome is Outcome.UP
    assert window.redeemed_ns
    assert venue.exchange.is_quiet()
