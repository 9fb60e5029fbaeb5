"""Liveness: what a process's heartbeats, its work and its restarts say of it, as a verdict.

Times are CLOCK_MONOTONIC nanoseconds of the observer, so that nobody's wall clock can kill anybody.
"""

from enum import Enum

import msgspec

SECOND_NS = 1_000_000_000
NEVER_S = -1.0


class Verdict(Enum):
    """What an observer thinks of a process; `late` also covers one that beats but does no work."""

    ALIVE = "alive"
    LATE = "late"
    DEAD = "dead"
    FLAPPING = "flapping"


class Beat(Enum):
    """How old the newest heartbeat is."""

    FRESH = "fresh"
    OLD = "old"
    SILENT = "silent"
    NEVER = "never"


class Work(Enum):
    """Whether the work loop turned between heartbeats."""

    MOVING = "moving"
    STALLED = "stalled"


class Restarts(Enum):
    """Whether the process keeps starting again."""

    CALM = "calm"
    MANY = "many"


class LivenessRules(msgspec.Struct, frozen=True, kw_only=True):
    """Ages and counts that separate the verdicts; seconds of wall time."""

    late_s: float = 3.0
    dead_s: float = 10.0
    stalled_s: float = 30.0
    flapping_restarts: int = 3
    flapping_s: float = 120.0


class Pulse(msgspec.Struct, frozen=True, kw_only=True):
    """What was heard of one process so far.

    `expected_ns` is when listening began: a process that never beat is late and dead from there.
    `starts_ns` are the moments new sessions were noticed, the first one (no restart) left out.
    """

    expected_ns: int
    pid: int = 0
    session: str = ""
    heard_ns: int | None = None
    work: int = -1
    moved_ns: int | None = None
    starts_ns: tuple[int, ...] = ()


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """A verdict, one sentence why, and the age of the last heartbeat (-1: none was heard)."""

    verdict: Verdict
    reason: str
    heartbeat_age_s: float


# (heartbeat, work, restarts): verdict. Silence wins over everything, then flapping: a process that
# beats between two crashes is not well.
VERDICTS: dict[tuple[Beat, Work, Restarts], Verdict] = {
    (Beat.FRESH, Work.MOVING, Restarts.CALM): Verdict.ALIVE,
    (Beat.FRESH, Work.MOVING, Restarts.MANY): Verdict.FLAPPING,
    (Beat.FRESH, Work.STALLED, Restarts.CALM): Verdict.LATE,
    (Beat.FRESH, Work.STALLED, Restarts.MANY): Verdict.FLAPPING,
    (Beat.OLD, Work.MOVING, Restarts.CALM): Verdict.LATE,
    (Beat.OLD, Work.MOVING, Restarts.MANY): Verdict.FLAPPING,
    (Beat.OLD, Work.STALLED, Restarts.CALM): Verdict.LATE,
    (Beat.OLD, Work.STALLED, Restarts.MANY): Verdict.FLAPPING,
    (Beat.SILENT, Work.MOVING, Restarts.CALM): Verdict.DEAD,
    (Beat.SILENT, Work.MOVING, Restarts.MANY): Verdict.DEAD,
    (Beat.SILENT, Work.STALLED, Restarts.CALM): Verdict.DEAD,
    (Beat.SILENT, Work.STALLED, Restarts.MANY): Verdict.DEAD,
    # Listening began only now: not heard yet is no accusation.
    (Beat.NEVER, Work.MOVING, Restarts.CALM): Verdict.LATE,
    (Beat.NEVER, Work.MOVING, Restarts.MANY): Verdict.LATE,
    (Beat.NEVER, Work.STALLED, Restarts.CALM): Verdict.LATE,
    (Beat.NEVER, Work.STALLED, Restarts.MANY): Verdict.LATE,
}


def hear(pulse: Pulse, *, pid: int, session: str, work: int, now_ns: int) -> Pulse:
    """Return the pulse after a heartbeat; `work` is a counter of turns of the work loop."""
    restarted = pulse.session not in ("", session)
    moved = restarted or work != pulse.work
    return msgspec.structs.replace(
        pulse,
        pid=pid,
        session=session,
        heard_ns=now_ns,
        work=work,
        moved_ns=now_ns if moved else pulse.moved_ns,
        starts_ns=(*pulse.starts_ns, now_ns)[-100:] if restarted else pulse.starts_ns,
    )


def _age_s(since_ns: int, now_ns: int) -> float:
    return max(now_ns - since_ns, 0) / SECOND_NS


def _beat(pulse: Pulse, now_ns: int, rules: LivenessRules) -> Beat:
    since_ns = pulse.expected_ns if pulse.heard_ns is None else pulse.heard_ns
    age_s = _age_s(since_ns, now_ns)
    if age_s >= rules.dead_s:
        return Beat.SILENT
    if pulse.heard_ns is None:
        return Beat.NEVER
    return Beat.OLD if age_s >= rules.late_s else Beat.FRESH


def _work(pulse: Pulse, now_ns: int, rules: LivenessRules) -> Work:
    stalled = pulse.moved_ns is not None and _age_s(pulse.moved_ns, now_ns) >= rules.stalled_s
    return Work.STALLED if stalled else Work.MOVING


def restarts_within(pulse: Pulse, now_ns: int, rules: LivenessRules) -> int:
    """Return how many new sessions were noticed within the flapping span."""
    return sum(_age_s(start, now_ns) <= rules.flapping_s for start in pulse.starts_ns)


def _reason(verdict: Verdict, pulse: Pulse, work: Work, count: int, age_s: float) -> str:
    if verdict is Verdict.ALIVE:
        return "beats and works"
    if verdict is Verdict.FLAPPING:
        return f"started again {count} times"
    if pulse.heard_ns is None:
        return "not heard yet" if verdict is Verdict.LATE else f"never heard in {age_s:.1f} s"
    if verdict is Verdict.LATE and work is Work.STALLED:
        return "beats, but its work loop stands still"
    return f"last heartbeat {age_s:.1f} s ago"


def judge(pulse: Pulse, *, now_ns: int, rules: LivenessRules) -> Judgement:
    """Return the verdict of one process from the table above."""
    work = _work(pulse, now_ns, rules)
    count = restarts_within(pulse, now_ns, rules)
    restarts = Restarts.MANY if count >= rules.flapping_restarts else Restarts.CALM
    verdict = VERDICTS[_beat(pulse, now_ns, rules), work, restarts]
    heard = pulse.heard_ns
    age_s = _age_s(pulse.expected_ns if heard is None else heard, now_ns)
    return Judgement(
        verdict=verdict,
        reason=_reason(verdict, pulse, work, count, age_s),
        heartbeat_age_s=NEVER_S if heard is None else age_s,
    )
