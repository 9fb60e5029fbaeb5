"""The drill: which order it places, and when it leaves the market alone."""

import msgspec
import pytest

from polybot.domain.fill import FillStatus
from polybot.domain.market import Outcome
from polybot.domain.order import Order, OrderStatus, OrderType, Side
from polybot.domain.position import Position
from polybot.domain.purpose import DRILL
from polybot.strategies.base import Decision, Intent, View
from polybot.strategies.drill import Drill, DrillMemory, DrillParameters
from tests.unit.domain.test_fill import a_fill
from tests.unit.domain.test_order import an_order
from tests.unit.strategies.test_base import MARKET, S, a_view


def drill(**parameters: object) -> Drill:
    return Drill(DrillParameters(**parameters))  # type: ignore[arg-type]


def looks(strategy: Drill, **view: object) -> Decision:
    fields: dict[str, object] = {"up_bid": 5000, "up_ask": 5100, "remaining_s": 200.0}
    return strategy.decide(a_view(**(fields | view)))  # type: ignore[arg-type]


def only_intent(decision: Decision) -> Intent:
    (intent,) = decision.intents
    return intent


def held(status: FillStatus = FillStatus.CONFIRMED) -> dict[Outcome, Position]:
    flat = Position(agent="capture", slug=MARKET.slug, token_id=MARKET.token_up, outcome=Outcome.UP)
    bought = a_fill(size_shares=40_000_000, price_bps=5000, status=status)
    return {Outcome.UP: flat.apply_fill(bought)}


def an_open_sale(**changes: object) -> Order:
    return an_order(side=Side.SELL, status=OrderStatus.ACCEPTED, **changes)


def test_a_buy_takes_the_ask_or_waits_at_the_bid_in_turns() -> None:
    first = only_intent(looks(drill(order_type="GTC")))
    assert (first.side, first.order_type, first.price_bps) == (Side.BUY, OrderType.GTC, 5100)
    assert (first.size_shares, first.budget_usdc, first.purpose) == (5_000_000, 0, DRILL)
    second = only_intent(looks(drill(order_type="GTC"), orders=(an_order(),)))
    assert second.price_bps == 5000
    assert only_intent(looks(drill(order_type="GTC", aim="rest"))).price_bps == 5000
    assert only_intent(looks(drill(aim="take"), orders=(an_order(),))).price_bps == 5100


def test_an_order_that_waits_is_priced_as_far_behind_the_best_as_asked() -> None:
    assert only_intent(looks(drill(aim="rest", behind_ticks=20))).price_bps == 3000
    assert only_intent(looks(drill(aim="take", behind_ticks=20))).price_bps == 5100
    sale = looks(drill(side="SELL", aim="rest", behind_ticks=20), positions=held())
    assert only_intent(sale).price_bps == 7100
    assert looks(drill(aim="rest", behind_ticks=50)).reason == "no_price"


@pytest.mark.parametrize("order_type", ["FAK", "FOK"])
def test_a_buy_that_takes_at_once_spends_a_budget_of_two_decimals(order_type: str) -> None:
    intent = only_intent(looks(drill(order_type=order_type)))
    assert intent.order_type is OrderType(order_type)
    assert (intent.price_bps, intent.size_shares, intent.budget_usdc) == (5100, 0, 2_550_000)
    cheap = only_intent(looks(drill(order_type=order_type), up_bid=1000, up_ask=1100))
    assert cheap.budget_usdc == 1_010_000, "the exchange takes no marketable BUY below a dollar"


@pytest.mark.parametrize("order_type", ["GTC", "FAK", "FOK"])
@pytest.mark.parametrize("side", ["BUY", "SELL"])
def test_a_miss_is_priced_so_that_the_exchange_refuses_it(side: str, order_type: str) -> None:
    strategy = drill(side=side, order_type=order_type, miss_every=1)
    intent = only_intent(looks(strategy, positions=held()))
    assert intent.side is Side(side)
    crosses = intent.price_bps >= 5100 if side == "BUY" else intent.price_bps <= 5000
    # What may rest is refused for taking, what must take for having nothing to take.
    assert (crosses, intent.post_only) == ((True, True) if order_type == "GTC" else (False, False))


def test_only_every_nth_order_misses() -> None:
    strategy = drill(order_type="FAK", miss_every=2)
    assert looks(strategy).reason == "order"
    assert looks(strategy, orders=(an_order(),)).reason == "miss"


def test_a_sale_without_shares_buys_stock_first() -> None:
    stock = looks(drill(side="SELL"))
    assert (stock.reason, stock.action) == ("stock", "enter")
    intent = only_intent(stock)
    assert (intent.side, intent.order_type, intent.budget_usdc) == (
        Side.BUY,
        OrderType.FAK,
        20_400_000,
    )
    assert looks(drill(side="SELL"), entries_allowed=False).reason == "reducing"


def test_shares_are_sold_once_they_have_settled() -> None:
    selling = drill(side="SELL", order_type="FAK")
    assert looks(selling, positions=held(FillStatus.MATCHED)).reason == "stock_settles"
    sold = looks(selling, positions=held(FillStatus.MINED))
    assert sold.action == "exit"
    intent = only_intent(sold)
    assert (intent.side, intent.price_bps, intent.size_shares) == (Side.SELL, 5000, 5_000_000)


def test_shares_that_an_open_sale_may_take_are_not_sold_again() -> None:
    nearly_all = an_open_sale(size_shares=36_000_000)
    assert looks(drill(side="SELL"), positions=held(), orders=(nearly_all,)).reason == "stock"
    some = an_open_sale(size_shares=35_000_000)
    assert looks(drill(side="SELL"), positions=held(), orders=(some,)).reason == "order"


def test_the_next_order_waits_its_time_and_the_last_leaves_some() -> None:
    strategy = drill(every_s=10, last_s=5)
    first = looks(strategy, remaining_s=200)
    memory = msgspec.json.decode(msgspec.json.encode(first.memory), type=DrillMemory)
    assert looks(strategy, remaining_s=191, memory=memory).reason == "waiting"
    assert looks(strategy, remaining_s=190, memory=memory).intents
    assert looks(strategy, remaining_s=5).reason == "closing"


def test_what_rested_long_enough_is_canceled_once_it_is_known_to_rest() -> None:
    strategy = drill(rest_s=30, every_s=3600)
    view: View = a_view(5000, 5100, 100)
    old = view.now_ns - 30 * S
    for status, order_type, count in (
        (OrderStatus.ACCEPTED, OrderType.GTC, 1),
        (OrderStatus.PARTIALLY_FILLED, OrderType.GTC, 1),
        (OrderStatus.PENDING_CANCEL, OrderType.GTC, 0),
        (OrderStatus.UNKNOWN, OrderType.GTC, 0),
        (OrderStatus.CANCELED, OrderType.GTC, 0),
    ):
        order = an_order(order_type=order_type, status=status, created_ns=old)
        assert len(strategy.decide(msgspec.structs.replace(view, orders=(order,))).cancels) == count
    young = an_order(status=OrderStatus.ACCEPTED, created_ns=old + 1)
    assert not strategy.decide(msgspec.structs.replace(view, orders=(young,))).cancels


def test_without_a_price_in_the_middle_nothing_is_bought() -> None:
    assert looks(drill(), up_bid=None, up_ask=None).reason == "no_book"
    assert looks(drill(), up_bid=9700, up_ask=9800).reason == "no_book"
    # Up is too dear, Down is not: its book mirrors Up's.
    assert only_intent(looks(drill(), up_bid=8900, up_ask=9100)).outcome is Outcome.DOWN
