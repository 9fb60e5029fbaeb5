"""What the watchdog must remember of a fence over a restart, as a fold over its own events."""

import msgspec

from polybot.domain.fence import FencePhase, FenceTrigger, next_phase
from polybot.messages.safety import (
    FenceCleared,
    FencedOrdersCanceled,
    FencedTraderEnded,
    FenceRaised,
)


class FenceSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """The fence as a checkpoint holds it; the defaults are those of a floor without one."""

    epoch: int = 0
    phase: FencePhase = FencePhase.WATCHING
    reason: str = ""
    pid: int = 0
    started_ticks: int = 0
    session: str = ""
    trader_seq: int = 0
    is_over: bool = False
    detail: str = ""
    canceled: tuple[str, ...] = ()


class FenceState(msgspec.Struct):
    """The newest fence: whom it is against, and how far it got; fields as in `FenceRaised`.

    `canceled` are the ids whose cancel was asked for since it was raised.
    """

    epoch: int = 0
    phase: FencePhase = FencePhase.WATCHING
    reason: str = ""
    pid: int = 0
    started_ticks: int = 0
    session: str = ""
    trader_seq: int = 0
    is_over: bool = False
    detail: str = ""
    canceled: set[str] = msgspec.field(default_factory=set)

    def move(self, trigger: FenceTrigger) -> None:
        """Go to the next phase; raises InvalidTransition."""
        self.phase = next_phase(self.phase, trigger)

    def apply(self, event: object) -> None:
        """Change the state by one event of our own."""
        if isinstance(event, FenceRaised):
            self._raised(event)
        elif isinstance(event, FencedTraderEnded):
            self.is_over, self.detail = event.is_over, event.detail
            self.move(FenceTrigger.END)
        elif isinstance(event, FencedOrdersCanceled):
            self.canceled.update(event.order_ids)
        elif isinstance(event, FenceCleared):
            self.move(FenceTrigger.FIND_NOTHING)

    def to_snapshot(self) -> FenceSnapshot:
        """Return everything as one value for a checkpoint."""
        return FenceSnapshot(
            epoch=self.epoch,
            phase=self.phase,
            reason=self.reason,
            pid=self.pid,
            started_ticks=self.started_ticks,
            session=self.session,
            trader_seq=self.trader_seq,
            is_over=self.is_over,
            detail=self.detail,
            canceled=tuple(sorted(self.canceled)),
        )

    @classmethod
    def from_snapshot(cls, snapshot: FenceSnapshot) -> "FenceState":
        """Return the state a checkpoint holds."""
        state = cls(canceled=set(snapshot.canceled))
        for name in ("epoch", "phase", "reason", "pid", "started_ticks", "session", "trader_seq"):
            setattr(state, name, getattr(snapshot, name))
        state.is_over, state.detail = snapshot.is_over, snapshot.detail
        return state

    def _raised(self, event: FenceRaised) -> None:
        # A fold has no event for a trader's return: to be missed again, it must have come back.
        if self.phase is FencePhase.CLEARED:
            self.move(FenceTrigger.RETURN)
        self.move(FenceTrigger.MISS)
        self.epoch = event.epoch
        self.reason, self.session = event.reason, event.session
        self.pid, self.started_ticks = event.pid, event.started_ticks
        self.trader_seq = event.trader_seq
        self.is_over, self.detail = False, ""
        self.canceled = set()
