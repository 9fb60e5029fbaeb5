import subprocess
import sys

from tests.soak.kills import PROCESSES, Killer, Schedule


def test_the_same_seed_kills_the_same_processes_at_the_same_moments() -> None:
    one, same, other = Schedule(3, 10.0), Schedule(3, 10.0), Schedule(4, 10.0)
    drawn = [(one.next_pause_s(), one.next_victims()) for _ in range(50)]
    assert drawn == [(same.next_pause_s(), same.next_victims()) for _ in range(50)]
    assert drawn != [(other.next_pause_s(), other.next_victims()) for _ in range(50)]


def test_every_process_is_killed_alone_and_the_whole_floor_at_once() -> None:
    schedule = Schedule(1, 10.0)
    strikes = [schedule.next_victims() for _ in range(300)]
    alone = {victims[0] for victims in strikes if len(victims) == 1}
    assert alone == set(PROCESSES)
    assert any(set(victims) == set(PROCESSES) for victims in strikes)
    assert all(len(set(victims)) == len(victims) for victims in strikes)


def test_pauses_have_the_mean_that_was_asked_for() -> None:
    schedule = Schedule(1, 10.0)
    pauses = [schedule.next_pause_s() for _ in range(4000)]
    assert 9.0 < sum(pauses) / len(pauses) < 11.0


def test_a_strike_ends_the_processes_and_counts_those_that_were_not_there() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    killer = Killer(Schedule(1, 10.0), lambda: {"trader": child.pid})
    while not killer.killed["trader"]:
        killer.strike()
    assert child.wait(timeout=5) == -9
    assert killer.killed.total() == 1
    strikes_on_others = killer.strikes - 1
    assert killer.missed >= strikes_on_others
    assert child.stdin is not None
    child.stdin.close()
