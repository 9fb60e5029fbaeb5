"""A worker plays what it was given, tries again what missed, and tells of everything."""

import shutil
from collections.abc import Iterator

import pytest

from tests.prove.floor import Floor
from tests.prove.judge import Finding, Verdict
from tests.prove.matrix import Scenario, plan
from tests.prove.scenario import Played
from tests.prove.worker import MOST_TRIES, Report, Worker

SCENARIOS = plan(1, 3)
LOST = Finding("every_intent_ended", Verdict.LOST, "order 0x1 is still UNKNOWN")


@pytest.fixture
def floor() -> Iterator[Floor]:
    floor = Floor(1)
    yield floor
    floor.close()


def a_worker(told: list[Report], todo: list[Scenario]) -> Worker:
    return Worker(0, 1, todo, end_s=0.0, say=told.append)


def test_a_scenario_that_missed_its_point_comes_again_and_not_for_ever(floor: Floor) -> None:
    told: list[Report] = []
    worker = a_worker(told, [])
    missed = Played(SCENARIOS[0], None, why_missed="the point was not reached")
    for tries in range(1, MOST_TRIES + 1):
        worker.note(missed, floor)
        assert len(worker.todo) == min(tries, MOST_TRIES - 1)
    assert len(told) == MOST_TRIES


def test_a_hit_is_not_played_again_and_a_finding_names_its_directory(floor: Floor) -> None:
    told: list[Report] = []
    worker = a_worker(told, [])
    worker.note(Played(SCENARIOS[0], SCENARIOS[0].cell), floor)
    worker.note(Played(SCENARIOS[1], None, findings=[LOST]), floor)
    assert worker.todo == []
    assert [report.directory for report in told] == ["", str(floor.root)]


def test_nothing_is_played_when_time_is_over(floor: Floor) -> None:
    told: list[Report] = []
    worker = a_worker(told, list(SCENARIOS))
    worker.run()
    assert (told, worker.todo) == ([], SCENARIOS)


def test_a_floor_that_cannot_run_is_a_finding_and_the_worker_goes_on() -> None:
    told: list[Report] = []
    broken: dict[str, tuple[str, ...]] = {"simulator": ("tests.unit.prove.no_such_module",)}
    worker = Worker(0, 1, [SCENARIOS[0]], end_s=1e18, say=told.append, modules=broken)
    worker.run()
    shutil.rmtree(told[0].directory)
    (finding,) = told[0].findings
    assert (finding.check, worker.todo) == ("the_floor_runs", [])
    assert "ended" in finding.detail or "does not answer" in finding.detail
