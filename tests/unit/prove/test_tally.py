"""The tally says what was hit, what was found, and when a run is no proof."""

from tests.prove.controls import CONTROLS, is_caught, scenarios_of
from tests.prove.judge import Finding, Verdict
from tests.prove.matrix import Cell, plan, why_impossible
from tests.prove.sabotaged import CONTROLS as SABOTAGES
from tests.prove.scenario import Played
from tests.prove.tally import Tally
from tests.prove.worker import Report

SCENARIOS = plan(1, 10)
CELLS = frozenset(scenario.cell for scenario in SCENARIOS)
TWICE = Finding("nothing_is_posted_twice", Verdict.DUPLICATE, "order 0x1 was posted 2 times")


def played(number: int, **changes: object) -> Report:
    scenario = SCENARIOS[number]
    values: dict[str, object] = {"scenario": scenario, "hit": scenario.cell, "in_flight": True}
    return Report(played=Played(**(values | changes)))  # type: ignore[arg-type]


def a_tally(**changes: object) -> Tally:
    tally = Tally(CELLS)
    for number in range(10):
        tally.add(played(number, **changes))
    return tally


def test_a_run_that_hit_everything_and_found_nothing_is_a_proof() -> None:
    tally = a_tally()
    assert tally.is_proof
    assert tally.lines()[-1] == "scenarios 10, duplicates 0, lost 0, differences 0"
    assert tally.as_json()["proved"] is True


def test_a_finding_is_counted_by_what_it_means_and_told_with_its_directory() -> None:
    tally = a_tally()
    tally.add(Report(findings=[TWICE], directory="/kept/here"))
    assert not tally.is_proof
    assert tally.last_line == "scenarios 10, duplicates 1, lost 0, differences 0"
    assert any("posted 2 times" in line and "/kept/here" in line for line in tally.lines())


def test_a_planned_cell_that_was_never_hit_is_no_proof() -> None:
    tally = Tally(CELLS)
    for number in range(9):
        tally.add(played(number))
    tally.add(played(9, hit=None))
    assert (tally.missed, tally.never_hit) == (1, [SCENARIOS[9].cell])
    assert not tally.is_proof
    assert any("never hit" in line for line in tally.lines())


def test_too_few_kills_in_flight_are_no_proof() -> None:
    tally = Tally(CELLS)
    for number in range(10):
        tally.add(played(number, in_flight=number < 3))
    assert tally.shortcomings == []
    tally.add(played(0, in_flight=False))
    assert not tally.is_proof
    assert any("in flight" in line for line in tally.shortcomings)


def test_the_table_counts_hits_per_point_and_answer_and_marks_the_impossible() -> None:
    tally = a_tally()
    row = next(line.split() for line in tally.lines() if line.startswith("orders.answered"))
    assert row.count("-") == 4
    cell = SCENARIOS[0].cell
    assert why_impossible(Cell("cancel.handed", cell.answer, "BUY", "FOK"))
    hits = sum(
        int(text) for line in tally.lines()[1:33] for text in line.split()[1:] if text != "-"
    )
    assert hits == 10


def test_every_sabotage_has_its_control_with_scenarios_that_exist() -> None:
    assert {control.name for control in CONTROLS} == SABOTAGES.keys()
    for control in CONTROLS:
        scenarios = scenarios_of(control, 1)
        assert scenarios == scenarios_of(control, 1)
        assert not any(why_impossible(scenario.cell) for scenario in scenarios)


def test_a_control_is_caught_only_by_a_check_that_is_there_for_it() -> None:
    retry = next(control for control in CONTROLS if control.name == "retry-on-timeout")
    fallen = Finding("the_floor_runs", Verdict.DIFFERENCE, "it fell over")
    assert not is_caught(retry, [])
    assert not is_caught(retry, [Report(findings=[fallen])])
    assert is_caught(retry, [played(0, findings=[TWICE])])
    assert is_caught(retry, [Report(findings=[TWICE])])
