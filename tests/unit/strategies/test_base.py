"""The view answers what it is asked; its builders here serve every strategy's tests."""

from typing import Any

from polybot.domain.market import FeeSchedule, Market, Outcome
from polybot.strategies.base import TokenView, View
from tests.unit.domain.test_market import a_market

S = 1_000_000_000
MARKET: Market = a_market(fee=FeeSchedule(rate_bps=700))


def a_token(outcome: Outcome, bid: int | None, ask: int | None, **changes: Any) -> TokenView:
    fields: dict[str, Any] = {
        "outcome": outcome,
        "token_id": MARKET.token(outcome),
        "bid_bps": bid,
        "bid_shares": None if bid is None else 500_000_000,
        "ask_bps": ask,
        "ask_shares": None if ask is None else 500_000_000,
    }
    return TokenView(**(fields | changes))


def a_view(
    up_bid: int | None = 9600, up_ask: int | None = 9700, remaining_s: float = 40, **changes: Any
) -> View:
    """Show a market whose Down book is the mirror of the Up book."""
    fields: dict[str, Any] = {
        "now_ns": MARKET.close_ns - int(remaining_s * S),
        "market": MARKET,
        "up": a_token(Outcome.UP, up_bid, up_ask),
        "down": a_token(
            Outcome.DOWN,
            None if up_ask is None else 10_000 - up_ask,
            None if up_bid is None else 10_000 - up_bid,
        ),
        "capital_usdc": 200_000_000,
    }
    return View(**(fields | changes))


def test_the_view_knows_its_tokens_and_the_seconds_left() -> None:
    view = a_view(remaining_s=2.5)
    assert view.token(Outcome.UP) is view.up
    assert view.token(Outcome.DOWN).ask_bps == 400
    assert view.remaining_s() == 2.5
    assert a_view(remaining_s=-1).remaining_s() == -1
