"""A position can be left while the fate of an entry is unknown, by what it surely holds."""

from polybot.domain.market import Outcome
from polybot.domain.order import OrderTrigger, OrderType, Side
from polybot.messages.trading import IntentDenied
from polybot.strategies.base import Decision, Intent
from tests.unit.services.trader.fakes_exchange import venue_fill
from tests.unit.services.trader.test_desk import ENTRY, Case, enter


def exit_of(shares: int, *, rests: bool = False) -> Decision:
    sale = Intent(
        outcome=Outcome.UP,
        side=Side.SELL,
        order_type=OrderType.GTC if rests else OrderType.FAK,
        price_bps=9900 if rests else 9000,
        size_shares=shares,
        purpose="exit",
    )
    return Decision(action="exit", reason="danger", intents=(sale,), inputs={})


def with_an_entry_of_unknown_fate(held: int) -> Case:
    """Hold shares, and have an entry whose POST was never answered."""
    case = Case()
    bought = case.books.submit(size_shares=held)
    case.books.keeper.fill(venue_fill(bought, status="CONFIRMED"))
    unknown = case.books.submit_fak(venue_order_id="0xunknown")
    case.books.keeper.move(unknown, OrderTrigger.LOSE_ANSWER)
    return case


def sales(case: Case) -> list[int]:
    orders = case.books.state.orders.values()
    return [order.size_shares for order in orders if order.side is Side.SELL]


def test_an_exit_may_sell_what_is_held_while_an_entry_is_unknown_and_no_entry_may_follow() -> None:
    case = with_an_entry_of_unknown_fate(10_000_000)
    case.decide(enter(ENTRY))
    assert case.books.said(IntentDenied)[-1].reason == "unknown_order"
    case.decide(exit_of(10_000_000))
    assert sales(case) == [10_000_000]
    assert case.send() == 1


def test_an_exit_may_sell_no_more_than_is_held_less_what_unresolved_sales_may_move() -> None:
    case = with_an_entry_of_unknown_fate(30_000_000)
    case.decide(exit_of(30_010_000))
    assert case.books.said(IntentDenied)[-1].reason == "not_enough_shares"
    case.decide(exit_of(10_000_000, rests=True))
    (first,) = [o for o in case.books.state.orders.values() if o.side is Side.SELL]
    case.books.keeper.move(first, OrderTrigger.LOSE_ANSWER)
    case.decide(exit_of(20_010_000))
    assert sales(case) == [10_000_000]
    case.decide(exit_of(20_000_000))
    assert sales(case) == [10_000_000, 20_000_000]
