"""The exits: two ticks in a row, on bids that exist, in their order, to the very close."""

from typing import Any

import pytest

from polybot.domain.exits import (
    ExitCounters,
    ExitDecision,
    ExitLook,
    ExitReason,
    ExitRules,
    check_exits,
)

RULES = ExitRules()


def a_look(**changes: Any) -> ExitLook:
    fields: dict[str, Any] = {
        "bid_bps": 9600,
        "opponent_ask_bps": 400,
        "danger_score": 0.0,
        "remaining_s": 60.0,
    }
    return ExitLook(**(fields | changes))


def after(*looks: ExitLook) -> ExitDecision:
    decision = ExitDecision(reason=None, cancel_profit_lock=False, counters=ExitCounters())
    for look in looks:
        decision = check_exits(look, decision.counters, RULES)
    return decision


LOW = a_look(bid_bps=6500, opponent_ask_bps=None)
DANGER = a_look(danger_score=0.40, opponent_ask_bps=1600)


def test_a_quiet_position_is_kept_with_its_lock() -> None:
    assert after(a_look(), a_look()) == ExitDecision(
        reason=None, cancel_profit_lock=False, counters=ExitCounters()
    )


@pytest.mark.parametrize(
    ("looks", "reason"),
    [
        ((LOW,), None),
        ((LOW, LOW), ExitReason.HARD_STOP),
        ((LOW, a_look(), LOW), None),
        ((DANGER,), None),
        ((DANGER, DANGER), ExitReason.DANGER_EXIT),
        ((DANGER, a_look(danger_score=9.0, opponent_ask_bps=1500), DANGER), None),
        ((a_look(danger_score=9.0, opponent_ask_bps=1500),) * 3, None),
        ((a_look(bid_bps=6501, opponent_ask_bps=None),) * 3, None),
    ],
)
def test_a_trigger_needs_two_ticks_in_a_row(
    looks: tuple[ExitLook, ...], reason: ExitReason | None
) -> None:
    assert after(*looks).reason is reason


def test_looks_within_one_second_count_once() -> None:
    again = a_look(bid_bps=6000, opponent_ask_bps=None, new_tick=False)
    decision = after(LOW, again, again)
    assert decision.reason is None
    assert decision.counters.hard_stop == 1


def test_a_tick_without_bids_triggers_nothing_and_forgets_nothing() -> None:
    nothing = a_look(bid_bps=None, remaining_s=1.0)
    decision = after(LOW, nothing)
    assert (decision.reason, decision.cancel_profit_lock) == (None, False)
    assert after(LOW, nothing, LOW).reason is ExitReason.HARD_STOP


def test_a_trigger_whose_price_came_back_between_two_ticks_does_not_fire() -> None:
    nothing = a_look(bid_bps=None)
    counted = check_exits(LOW, after(LOW, nothing).counters, RULES).counters
    back = a_look(bid_bps=9000, new_tick=False)
    assert check_exits(back, counted, RULES).reason is None


def test_danger_without_an_opponent_price_is_not_counted() -> None:
    assert after(DANGER, a_look(danger_score=9.0, opponent_ask_bps=None)).reason is None


@pytest.mark.parametrize(
    ("bid", "remaining_s", "reason"),
    [
        (7900, 10.0, ExitReason.SAFETY_EXIT),
        (7900, 0.1, ExitReason.SAFETY_EXIT),
        (7900, 10.1, None),
        (8000, 5.0, None),
        (None, 5.0, None),
    ],
)
def test_the_safety_exit_sells_a_weak_favorite_in_the_last_seconds(
    bid: int | None, remaining_s: float, reason: ExitReason | None
) -> None:
    assert after(a_look(bid_bps=bid, remaining_s=remaining_s)).reason is reason


def test_the_hard_stop_is_named_before_danger_and_danger_before_safety() -> None:
    all_three = a_look(bid_bps=6000, opponent_ask_bps=4100, danger_score=2.0, remaining_s=5.0)
    assert after(all_three).reason is ExitReason.SAFETY_EXIT
    assert after(all_three, all_three).reason is ExitReason.HARD_STOP
    two = a_look(bid_bps=7000, opponent_ask_bps=3100, danger_score=2.0, remaining_s=5.0)
    assert after(two, two).reason is ExitReason.DANGER_EXIT


def test_the_profit_lock_goes_when_the_bid_slips_or_an_exit_begins() -> None:
    assert after(a_look(bid_bps=6999)).cancel_profit_lock
    assert not after(a_look(bid_bps=7000)).cancel_profit_lock
    assert after(DANGER, DANGER).cancel_profit_lock
