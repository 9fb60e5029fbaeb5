"""The watchdog process: hears, measures, judges; raises alerts, stops entries and says why."""

import logging
from typing import Any

import msgspec

from polybot.domain.alarms import Finding, Severity, find_alarms
from polybot.domain.liveness import Judgement, Verdict
from polybot.errors import ProtocolError, StorageError
from polybot.messages.commands import GetVerdicts, ProcessVerdict, Verdicts, Witness
from polybot.messages.envelope import Envelope
from polybot.messages.lifecycle import Heartbeat, MarketTimeChanged
from polybot.messages.safety import AlertCleared, AlertHeard, AlertRaised, VerdictChanged
from polybot.messages.tracking import AuditCompleted
from polybot.ports import Vitals
from polybot.services.watchdog.alert_desk import AlertDesk
from polybot.services.watchdog.entry_brake import EntryBrake
from polybot.services.watchdog.fencing import FenceKeeper
from polybot.services.watchdog.gauges import Gauges
from polybot.services.watchdog.listener import Listener
from polybot.services.watchdog.needs import WatchdogPorts, WatchdogSettings
from polybot.services.watchdog.state import SCHEMA, Restored

logger = logging.getLogger(__name__)

SECOND_NS = 1_000_000_000
JUDGE_NS = SECOND_NS
CHECKPOINT_NS = 60 * SECOND_NS
TRADER = "trader"
AUDIT = "audit"


class WatchdogService:
    """Judges once a second; whatever it thinks otherwise than before is a durable event."""

    name = "watchdog"

    def __init__(
        self, ports: WatchdogPorts, settings: WatchdogSettings, restored: Restored
    ) -> None:
        self.wake = ports.wake
        self.restored = (restored.checkpoint_seq, restored.replayed)
        self._ports = ports
        self._settings = settings
        self._state = restored.state
        now = ports.clock.monotonic_ns()
        others = tuple(name for name in settings.processes if name != self.name)
        self._listener = Listener(others, now)
        self._gauges = Gauges(
            host=ports.host,
            exchange_time=ports.exchange_time,
            storage=ports.storage,
            clock=ports.clock,
            rules=settings.alarms,
            wall_jump_s=ports.wall_jump_s,
            crash_loops=ports.crash_loops,
        )
        self._brake = EntryBrake(ports.commands)
        self._fence = FenceKeeper(
            ports.fence,
            restored.state.fence,
            clock=ports.clock,
            record=self._record,
            silence_ns=settings.fence_ns,
        )
        self._desk = AlertDesk(
            restored.state.alerting,
            ports.messenger,
            ports.clock,
            self._record,
            settings.signature,
        )
        self._judgements: dict[str, Judgement] = {}
        # A difference found before a restart stands until an audit says otherwise.
        known = restored.state.alerts.get(AUDIT)
        self._audit = _books_differ(known) if known else None
        self._judge_at_ns = 0
        self._checkpoint_at_ns = now + CHECKPOINT_NS
        self._rounds = 0

    async def start(self) -> None:
        """Listen from now on: what was said before is history, and heartbeats tell the rest."""
        newest: dict[str, int] = {}
        witnesses: dict[str, Witness] = {}
        try:
            newest = self._ports.storage.positions()
            witnesses = self._ports.storage.witnesses()
        except StorageError as error:
            logger.debug("no database yet: %s", error)
        self._ports.inbox.resume_from(
            {name: newest.get(name, 0) for name in self._settings.processes}, witnesses
        )

    def turn(self) -> None:
        """Hear, and once a second measure, judge and tell."""
        now = self._ports.clock.monotonic_ns()
        for envelope, body in self._ports.inbox.take():
            self._hear(envelope, body, now)
        self._fence.turn(self._listener.pulses[TRADER], now)
        if now >= self._judge_at_ns:
            self._judge_at_ns = now + JUDGE_NS
            self._judge(now)
        self._ports.outbox.commit()
        # What a person is told was written down before: a crash may send it twice, never not.
        self._desk.turn()
        self._ports.outbox.commit()
        if now >= self._checkpoint_at_ns:
            self._checkpoint_at_ns = now + CHECKPOINT_NS
            self._checkpoint()

    def next_wake_s(self) -> float:
        """Sleep until the next judgement."""
        wait_s = (self._judge_at_ns - self._ports.clock.monotonic_ns()) / SECOND_NS
        return min(1.0, max(0.0, wait_s))

    def vitals(self) -> Vitals:
        """Return the number of judgements as progress."""
        clock = self._ports.market_clock
        return Vitals(progress=self._rounds, market_ns=clock.now_ns() if clock.ready() else 0)

    def handle(self, request_type: str, body: Any) -> msgspec.Struct:
        """Answer GetVerdicts; raises ProtocolError for anything else."""
        if isinstance(body, GetVerdicts):
            return self.verdicts()
        raise ProtocolError(f"expected a request the watchdog knows, was {request_type}: {body}")

    def verdicts(self) -> Verdicts:
        """Return the verdict of every process, our own included, and the open alerts."""
        now = self._ports.clock.monotonic_ns()
        judgements = self._listener.judgements(now, self._settings.liveness)
        return Verdicts(
            processes=tuple(
                self._own_verdict() if name == self.name else self._told(name, judgements[name])
                for name in self._settings.processes
            ),
            alerts=tuple(self._state.alerts.values()),
        )

    def status(self) -> str:
        """Say who is not well."""
        unwell = [
            f"{name} {judgement.verdict.value}"
            for name, judgement in self._judgements.items()
            if judgement.verdict is not Verdict.ALIVE
        ]
        alerts = f", {len(self._state.alerts)} alerts" if self._state.alerts else ""
        brake = (
            f"; entries stopped: {'; '.join(self._brake.reasons)}" if self._brake.reasons else ""
        )
        return f"{', '.join(unwell) or 'all processes alive'}{alerts}{brake}"

    async def stop(self) -> None:
        """Write down what is open."""
        self._ports.outbox.commit()
        self._checkpoint()

    def _hear(self, envelope: Envelope, body: Any, now: int) -> None:
        if isinstance(body, Heartbeat):
            self._listener.heard(envelope, body, now)
            if envelope.source == TRADER:
                self._fence.heard(envelope.session, body)
        elif isinstance(body, MarketTimeChanged):
            self._ports.market_clock.accept(body)
            self._gauges.market_moves = body.speed > 0 and not body.idle
        elif isinstance(body, AuditCompleted):
            self._audit = _audit_finding(body)
        elif isinstance(body, AlertRaised):
            heard = AlertHeard(
                source=envelope.source, key=body.key, severity=body.severity, text=body.text
            )
            self._record(heard)

    def _judge(self, now: int) -> None:
        self._rounds += 1
        self._judgements = self._listener.judgements(now, self._settings.liveness)
        for name, judgement in self._judgements.items():
            self._tell_verdict(name, judgement)
        findings = [
            *self._process_findings(),
            *(finding for finding in (self._audit, self._fence.finding()) if finding),
            *find_alarms(
                self._gauges.read(self._listener.beats, self._judgements), self._settings.alarms
            ),
        ]
        self._tell_alerts({finding.key: finding for finding in findings})
        if TRADER in self._listener.new_sessions:
            self._brake.trader_began()
        self._listener.new_sessions.clear()
        reasons = tuple(finding.text for finding in findings if finding.stops_entries)
        self._brake.want(reasons, self._listener.beats.get(TRADER), now)

    def _process_findings(self) -> list[Finding]:
        return [
            Finding(
                key=f"process:{name}",
                severity=Severity.CRITICAL,
                text=f"{name} is {judgement.verdict.value}: {judgement.reason}",
                stops_entries=name in self._settings.vital,
            )
            for name, judgement in self._judgements.items()
            if self._is_lost(f"process:{name}", judgement.verdict)
        ]

    def _is_lost(self, key: str, verdict: Verdict) -> bool:
        if verdict in (Verdict.DEAD, Verdict.FLAPPING):
            return True
        # Who began to listen a moment ago has not heard that it is back.
        return key in self._state.alerts and verdict is not Verdict.ALIVE

    def _tell_verdict(self, name: str, judgement: Judgement) -> None:
        verdict = judgement.verdict.value
        was = self._state.verdicts.get(name, "")
        # Listening began a moment ago: not heard yet is no news.
        silent_start = judgement.verdict is Verdict.LATE and not self._listener.was_heard(name)
        if verdict == was or silent_start:
            return
        self._record(
            VerdictChanged(process=name, verdict=verdict, was=was, reason=judgement.reason)
        )
        log = logger.info if judgement.verdict is Verdict.ALIVE else logger.warning
        log("%s is %s (was %s): %s", name, verdict, was or "unknown", judgement.reason)

    def _tell_alerts(self, findings: dict[str, Finding]) -> None:
        for key, finding in findings.items():
            if key not in self._state.alerts:
                self._record(
                    AlertRaised(key=key, severity=finding.severity.value, text=finding.text)
                )
                logger.warning("alert (%s): %s", finding.severity.value, finding.text)
        for key in [key for key in self._state.alerts if key not in findings]:
            text = self._state.alerts[key]
            self._record(AlertCleared(key=key, text=text))
            logger.info("alert over: %s", text)

    def _record(self, event: msgspec.Struct) -> None:
        self._ports.outbox.record(event)
        self._state.apply(event)

    def _told(self, name: str, judgement: Judgement) -> ProcessVerdict:
        beat = self._listener.beats.get(name)
        return ProcessVerdict(
            name=name,
            pid=beat.pid if beat else 0,
            verdict=judgement.verdict.value,
            heartbeat_age_s=judgement.heartbeat_age_s,
            status=beat.status if beat else judgement.reason,
        )

    def _own_verdict(self) -> ProcessVerdict:
        return ProcessVerdict(
            name=self.name,
            pid=self._settings.pid,
            verdict=Verdict.ALIVE.value,
            heartbeat_age_s=0.0,
            status=self.status(),
        )

    def _checkpoint(self) -> None:
        state = msgspec.json.encode(self._state.to_snapshot())
        self._ports.checkpoints.save_in_background(self._ports.outbox.last_seq(), state, SCHEMA)


def _audit_finding(audit: AuditCompleted) -> Finding | None:
    if audit.agrees:
        return None
    count = len(audit.differences)
    points = f"{count} points, the first" if count > 1 else "1 point"
    first = audit.differences[0] if count else "not said"
    return _books_differ(f"our books differ from the exchange's in {points}: {first}")


def _books_differ(text: str) -> Finding:
    return Finding(key=AUDIT, severity=Severity.CRITICAL, text=text, stops_entries=True)
