"""Crash loops: what counts as a crash, when it is a loop, and how long the next start waits."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from polybot.domain.crash_loop import (
    SECOND_NS,
    CrashLoop,
    CrashRules,
    StartNote,
    describe_loop,
    describe_wait,
    next_note,
    standing_loop,
)

S = SECOND_NS
BOOT = "b1"
RULES = CrashRules()


def start(known: StartNote | None, at_s: float, boot: str = BOOT) -> StartNote:
    return next_note(known, boot=boot, now_ns=int(at_s * S), rules=RULES)


def crashes_at(*at_s: float) -> StartNote:
    """Return the note of the last of several starts, each after a crash of the life before."""
    note = start(None, 100)
    for moment in at_s:
        note = start(note, moment)
    return note


def ended(note: StartNote) -> StartNote:
    return msgspec.structs.replace(note, ended=True)


def waits(*at_s: float) -> float:
    return crashes_at(*at_s).wait_ns / S


def test_a_first_start_and_two_crashes_wait_for_nothing() -> None:
    assert waits() == 0
    assert waits(110, 120) == 0


def test_the_third_crash_in_a_minute_is_a_loop_and_waits() -> None:
    note = crashes_at(110, 120, 130)
    assert note.loop == CrashLoop(crashes=3, since_ns=110 * S, waits=1)
    assert note.wait_ns == S
    assert describe_loop(note) == "3 crashes in 20 s"


def test_the_window_is_a_minute_to_the_nanosecond() -> None:
    assert waits(110, 120, 170) == 1
    assert crashes_at(110, 120, 170.000000001).loop is None


def test_waits_double_up_to_the_longest_and_go_on_while_crashes_lie_far_apart() -> None:
    moments, seen = [110.0, 120.0, 130.0], []
    for _ in range(8):
        note = crashes_at(*moments)
        seen.append(note.wait_ns // S)
        moments.append(note.works_from_ns / S + 100)
    assert seen == [1, 2, 4, 8, 16, 30, 30, 30]


def test_a_life_as_long_as_the_quiet_time_ends_the_loop() -> None:
    looping = crashes_at(110, 120, 130)
    almost = (looping.works_from_ns + RULES.quiet_ns - 1) / S
    assert start(looping, almost).wait_ns == 2 * S
    later = start(looping, almost + 1)
    assert (later.loop, later.wait_ns, len(later.crashes_ns)) == (None, 0, 1)


def test_an_end_on_purpose_is_no_crash_and_the_start_after_it_waits_for_nothing() -> None:
    looping = crashes_at(110, 120, 130)
    again = start(ended(looping), 140)
    assert (again.loop, again.wait_ns) == (None, 0)
    assert crashes_of(start(ended(start(ended(looping), 140)), 150)) == 3
    # Crashes around an end on purpose still lie within one minute.
    assert start(again, 150).loop == CrashLoop(crashes=4, since_ns=110 * S, waits=1)


def crashes_of(note: StartNote) -> int:
    return len(note.crashes_ns)


def test_another_boot_or_a_clock_that_went_back_forgets_everything() -> None:
    looping = crashes_at(110, 120, 130)
    assert start(looping, 140, boot="b2") == StartNote(boot="b2", begun_ns=140 * S)
    assert start(looping, 129) == StartNote(boot=BOOT, begun_ns=129 * S)


def test_no_crashes_is_never_a_loop() -> None:
    off = CrashRules(crashes=0)
    note: StartNote | None = None
    for moment in range(100, 130):
        note = next_note(note, boot=BOOT, now_ns=moment * S, rules=off)
        assert (note.loop, note.wait_ns) == (None, 0)
    # One that stood when it was switched off is over at once.
    looping = crashes_at(110, 120, 130)
    assert next_note(looping, boot=BOOT, now_ns=140 * S, rules=off).loop is None


def test_a_loop_stands_from_its_start_until_it_ended_or_ran_quietly() -> None:
    note = crashes_at(110, 120, 130)

    def stands(known: StartNote | None, at_s: float, boot: str = BOOT) -> bool:
        told = standing_loop(known, boot=boot, now_ns=int(at_s * S), rules=RULES)
        return told is not None

    assert stands(note, 130)
    assert stands(note, 430.9)
    assert not stands(note, 431)
    assert not stands(ended(note), 131)
    assert not stands(note, 131, boot="b2")
    assert not stands(None, 131)
    assert not stands(crashes_at(110), 111)


def test_a_note_that_says_nonsense_makes_no_start_wait_longer_than_the_longest() -> None:
    mad = StartNote(
        boot=BOOT,
        begun_ns=100 * S,
        crashes_ns=(-5, 2**62),
        loop=CrashLoop(crashes=2**60, since_ns=-(2**60), waits=2**60),
    )
    assert start(mad, 101).wait_ns == RULES.longest_wait_ns


@pytest.mark.parametrize(
    ("crashes", "span_s", "told"),
    [(1, 0, "a crash"), (3, 12.4, "3 crashes in 12 s"), (9, 240, "9 crashes in 4 min")],
)
def test_a_loop_is_told_in_a_few_words(crashes: int, span_s: float, told: str) -> None:
    loop = CrashLoop(crashes=crashes, since_ns=0, waits=1)
    assert describe_loop(StartNote(boot="", begun_ns=int(span_s * S), loop=loop)) == told
    assert describe_loop(StartNote(boot="", begun_ns=0)) == ""


def test_a_wait_is_told_in_seconds() -> None:
    assert [describe_wait(int(s * S)) for s in (0.5, 4, 30)] == ["0.5 s", "4 s", "30 s"]


LIVES = st.lists(st.tuples(st.floats(0.001, 400), st.booleans()), min_size=1, max_size=40)


@given(lives=LIVES, crashes=st.integers(1, 5))
def test_a_loop_begins_exactly_with_the_nth_crash_within_the_window(
    lives: list[tuple[float, bool]], crashes: int
) -> None:
    """Against a count over the whole history: `lives` are their lengths and how they ended."""
    rules = CrashRules(crashes=crashes)
    note = next_note(None, boot=BOOT, now_ns=S, rules=rules)
    history: list[int] = []
    in_loop = False
    for length_s, well in lives:
        life_ns = int(length_s * S)
        now_ns = note.works_from_ns + life_ns
        note = msgspec.structs.replace(note, ended=well)
        in_loop = in_loop and not well and life_ns < rules.quiet_ns
        if not well:
            history.append(now_ns)
            recent = sum(at >= now_ns - rules.window_ns for at in history)
            in_loop = in_loop or recent >= crashes
        note = next_note(note, boot=BOOT, now_ns=now_ns, rules=rules)
        assert (note.loop is not None) is in_loop
        assert (note.wait_ns > 0) is in_loop
        assert note.wait_ns <= rules.longest_wait_ns
        assert len(note.crashes_ns) <= 101


@given(
    st.lists(st.floats(0.001, 299), min_size=3, max_size=40),
    st.integers(1, 60),
    st.integers(1, 60),
)
def test_within_a_loop_no_wait_is_shorter_than_the_one_before(
    lives_s: list[float], first_s: int, longest_s: int
) -> None:
    rules = CrashRules(crashes=1, first_wait_ns=first_s * S, longest_wait_ns=longest_s * S)
    note = next_note(None, boot=BOOT, now_ns=S, rules=rules)
    waited = 0
    for count, life_s in enumerate(lives_s, 1):
        now_ns = note.works_from_ns + int(life_s * S)
        note = next_note(note, boot=BOOT, now_ns=now_ns, rules=rules)
        assert note.loop is not None
        assert note.loop.crashes == count
        assert note.wait_ns >= waited
        waited = note.wait_ns
