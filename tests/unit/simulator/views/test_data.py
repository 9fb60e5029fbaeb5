"""Positions, trades and redemptions as the Data API tells them."""

from decimal import Decimal

from polybot.domain.market import Outcome
from polybot.domain.order import Side
from polybot.simulator.happenings import ResolveWindow
from polybot.simulator.views.data import (
    activity_rows,
    has_status,
    position_rows,
    resolution_row,
    trade_row,
)
from tests.unit.simulator.samples import ADDRESS, MARKET, SHARES, SLUG, START, S, Venue

WALLET = ADDRESS.lower()


def test_a_position_goes_from_open_over_redeemable_to_closed() -> None:
    venue = Venue()
    venue.show()
    venue.submit(venue.order(Side.BUY, 5200, 50 * SHARES))
    venue.submit(venue.order(Side.BUY, 5000, 20 * SHARES, outcome=Outcome.DOWN))

    def told() -> dict[str, tuple[str, Decimal, Decimal]]:
        rows = position_rows(venue.ledger, venue.account, WALLET)
        return {row.outcome: (row.status, row.current_size, row.realized_pnl) for row in rows}

    nothing = Decimal(0)
    assert told() == {
        "Up": ("OPEN", Decimal(50), nothing),
        "Down": ("OPEN", Decimal(20), nothing),
    }
    first = position_rows(venue.ledger, venue.account, WALLET)[0]
    assert (first.avg_price, first.entry_cost_usdc) == (Decimal("0.52"), Decimal(26))
    assert first.entry_fees_usdc == Decimal("0.8736")
    assert first.proxy_wallet == WALLET
    venue.happen(ResolveWindow(START, SLUG, Outcome.UP))
    assert {row[0] for row in told().values()} == {"REDEEMABLE"}
    venue.wait(10)
    closed = told()
    assert closed["Up"] == ("CLOSED", Decimal(0), Decimal("23.1264"))
    assert closed["Down"][0] == "CLOSED"
    assert closed["Down"][2] < -10


def test_item_17_positions_are_asked_for_by_more_statuses_than_rows_have() -> None:
    venue = Venue()
    venue.show()
    venue.submit(venue.order(Side.BUY, 5200, 50 * SHARES))

    def found(wanted: str) -> list[str]:
        rows = position_rows(venue.ledger, venue.account, WALLET)
        return [row.outcome for row in rows if has_status(row, wanted)]

    assert (found("OPEN"), found("MERGEABLE")) == (["Up"], [])
    venue.submit(venue.order(Side.BUY, 5000, 20 * SHARES, outcome=Outcome.DOWN))
    assert (found("MERGEABLE"), found("REDEEMABLE"), found("CLOSED")) == (["Up", "Down"], [], [])
    venue.happen(ResolveWindow(START, SLUG, Outcome.UP))
    assert (found("REDEEMABLE"), found("REDEEMABLE_LOST")) == (["Up"], ["Down"])
    assert (found("OPEN"), found("MERGEABLE")) == (["Up", "Down"], [])
    venue.wait(10)
    assert (found("OPEN"), found("CLOSED")) == ([], ["Up", "Down"])


def test_activity_holds_trades_and_redemptions_newest_first() -> None:
    venue = Venue()
    venue.show()
    venue.submit(venue.order(Side.BUY, 5200, 10 * SHARES))
    (trade,) = venue.ledger.state.trades.values()
    row = trade_row(venue.ledger, trade, WALLET)
    assert (row.price, row.size, row.timestamp) == (Decimal("0.52"), Decimal(10), START // S)
    venue.happen(ResolveWindow(START, SLUG, Outcome.UP))
    venue.wait(10)
    rows = activity_rows(venue.ledger, venue.account, WALLET)
    assert [row.type for row in rows] == ["REDEEM", "TRADE"]
    assert (rows[0].usdc_size, rows[0].token_id) == (Decimal(10), MARKET.token_up)


def test_a_market_is_posed_until_it_is_resolved() -> None:
    venue = Venue()
    window = venue.ledger.state.windows[SLUG]
    assert resolution_row(window).status == "posed"
    venue.happen(ResolveWindow(START, SLUG, Outcome.DOWN))
    row = resolution_row(window)
    assert (row.status, row.price, row.condition_id) == ("resolved", "0", MARKET.condition_id)
