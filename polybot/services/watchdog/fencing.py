"""Shuts out a trader that went silent: the epoch first, then the process, then its orders."""

import logging
from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass, field

import msgspec

from polybot.domain.alarms import Finding, Severity
from polybot.domain.fence import STALE_NS, FencePhase, FenceRecord, FenceTrigger, Sweeps
from polybot.domain.liveness import SECOND_NS, Pulse
from polybot.errors import StorageError
from polybot.messages.lifecycle import Heartbeat
from polybot.messages.safety import (
    FenceCleared,
    FencedOrdersCanceled,
    FencedTraderEnded,
    FenceRaised,
)
from polybot.ports import Clock
from polybot.ports.fence import ProcessIdentity, Sweep
from polybot.services.watchdog.fence_state import FenceState
from polybot.services.watchdog.needs import FenceTools

logger = logging.getLogger(__name__)

KEY = "fence"
# A disk that refuses the epoch, and a process that cannot be killed, are tried again this often.
AGAIN_NS = 5 * SECOND_NS


@dataclass(slots=True)
class FenceKeeper:
    """Carries a fence through its phases, one step at a time, over restarts of the watchdog.

    `state` is a fold over our own durable events, which `record` writes and applies; `silence_ns`
    is the budget in which a trader must be heard again after a crash.
    """

    tools: FenceTools
    state: FenceState
    _: KW_ONLY
    record: Callable[[msgspec.Struct], None]
    clock: Clock
    silence_ns: int
    _identity: ProcessIdentity | None = None
    _identified: str = ""
    _sweeps: Sweeps = field(default_factory=Sweeps)
    _next_try_ns: int = 0
    _trouble: str = ""
    _told: tuple[tuple[str, ...], dict[str, str]] = ((), {})
    _begun: bool = False
    _last_turn_ns: int | None = None
    _awake_ns: int = 0

    def heard(self, session: str, beat: Heartbeat) -> None:
        """Note who sends the trader's heartbeats, while it certainly runs."""
        if session != self._identified:
            self._identified = session
            self._identity = self.tools.killer.identify(beat.pid, beat.uptime_s)
            if self._identity is None:
                logger.warning(
                    "the trader says it is process %d, which the kernel does not confirm; "
                    "who holds its lock would be ended",
                    beat.pid,
                )

    def turn(self, pulse: Pulse, now_ns: int) -> None:
        """Take the next step that is due."""
        if self._last_turn_ns is None or now_ns - self._last_turn_ns > STALE_NS:
            # Who slept has heard nobody: that is not the trader's silence.
            self._awake_ns = now_ns
        self._last_turn_ns = now_ns
        if now_ns < self._next_try_ns:
            return
        try:
            self._step(pulse, now_ns)
        except StorageError as error:
            # Without the epoch nothing else is done: a trader killed now might post again.
            self._next_try_ns = now_ns + AGAIN_NS
            if str(error) != self._trouble:
                logger.critical("the fence cannot be written: %s", error)
            self._trouble = str(error)
            return
        self._trouble = ""

    def finding(self) -> Finding | None:
        """Return what a person should know while the fence is up, which stops entries too."""
        if self._trouble:
            text = (
                f"expected to raise the fence against a silent trader, could not: {self._trouble}"
            )
        elif self.state.phase in (FencePhase.RAISED, FencePhase.CANCELING):
            text = self._description()
        else:
            return None
        return Finding(key=KEY, severity=Severity.CRITICAL, text=text, stops_entries=True)

    def _description(self) -> str:
        state = self.state
        left = "" if state.is_over else f"; it still may run: {state.detail or 'not killed yet'}"
        return f"the trader was shut out (epoch {state.epoch}: {state.reason}){left}"

    def _step(self, pulse: Pulse, now_ns: int) -> None:
        if not self._begun:
            self._begin()
        phase = self.state.phase
        if self._is_missed(pulse, now_ns):
            self._raise(pulse, now_ns)
            phase = self.state.phase
        if phase is FencePhase.RAISED:
            self._end_trader(now_ns)
        elif phase is FencePhase.CANCELING:
            self._sweep(now_ns)
        elif phase is FencePhase.CLEARED and self._is_heard(pulse, now_ns):
            self.state.move(FenceTrigger.RETURN)

    def _begin(self) -> None:
        """Make the files agree with what we know, whatever was lost: the epoch never goes back."""
        try:
            record = self.tools.store.read()
        except StorageError as error:
            logger.critical("%s", error)
            record = self._remembered(self.state.epoch + 1)
            self.tools.store.write(record)
        if record is None or record.epoch < self.state.epoch:
            record = self._remembered(self.state.epoch)
            self.tools.store.write(record)
        # A kill may have come between the file and what traders look at.
        self.tools.store.show(record.epoch)
        self.state.epoch = max(self.state.epoch, record.epoch)
        if not record.is_cleared and self._is_cleared():
            # Killed between the file and the event: the fence stands, what follows is still due.
            self._announce(record.reason, None, "")
        self._begun = True

    def _remembered(self, epoch: int) -> FenceRecord:
        return FenceRecord(epoch=epoch, is_cleared=self._is_cleared(), reason=self.state.reason)

    def _is_cleared(self) -> bool:
        return self.state.phase in (FencePhase.WATCHING, FencePhase.CLEARED)

    def _is_heard(self, pulse: Pulse, now_ns: int) -> bool:
        return pulse.heard_ns is not None and now_ns - pulse.heard_ns < self.silence_ns

    def _is_missed(self, pulse: Pulse, now_ns: int) -> bool:
        if self._silent_ns(pulse, now_ns) < self.silence_ns:
            return False
        if self.state.phase is FencePhase.CANCELING:
            # Only another one than we already shut out: a trader that came back and fell silent.
            return pulse.session not in ("", self.state.session)
        return self.state.phase is FencePhase.WATCHING

    def _silent_ns(self, pulse: Pulse, now_ns: int) -> int:
        since_ns = pulse.expected_ns if pulse.heard_ns is None else pulse.heard_ns
        return now_ns - max(since_ns, self._awake_ns)

    def _raise(self, pulse: Pulse, now_ns: int) -> None:
        silent_s = self._silent_ns(pulse, now_ns) / SECOND_NS
        reason = f"no heartbeat of the trader for {silent_s:.0f} s"
        epoch = self.state.epoch + 1
        self.tools.store.write(
            FenceRecord(epoch=epoch, is_cleared=False, raised_ns=self.clock.now_ns(), reason=reason)
        )
        self.state.epoch = epoch
        logger.critical("fence raised to epoch %d: %s; ending the trader", epoch, reason)
        known = self._identity if pulse.session == self._identified else None
        self._announce(reason, known, pulse.session)

    def _announce(self, reason: str, known: ProcessIdentity | None, session: str) -> None:
        identity = known or self.tools.killer.lock_holder(self.silence_ns / SECOND_NS)
        self.record(
            FenceRaised(
                epoch=self.state.epoch,
                reason=reason,
                pid=identity.pid if identity else 0,
                started_ticks=identity.started_ticks if identity else 0,
                session=session,
                # Read now that nothing of theirs can leave any more: every order that did is in it.
                trader_seq=self.tools.sweeper.newest_seq(),
            )
        )
        self._sweeps = Sweeps()

    def _end_trader(self, now_ns: int) -> None:
        state = self.state
        if not state.pid:
            is_over, detail = not self._is_lock_held(), "nobody known holds the trader's lock"
            if not is_over:
                detail = "its process is not known"
        else:
            killing = self.tools.killer.kill(ProcessIdentity(state.pid, state.started_ticks))
            is_over, detail = killing.is_over, killing.detail
        log = logger.warning if is_over else logger.critical
        log("the trader behind the fence: %s", detail)
        self.record(
            FencedTraderEnded(epoch=state.epoch, is_over=is_over, detail=detail, pid=state.pid)
        )
        self._sweeps = msgspec.structs.replace(self._sweeps, next_ns=now_ns)

    def _is_lock_held(self) -> bool:
        return self.tools.killer.lock_holder(self.silence_ns / SECOND_NS) is not None

    def _sweep(self, now_ns: int) -> None:
        ended = self.tools.sweeper.take()
        if ended is not None:
            self._take(ended, now_ns)
        elif now_ns >= self._sweeps.next_ns:
            self.tools.sweeper.begin(self.state.trader_seq)

    def _take(self, sweep: Sweep, now_ns: int) -> None:
        if sweep.error:
            self._sweeps = self._sweeps.after_failure(now_ns)
            failures = self._sweeps.failures
            if not failures & (failures - 1):
                logger.warning(
                    "orders behind the fence cannot be canceled (%d times), going on: %s",
                    failures,
                    sweep.error,
                )
            return
        self._sweeps = self._sweeps.after(len(sweep.ours), now_ns)
        if sweep.ours and (sweep.ours, sweep.refused) != self._told:
            self._told = (sweep.ours, sweep.refused)
            self.record(
                FencedOrdersCanceled(
                    epoch=self.state.epoch,
                    order_ids=sweep.ours,
                    refused=sweep.refused,
                    foreign=sweep.foreign,
                )
            )
            logger.warning(
                "behind the fence: %d orders asked to be canceled, %d refused, %d foreign left",
                len(sweep.ours),
                len(sweep.refused),
                sweep.foreign,
            )
        if self._sweeps.is_done:
            self._clear()

    def _clear(self) -> None:
        state = self.state
        self.tools.store.write(FenceRecord(epoch=state.epoch, is_cleared=True, reason=state.reason))
        canceled = len(state.canceled)
        self.record(FenceCleared(epoch=state.epoch, canceled=canceled))
        logger.warning(
            "fence cleared: no order of an epoch before %d rests, %d were canceled",
            state.epoch,
            canceled,
        )
