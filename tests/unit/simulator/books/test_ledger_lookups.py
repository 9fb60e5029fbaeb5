"""Rows are found by what the wire names them by, and old empty windows are let go."""

import msgspec

from polybot.domain.market import Outcome
from polybot.domain.order import Side
from polybot.simulator.books import ledger_lookups
from polybot.simulator.books.ledger import Ledger
from polybot.simulator.happenings import SettleWindow
from tests.unit.simulator.samples import MARKET, SHARES, START, Venue


def test_a_window_is_found_by_token_and_condition_also_after_a_restart() -> None:
    venue = Venue()
    for ledger in (venue.ledger, Ledger(venue.ledger.state)):
        window = ledger.window_of_token(MARKET.token_down)
        assert window is not None
        assert window is ledger.window_of_condition(MARKET.condition_id)
        assert ledger.window_of_token("77") is None


def test_reservations_add_up_and_one_order_can_be_left_out() -> None:
    venue = Venue(money_usdc=20_000_000)
    venue.show()
    first = venue.order(Side.BUY, 4000, 10 * SHARES)
    venue.submit(first)
    venue.submit(venue.order(Side.BUY, 3000, 10 * SHARES))
    ledger, account = venue.ledger, venue.account
    assert ledger.free_usdc(account) == 13_000_000
    assert ledger.free_usdc(account, but=first.order_id) == 17_000_000
    assert [order.limit_bps for order in ledger.open_orders_of(account)] == [4000, 3000]
    assert Ledger(ledger.state).free_usdc(account) == 13_000_000


def test_untraded_windows_are_forgotten_oldest_first_and_traded_ones_never() -> None:
    venue = Venue()
    venue.show()
    venue.submit(venue.order(Side.BUY, 4000, 10 * SHARES))
    kept = ledger_lookups.KEPT_UNTRADED_WINDOWS
    for number in range(kept + 5):
        market = msgspec.structs.replace(
            MARKET,
            slug=f"w{number}",
            condition_id=f"c{number}",
            token_up=f"u{number}",
            token_down=f"d{number}",
        )
        venue.happen(SettleWindow(START + number, market, Outcome.UP))
    windows = venue.ledger.state.windows
    assert len(windows) == kept + 1
    assert MARKET.slug in windows
    assert "w4" not in windows
    assert "w5" in windows
    assert venue.ledger.window_of_token("u4") is None
    again = Ledger(venue.ledger.state)
    assert list(again.state.windows) == list(windows)
