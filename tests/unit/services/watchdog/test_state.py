import msgspec
import pytest

from polybot.domain.alerting import Alerting, Due
from polybot.errors import CheckpointError
from polybot.messages.codec import encode
from polybot.messages.lifecycle import ProcessStarted
from polybot.messages.safety import AlertCleared, AlertRaised, VerdictChanged
from polybot.services.watchdog.state import Snapshot, WatchdogState, restore
from tests.fakes import make_envelope

EVENTS = [
    VerdictChanged(process="trader", verdict="alive", was="", reason=""),
    AlertRaised(key="disk", severity="critical", text="5 MiB"),
    AlertRaised(key="clock", severity="critical", text="9 s"),
    AlertCleared(key="disk", text="5 MiB"),
    VerdictChanged(process="trader", verdict="dead", was="alive", reason=""),
    ProcessStarted(
        process="watchdog",
        pid=1,
        version="",
        mode="",
        config_hash="",
        restored_seq=0,
        replayed=0,
    ),
]


@pytest.mark.parametrize("checkpointed", range(len(EVENTS) + 1))
def test_any_split_of_checkpoint_and_journal_ends_in_the_same_state(checkpointed: int) -> None:
    before = WatchdogState()
    for event in EVENTS[:checkpointed]:
        before.apply(event)
    snapshot = msgspec.json.encode(before.to_snapshot())
    tail = [encode(make_envelope(event, source="watchdog")) for event in EVENTS[checkpointed:]]

    restored = restore(checkpointed, snapshot, tail)

    alerting = Alerting({"disk": Due("5 MiB", gone=True), "clock": Due("9 s")})
    state = WatchdogState({"trader": "dead"}, {"clock": "9 s"}, alerting=alerting)
    assert restored.state == state
    assert restored.replayed == len(tail)


def test_an_event_of_another_version_is_passed_over() -> None:
    payload = encode(make_envelope(EVENTS[0])).replace(b"VerdictChanged", b"VerdictSwapped")

    assert restore(0, None, [payload]).state == WatchdogState()


def test_an_unreadable_checkpoint_is_said() -> None:
    with pytest.raises(CheckpointError, match="checkpoint at 3"):
        restore(3, b"[]", [])


def test_clearing_what_is_not_open_changes_nothing() -> None:
    state = WatchdogState()
    state.apply(AlertCleared(key="disk", text=""))

    assert state.to_snapshot() == Snapshot(verdicts={}, alerts={})
