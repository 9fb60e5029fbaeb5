"""How the 99c capture locks profit and leaves: cancels first, then sells, to the last second."""

from typing import Any

import pytest

from polybot.domain.danger import Peak
from polybot.domain.exits import ExitCounters, ExitReason
from polybot.domain.fill import FillStatus
from polybot.domain.market import Outcome
from polybot.domain.order import Order, OrderStatus, OrderType, Side
from polybot.domain.position import Position
from polybot.strategies.base import Decision, ReferenceView, View
from polybot.strategies.capture_99c import Capture99c
from polybot.strategies.capture_99c_exits import MAX_LOCK_TRIES
from polybot.strategies.capture_99c_memory import CaptureMemory
from polybot.strategies.capture_99c_parameters import CaptureParameters
from tests.unit.domain.test_fill import a_fill
from tests.unit.domain.test_order import an_order
from tests.unit.strategies.test_base import MARKET, S, a_view

SHARES = 25_000_000


def holding(
    shares: int = SHARES, status: FillStatus = FillStatus.CONFIRMED, price: int = 9700
) -> dict[Outcome, Position]:
    empty = Position(
        agent="capture", slug=MARKET.slug, token_id=MARKET.token_up, outcome=Outcome.UP
    )
    fill = a_fill(size_shares=shares, status=status, price_bps=price, fee_usdc=0)
    return {Outcome.UP: empty.apply_fill(fill)}


def remembering(**changes: Any) -> CaptureMemory:
    fields: dict[str, Any] = {
        "slug": MARKET.slug,
        "peak": Peak(price_bps=9700, confidence_bps=9700),
    }
    return CaptureMemory(**(fields | changes))


ENTRY = an_order(size_shares=SHARES, filled_shares=SHARES, status=OrderStatus.FILLED)


def a_lock(**changes: Any) -> Order:
    fields: dict[str, Any] = {
        "venue_order_id": "0x10c",
        "side": Side.SELL,
        "price_bps": 9900,
        "size_shares": SHARES,
        "purpose": "profit_lock",
    }
    return an_order(**(fields | changes))


LOCKED = (ENTRY, a_lock())
LEAVING = remembering(exit_reason=ExitReason.HARD_STOP, lock_dropped=True)


def decide(view: View, **parameters: Any) -> Decision:
    return Capture99c(CaptureParameters(**parameters)).decide(view)


def held_view(**changes: Any) -> View:
    fields: dict[str, Any] = {
        "positions": holding(), "orders": LOCKED, "memory": remembering()
    }  # fmt: skip
    return a_view(**(fields | changes))


def test_a_calm_position_is_held_and_every_number_is_shown() -> None:
    decision = decide(held_view())
    assert (decision.action, decision.reason) == ("hold", "holding")
    shown = {"danger_score", "danger_velocity_raw", "peak_price_bps", "hard_stop_ticks", "shares"}
    assert shown <= decision.inputs.keys()


def test_profit_is_locked_for_what_is_held_right_after_the_fill() -> None:
    decision = decide(held_view(orders=(ENTRY,)))
    (intent,) = decision.intents
    assert (decision.action, decision.reason) == ("exit", "profit_lock")
    assert (intent.side, intent.order_type, intent.purpose) == (
        Side.SELL, OrderType.GTC, "profit_lock",
    )  # fmt: skip
    assert (intent.price_bps, intent.size_shares) == (9900, SHARES)


@pytest.mark.parametrize(
    "changes",
    [
        {"positions": holding(status=FillStatus.MATCHED)},
        {"positions": holding(4_990_000)},
        {"positions": holding(price=9900)},
        {"memory": remembering(lock_dropped=True)},
        {"memory": remembering(lock_tries=MAX_LOCK_TRIES)},
        {"memory": remembering(last_lock_ns=MARKET.close_ns - 40 * S - 1)},
        {"orders": LOCKED},
    ],
    ids=["unsettled", "below minimum", "no gain", "dropped", "refused", "just tried", "locked"],
)
def test_no_lock_where_it_cannot_or_must_not_be(changes: dict[str, Any]) -> None:
    assert decide(held_view(**({"orders": (ENTRY,)} | changes))).reason == "holding"


def test_a_lock_is_tried_again_after_a_second_a_limited_number_of_times() -> None:
    memory = remembering(last_lock_ns=MARKET.close_ns - 41 * S, lock_tries=MAX_LOCK_TRIES - 1)
    decision = decide(held_view(orders=(ENTRY,), memory=memory, positions=holding(5_000_000)))
    assert decision.reason == "profit_lock"
    assert decision.memory.lock_tries == MAX_LOCK_TRIES


def test_the_lock_can_be_switched_off_and_must_be_on_the_tick() -> None:
    assert decide(held_view(orders=(ENTRY,)), profit_lock=False).reason == "holding"
    assert decide(held_view(orders=(ENTRY,)), profit_lock_price="0.985").reason == "holding"


def test_a_later_partial_fill_gets_a_lock_of_its_own() -> None:
    orders = (ENTRY, a_lock(size_shares=15_000_000))
    (intent,) = decide(held_view(orders=orders)).intents
    assert intent.size_shares == 10_000_000


def test_the_lock_goes_when_the_bid_slips_and_does_not_come_back() -> None:
    slipped = decide(held_view(up_bid=6900, up_ask=9700))
    assert (slipped.action, slipped.reason) == ("cancel", "profit_lock_cancel")
    assert [cancel.venue_order_id for cancel in slipped.cancels] == ["0x10c"]
    gone = (ENTRY, a_lock(status=OrderStatus.CANCELED))
    assert decide(held_view(orders=gone, memory=slipped.memory)).reason == "holding"


def test_an_exit_cancels_our_own_orders_first_waits_and_only_then_sells() -> None:
    low = {"up_bid": 6000, "up_ask": 6100}
    first = decide(held_view(**low))
    assert (first.action, first.reason) == ("cancel", "profit_lock_cancel")
    second = decide(held_view(remaining_s=39, memory=first.memory, **low))
    assert (second.action, second.reason) == ("cancel", "hard_stop")
    assert not second.intents
    leaving = (ENTRY, a_lock(status=OrderStatus.PENDING_CANCEL))
    third = decide(held_view(remaining_s=38, memory=second.memory, orders=leaving, **low))
    assert (third.action, third.reason) == ("hold", "leaving")
    gone = (ENTRY, a_lock(status=OrderStatus.CANCELED))
    fourth = decide(held_view(remaining_s=37, memory=third.memory, orders=gone, **low))
    (sale,) = fourth.intents
    assert (fourth.action, fourth.reason, sale.purpose) == ("exit", "hard_stop", "hard_stop")
    assert (sale.order_type, sale.price_bps, sale.size_shares) == (OrderType.FAK, 100, SHARES)


def test_an_exit_is_repeated_once_a_second_for_the_shares_that_are_left() -> None:
    fills = holding()[Outcome.UP].apply_fill(
        a_fill(trade_id="t-2", venue_order_id="0xbb", side=Side.SELL, price_bps=6000,
               size_shares=20_000_000, matched_ns=2, status=FillStatus.MATCHED)
    )  # fmt: skip
    view = held_view(orders=(ENTRY,), positions={Outcome.UP: fills}, memory=LEAVING)
    first = decide(view)
    assert first.intents[0].size_shares == 5_000_000
    again = {"orders": (ENTRY,), "positions": {Outcome.UP: fills}, "memory": first.memory}
    assert decide(held_view(remaining_s=39.5, **again)).reason == "leaving"
    assert decide(held_view(remaining_s=39, **again)).action == "exit"


def test_once_leaving_a_recovered_price_changes_nothing() -> None:
    assert decide(held_view(orders=(ENTRY,), memory=LEAVING, up_bid=9800)).action == "exit"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"up_bid": None}, "no_bids"),
        ({"positions": holding(status=FillStatus.MATCHED)}, "shares_not_settled"),
        ({"positions": holding(9_999)}, "dust_left_to_settlement"),
        ({"memory": remembering(exit_reason=ExitReason.HARD_STOP,
                                last_exit_ns=MARKET.close_ns - 40 * S - 999_999_999)},
         "leaving"),
        ({"orders": (ENTRY, a_lock(status=OrderStatus.UNKNOWN)), "new_second": False},
         "unknown_order"),
        ({"orders": (an_order(status=OrderStatus.UNKNOWN),), "new_second": False}, "leaving"),
    ],
)  # fmt: skip
def test_what_keeps_an_exit_waiting_is_said(changes: dict[str, Any], reason: str) -> None:
    fields = {"orders": (ENTRY,), "memory": LEAVING}
    decision = decide(held_view(**(fields | changes)))
    assert (decision.action, decision.reason) == ("hold", reason)


def test_an_exit_sells_what_an_unknown_sale_cannot_have_sold() -> None:
    unknown = a_lock(size_shares=10_000_000, status=OrderStatus.UNKNOWN)
    view = held_view(orders=(ENTRY, unknown), memory=LEAVING, new_second=False)
    assert decide(view).intents[0].size_shares == 15_000_000


def test_a_floor_above_the_bid_keeps_the_shares() -> None:
    view = held_view(orders=(ENTRY,), memory=LEAVING, up_bid=3000, up_ask=3100)
    assert decide(view, exit_floor="0.35").reason == "bid_below_floor"
    assert decide(view, exit_floor="0.255").intents[0].price_bps == 2600
    assert decide(view, exit_floor="0.30").action == "exit"


def test_the_last_hundredth_of_a_share_is_sold() -> None:
    view = held_view(orders=(ENTRY,), memory=LEAVING, positions=holding(10_000))
    assert decide(view).intents[0].size_shares == 10_000


def test_danger_sells_after_two_seconds_of_a_strong_opponent() -> None:
    falling = ReferenceView(
        samples=((MARKET.close_ns - 43 * S, 10_000), (MARKET.close_ns - 40 * S, 9_970))
    )
    view = held_view(up_bid=8000, up_ask=8100, reference=falling)
    first = decide(view)
    assert first.reason == "holding"
    assert first.memory.counters == ExitCounters(danger=1)
    assert float(first.inputs["danger_velocity_raw"] or 0) == pytest.approx(0.3)
    second = decide(held_view(up_bid=8000, up_ask=8100, memory=first.memory, remaining_s=39))
    assert (second.action, second.reason) == ("cancel", "danger_exit")


def test_the_safety_exit_watches_to_the_very_close() -> None:
    view = held_view(orders=(ENTRY,), up_bid=7900, up_ask=8000, remaining_s=0.2)
    assert decide(view).reason == "safety_exit"
    assert decide(held_view(up_bid=7900, remaining_s=0)).reason == "closed"


def test_a_winner_without_asks_and_a_loser_without_bids_trigger_nothing() -> None:
    quiet = {"memory": remembering(), "remaining_s": 5}
    assert decide(held_view(up_bid=9900, up_ask=None, **quiet)).reason == "holding"
    assert decide(held_view(up_bid=None, up_ask=100, **quiet)).reason == "holding"


def test_a_lost_feed_does_not_raise_the_peak() -> None:
    decision = decide(held_view(up_bid=None, up_ask=None))
    assert decision.memory.peak == remembering().peak


def test_the_rest_of_a_partly_filled_entry_is_taken_back_in_time() -> None:
    partial = an_order(
        size_shares=SHARES, filled_shares=10_000_000, status=OrderStatus.PARTIALLY_FILLED
    )
    changes = {"orders": (partial,), "positions": holding(10_000_000)}
    assert decide(held_view(remaining_s=10, **changes)).reason == "entry_deadline"
    lock = decide(held_view(**changes)).intents[0]
    assert (lock.purpose, lock.size_shares) == ("profit_lock", 10_000_000)
    low = {"up_bid": 6000, "up_ask": 6100, "memory": LEAVING}
    decision = decide(held_view(**(changes | low)))
    assert [cancel.venue_order_id for cancel in decision.cancels] == ["0xaa"]
