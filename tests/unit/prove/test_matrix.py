"""The plan of the proof: every crash point, every answer, every side and type."""

from itertools import pairwise

import pytest

from polybot.ports.crash_points import POINTS
from tests.prove.matrix import (
    ANSWERS,
    BLOCK,
    ELSEWHERE,
    IMPOSSIBLE,
    ORDER_TYPES,
    SIDES,
    Cell,
    plan,
    reachable_cells,
    why_impossible,
)

KINDS = {(side, order_type) for side in SIDES for order_type in ORDER_TYPES}


def test_a_cell_is_reachable_unless_the_table_says_why_not() -> None:
    cells = set(reachable_cells())
    every = {Cell(p, a, s, o) for p in POINTS for a in ANSWERS for s in SIDES for o in ORDER_TYPES}
    assert all(why_impossible(cell) for cell in every - cells)
    assert not any(why_impossible(cell) for cell in cells)
    assert len(cells) > 0.9 * len(every), "the table is for exceptions"


def test_the_table_of_the_impossible_names_what_exists_and_a_reason() -> None:
    for row in IMPOSSIBLE:
        assert row.point in POINTS
        assert row.answers <= ANSWERS.keys()
        assert row.order_types <= set(ORDER_TYPES)
        assert row.reason
    assert ELSEWHERE.keys() <= POINTS.keys()


def test_as_many_scenarios_as_cells_hit_each_once() -> None:
    cells = reachable_cells()
    scenarios = plan(7, len(cells))
    assert sorted(s.cell for s in scenarios) == sorted(cells)
    assert [s.number for s in scenarios] == list(range(len(cells)))


def test_a_longer_plan_begins_again() -> None:
    cells = reachable_cells()
    assert {s.cell for s in plan(7, len(cells) + 50)} == set(cells)


@pytest.mark.parametrize("seed", [1, 2])
def test_a_hundred_scenarios_see_every_point_answer_side_and_type(seed: int) -> None:
    scenarios = plan(seed, 100)
    assert len(scenarios) == 100
    assert {s.cell.point for s in scenarios} == POINTS.keys() - ELSEWHERE.keys()
    assert {s.cell.answer for s in scenarios} == ANSWERS.keys()
    assert {s.cell.kind for s in scenarios} == KINDS


def test_the_same_seed_plans_the_same() -> None:
    assert plan(3, 120) == plan(3, 120)
    assert plan(3, 120) != plan(4, 120)


def test_scenarios_of_one_side_and_type_come_in_blocks() -> None:
    kinds = [s.cell.kind for s in plan(3, 600)]
    changes = sum(a != b for a, b in pairwise(kinds))
    assert changes <= 600 / BLOCK + len(KINDS)


def test_each_point_is_looked_for_in_the_process_that_passes_it() -> None:
    for scenario in plan(1, len(reachable_cells())):
        point = scenario.cell.point
        expected = {"ingest": "tracker", "exchange": "simulator"}.get(point.split(".")[0], "trader")
        assert scenario.process == expected
        assert not scenario.power_cut or scenario.process == "trader"
