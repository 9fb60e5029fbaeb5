"""What the watchdog hears of each process: heartbeats, sessions and their newest figures."""

from dataclasses import dataclass, field

from polybot.domain.liveness import Judgement, LivenessRules, Pulse, hear, judge
from polybot.messages.envelope import Envelope
from polybot.messages.lifecycle import Heartbeat


@dataclass(slots=True)
class Listener:
    """A pulse and the newest heartbeat of each process, by CLOCK_MONOTONIC of this one."""

    processes: tuple[str, ...]
    since_ns: int
    pulses: dict[str, Pulse] = field(init=False)
    beats: dict[str, Heartbeat] = field(default_factory=dict)
    new_sessions: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.pulses = {name: Pulse(expected_ns=self.since_ns) for name in self.processes}

    def heard(self, envelope: Envelope, beat: Heartbeat, now_ns: int) -> None:
        """Take a heartbeat; those of processes that do not belong to this floor are ignored."""
        pulse = self.pulses.get(envelope.source)
        if pulse is None:
            return
        if pulse.session != envelope.session:
            self.new_sessions.add(envelope.source)
        self.beats[envelope.source] = beat
        self.pulses[envelope.source] = hear(
            pulse, pid=beat.pid, session=envelope.session, work=beat.turns, now_ns=now_ns
        )

    def was_heard(self, process: str) -> bool:
        """Return whether a process was ever heard."""
        return self.pulses[process].heard_ns is not None

    def judgements(self, now_ns: int, rules: LivenessRules) -> dict[str, Judgement]:
        """Return the verdict of each process at this moment."""
        return {
            name: judge(pulse, now_ns=now_ns, rules=rules) for name, pulse in self.pulses.items()
        }
