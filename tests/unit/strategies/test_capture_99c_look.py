"""The questions a look answers about book, orders and shares."""

from polybot.domain.fill import FillStatus
from polybot.domain.market import Outcome
from polybot.domain.order import OrderStatus, OrderType, Side
from polybot.domain.position import Position
from polybot.strategies.capture_99c_look import Look, has_book, sellable_shares
from polybot.strategies.capture_99c_memory import CaptureMemory
from polybot.strategies.capture_99c_parameters import CaptureParameters, rules_of
from tests.unit.domain.test_fill import a_fill
from tests.unit.domain.test_order import an_order
from tests.unit.strategies.test_base import MARKET, a_token, a_view

RULES = rules_of(CaptureParameters())


def a_look(**changes: object) -> Look:
    return Look(view=a_view(**changes), rules=RULES, memory=CaptureMemory())  # type: ignore[arg-type]


def a_position(shares: int, status: FillStatus = FillStatus.CONFIRMED) -> Position:
    empty = Position(
        agent="capture", slug=MARKET.slug, token_id=MARKET.token_up, outcome=Outcome.UP
    )
    return empty.apply_fill(a_fill(size_shares=shares, status=status)) if shares else empty


def test_a_book_is_known_when_either_side_is() -> None:
    assert has_book(a_token(Outcome.UP, None, 100))
    assert has_book(a_token(Outcome.UP, 9900, None))
    assert not has_book(a_token(Outcome.UP, None, None))


def test_the_spread_of_a_vanished_ask_counts_from_a_dollar() -> None:
    assert a_look().spread_bps(Outcome.UP) == 100
    assert a_look(up_bid=9000, up_ask=None).spread_bps(Outcome.UP) == 1000
    assert a_look(up_bid=None, up_ask=9700).spread_bps(Outcome.UP) == 9700


def test_a_cancel_is_asked_for_once_and_of_an_unknown_order_once_a_second() -> None:
    live = an_order(status=OrderStatus.ACCEPTED)
    leaving = an_order(status=OrderStatus.PENDING_CANCEL)
    unknown = an_order(status=OrderStatus.UNKNOWN)
    taking = an_order(order_type=OrderType.FAK, budget_usdc=1_000_000)
    orders = [live, leaving, unknown, taking]
    assert a_look().cancelable(orders) == [live, unknown]
    assert a_look(new_second=False).cancelable(orders) == [live]


def test_shares_are_sold_in_hundredths_and_only_once_they_are_there() -> None:
    assert sellable_shares(a_position(24_996_000), []) == 24_990_000
    assert sellable_shares(a_position(25_000_000, FillStatus.MATCHED), []) == 0
    selling = an_order(side=Side.SELL, size_shares=10_000_000, status=OrderStatus.UNKNOWN)
    assert sellable_shares(a_position(25_000_000), [selling]) == 15_000_000
    assert sellable_shares(a_position(5_000_000), [selling]) == 0


def test_a_flat_window_holds_nothing() -> None:
    assert a_look(positions={Outcome.UP: a_position(0)}).held() is None
