"""What the watchdog must remember over a restart, as a fold over its own events."""

from collections.abc import Iterable

import msgspec

from polybot.domain.alerting import Alerting
from polybot.errors import CheckpointError, ProtocolError
from polybot.messages.codec import decode_body, decode_envelope
from polybot.messages.safety import (
    AlertCleared,
    AlertHeard,
    AlertRaised,
    AlertTold,
    VerdictChanged,
)
from polybot.services.watchdog.fence_state import FenceSnapshot, FenceState

SCHEMA = 1


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """The watchdog's state as a checkpoint holds it."""

    verdicts: dict[str, str]
    alerts: dict[str, str]
    fence: FenceSnapshot = FenceSnapshot()
    alerting: Alerting = msgspec.field(default_factory=Alerting)


class WatchdogState(msgspec.Struct):
    """The last verdict told of each process, open alerts, what a person must hear, the fence."""

    verdicts: dict[str, str] = msgspec.field(default_factory=dict)
    alerts: dict[str, str] = msgspec.field(default_factory=dict)
    fence: FenceState = msgspec.field(default_factory=FenceState)
    alerting: Alerting = msgspec.field(default_factory=Alerting)

    def apply(self, event: object) -> None:
        """Change the state by one event of our own."""
        if isinstance(event, VerdictChanged):
            self.verdicts[event.process] = event.verdict
        elif isinstance(event, AlertRaised):
            self.alerts[event.key] = event.text
            self.alerting.raised(event.key, event.severity, event.text)
        elif isinstance(event, AlertCleared):
            self.alerts.pop(event.key, None)
            self.alerting.cleared(event.key)
        elif isinstance(event, AlertHeard):
            self.alerting.raised(f"{event.source}/{event.key}", event.severity, event.text)
        elif isinstance(event, AlertTold):
            self.alerting.delivered(
                event.key, times=event.times, over=event.over, ts_ns=event.told_ns
            )
        else:
            self.fence.apply(event)

    def to_snapshot(self) -> Snapshot:
        """Return everything as one value for a checkpoint."""
        return Snapshot(
            verdicts=dict(self.verdicts),
            alerts=dict(self.alerts),
            fence=self.fence.to_snapshot(),
            alerting=Alerting(dict(self.alerting.due), dict(self.alerting.told)),
        )


class Restored(msgspec.Struct, frozen=True):
    """What a start begins with."""

    state: WatchdogState = msgspec.field(default_factory=WatchdogState)
    checkpoint_seq: int = 0
    replayed: int = 0


def restore(checkpoint_seq: int, checkpoint: bytes | None, payloads: Iterable[bytes]) -> Restored:
    """Fold the journal's events after a checkpoint into its state; raises CheckpointError."""
    state = WatchdogState()
    if checkpoint is not None:
        try:
            snapshot = msgspec.json.decode(checkpoint, type=Snapshot)
        except msgspec.MsgspecError as error:
            message = f"expected a watchdog checkpoint at {checkpoint_seq}, was unreadable: {error}"
            raise CheckpointError(message) from error
        fence = FenceState.from_snapshot(snapshot.fence)
        state = WatchdogState(
            dict(snapshot.verdicts), dict(snapshot.alerts), fence, snapshot.alerting
        )
    replayed = 0
    for payload in payloads:
        replayed += 1
        envelope = decode_envelope(payload)
        try:
            state.apply(decode_body(envelope.type, envelope.body))
        except ProtocolError:
            # Of another version: what it said is judged anew within seconds.
            continue
    return Restored(state, checkpoint_seq, replayed)
