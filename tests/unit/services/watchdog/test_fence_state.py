import msgspec
import pytest

from polybot.domain.fence import FencePhase, FenceTrigger
from polybot.messages.safety import (
    AlertRaised,
    FenceCleared,
    FencedOrdersCanceled,
    FencedTraderEnded,
    FenceRaised,
)
from polybot.services.watchdog.fence_state import FenceSnapshot, FenceState

STORY = (
    FenceRaised(epoch=1, reason="silent", pid=7, started_ticks=70, session="s1", trader_seq=40),
    FencedTraderEnded(epoch=1, is_over=False, detail="cannot be killed", pid=7),
    FencedOrdersCanceled(epoch=1, order_ids=("0xa", "0xb")),
    FencedOrdersCanceled(epoch=1, order_ids=("0xb",)),
    FenceCleared(epoch=1, canceled=2),
    FenceRaised(epoch=2, reason="again", session="s2"),
    FencedTraderEnded(epoch=2, is_over=True, detail="gone"),
)
PHASES = (
    FencePhase.RAISED,
    FencePhase.CANCELING,
    FencePhase.CANCELING,
    FencePhase.CANCELING,
    FencePhase.CLEARED,
    FencePhase.RAISED,
    FencePhase.CANCELING,
)


def test_a_fence_is_the_fold_of_its_events() -> None:
    state = FenceState()
    for event, phase in zip(STORY, PHASES, strict=True):
        state.apply(event)
        assert state.phase is phase

    assert (state.epoch, state.reason, state.session, state.pid) == (2, "again", "s2", 0)
    assert state.canceled == set(), "those of the fence before are not this one's"


@pytest.mark.parametrize("seen", range(len(STORY) + 1))
def test_a_checkpoint_at_any_event_continues_to_the_same_end(seen: int) -> None:
    state = FenceState()
    for event in STORY[:seen]:
        state.apply(event)
    stored = msgspec.json.encode(state.to_snapshot())

    restored = FenceState.from_snapshot(msgspec.json.decode(stored, type=FenceSnapshot))
    assert restored == state
    for event in STORY[seen:]:
        state.apply(event)
        restored.apply(event)

    assert restored == state


def test_a_checkpoint_from_before_there_were_fences_has_none() -> None:
    assert FenceState.from_snapshot(msgspec.json.decode(b"{}", type=FenceSnapshot)) == FenceState()


def test_events_about_something_else_change_nothing() -> None:
    state = FenceState()
    state.apply(AlertRaised(key="disk", severity="critical", text="full"))

    assert state == FenceState()


def test_a_trader_that_came_back_is_watched_again() -> None:
    state = FenceState()
    for event in STORY[:5]:
        state.apply(event)
    state.move(FenceTrigger.RETURN)

    assert state.phase is FencePhase.WATCHING
    state.apply(STORY[5])
    assert state.phase is FencePhase.RAISED
