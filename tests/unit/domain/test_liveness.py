"""Verdicts: every row of the table, and how a pulse is kept from heartbeats."""

import itertools

import pytest

from polybot.domain.liveness import (
    VERDICTS,
    Beat,
    LivenessRules,
    Pulse,
    Restarts,
    Verdict,
    Work,
    hear,
    judge,
    restarts_within,
)

S = 1_000_000_000
RULES = LivenessRules()


def beating(until_s: int, *, session: str = "a", stuck: bool = False) -> Pulse:
    pulse = Pulse(expected_ns=0)
    for second in range(until_s + 1):
        work = 0 if stuck else second
        pulse = hear(pulse, pid=7, session=session, work=work, now_ns=second * S)
    return pulse


def test_every_combination_has_a_verdict() -> None:
    assert set(VERDICTS) == set(itertools.product(Beat, Work, Restarts))


@pytest.mark.parametrize(
    ("silent_s", "verdict"),
    [(0, Verdict.ALIVE), (2.9, Verdict.ALIVE), (3, Verdict.LATE), (9.9, Verdict.LATE),
     (10, Verdict.DEAD)],
)  # fmt: skip
def test_silence_makes_late_and_then_dead(silent_s: float, verdict: Verdict) -> None:
    judgement = judge(beating(5), now_ns=int((5 + silent_s) * S), rules=RULES)
    assert judgement.verdict is verdict
    assert judgement.heartbeat_age_s == pytest.approx(silent_s)


def test_a_process_never_heard_of_is_late_and_then_dead() -> None:
    pulse = Pulse(expected_ns=0)
    early = judge(pulse, now_ns=9 * S, rules=RULES)
    assert (early.verdict, early.heartbeat_age_s) == (Verdict.LATE, -1)
    assert early.reason == "not heard yet"
    late = judge(pulse, now_ns=10 * S, rules=RULES)
    assert late.verdict is Verdict.DEAD
    assert late.reason == "never heard in 10.0 s"


def test_one_that_beats_without_working_is_late() -> None:
    judgement = judge(beating(31, stuck=True), now_ns=31 * S, rules=RULES)
    assert judgement.verdict is Verdict.LATE
    assert judgement.reason == "beats, but its work loop stands still"
    assert judge(beating(30, stuck=True), now_ns=30 * S, rules=RULES).verdict is Verdict.LATE
    assert judge(beating(29, stuck=True), now_ns=29 * S, rules=RULES).verdict is Verdict.ALIVE
    late = judge(beating(1), now_ns=5 * S, rules=RULES)
    assert late.reason == "last heartbeat 4.0 s ago"


def test_many_restarts_are_flapping_until_they_are_long_ago() -> None:
    pulse = beating(0)
    for number, moment in enumerate((10, 20, 30)):
        pulse = hear(pulse, pid=8, session=f"s{number}", work=0, now_ns=moment * S)
    judgement = judge(pulse, now_ns=31 * S, rules=RULES)
    assert judgement.verdict is Verdict.FLAPPING
    assert judgement.reason == "started again 3 times"
    pulse = hear(pulse, pid=8, session="s2", work=1, now_ns=131 * S)
    assert restarts_within(pulse, 131 * S, RULES) == 2
    assert judge(pulse, now_ns=131 * S, rules=RULES).verdict is Verdict.ALIVE


def test_a_flapping_process_that_fell_silent_is_dead() -> None:
    pulse = beating(0)
    for number in range(3):
        pulse = hear(pulse, pid=8, session=f"s{number}", work=0, now_ns=S)
    assert judge(pulse, now_ns=20 * S, rules=RULES).verdict is Verdict.DEAD


def test_the_first_session_is_no_restart_and_a_new_one_counts_as_work() -> None:
    pulse = beating(31, stuck=True)
    assert pulse.starts_ns == ()
    pulse = hear(pulse, pid=9, session="b", work=0, now_ns=32 * S)
    assert (pulse.pid, pulse.starts_ns, pulse.moved_ns) == (9, (32 * S,), 32 * S)
    assert judge(pulse, now_ns=32 * S, rules=RULES).verdict is Verdict.ALIVE
