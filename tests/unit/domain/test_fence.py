import pytest

from polybot.domain.fence import (
    APART_NS,
    FENCE_TABLE,
    LONGEST_PATIENCE_NS,
    SECOND_NS,
    SWEEP_AGAIN_NS,
    FencePhase,
    FenceTrigger,
    Sweeps,
    next_phase,
)
from polybot.errors import InvalidTransition

S = SECOND_NS


def test_a_missed_trader_is_ended_its_orders_are_canceled_and_its_return_is_awaited() -> None:
    phase = FencePhase.WATCHING
    for trigger, expected in (
        (FenceTrigger.MISS, FencePhase.RAISED),
        (FenceTrigger.END, FencePhase.CANCELING),
        (FenceTrigger.FIND_NOTHING, FencePhase.CLEARED),
        (FenceTrigger.RETURN, FencePhase.WATCHING),
    ):
        phase = next_phase(phase, trigger)
        assert phase is expected


@pytest.mark.parametrize("phase", FencePhase)
@pytest.mark.parametrize("trigger", FenceTrigger)
def test_what_the_table_does_not_have_is_refused(phase: FencePhase, trigger: FenceTrigger) -> None:
    if (phase, trigger) in FENCE_TABLE:
        assert next_phase(phase, trigger) is FENCE_TABLE[phase, trigger]
    else:
        with pytest.raises(InvalidTransition, match=phase.value):
            next_phase(phase, trigger)


def test_one_empty_listing_is_not_enough() -> None:
    once = Sweeps().after(0, 10 * S)

    assert not once.is_done
    assert once.next_ns == 10 * S + APART_NS


def test_two_empty_listings_are_enough_only_five_seconds_apart() -> None:
    once = Sweeps().after(0, 10 * S)

    assert not once.after(0, 10 * S + APART_NS - 1).is_done
    assert once.after(0, 10 * S + APART_NS).is_done


def test_an_order_between_two_empty_listings_begins_anew() -> None:
    found = Sweeps().after(0, 10 * S).after(1, 12 * S)

    assert found.empty_ns is None
    assert found.next_ns == 12 * S + SWEEP_AGAIN_NS
    again = found.after(0, 15 * S)
    assert not again.is_done
    assert again.after(0, 20 * S).is_done


def test_an_exchange_that_does_not_answer_is_asked_ever_more_patiently_and_for_ever() -> None:
    sweeps, waits = Sweeps(), []
    for _ in range(100):
        sweeps = sweeps.after_failure(0)
        waits.append(sweeps.next_ns)

    assert waits[:6] == [S, 2 * S, 4 * S, 8 * S, 16 * S, LONGEST_PATIENCE_NS]
    assert set(waits[5:]) == {LONGEST_PATIENCE_NS}
    assert not sweeps.is_done


def test_a_failure_does_not_undo_an_empty_listing_and_an_answer_ends_the_patience() -> None:
    sweeps = Sweeps().after(0, 10 * S).after_failure(15 * S)

    assert sweeps.empty_ns == 10 * S
    done = sweeps.after(0, 16 * S)
    assert done.is_done
    assert done.failures == 0
