import pytest

from tests.bench.harness import Budget, Rounds, Row, interleave, table


class Side:
    """A side whose steps take what it is told, and which writes down when it is run."""

    def __init__(self, name: str, diary: list[str], *steps: int) -> None:
        self._name = name
        self._diary = diary
        self._steps = list(steps)

    def __call__(self) -> int:
        self._diary.append(self._name)
        return self._steps.pop(0)


def test_the_sides_alternate_and_change_places_every_round() -> None:
    diary: list[str] = []
    sides = {name: Side(name, diary, *[1] * 6) for name in ("ours", "peer")}
    interleave(sides, rounds=2, burst=2)
    assert diary == [
        *("ours", "ours", "peer", "peer"),
        *("peer", "peer", "ours", "ours"),
        *("ours", "ours", "peer", "peer"),
    ]


def test_the_first_round_is_thrown_away() -> None:
    taken = interleave({"ours": Side("ours", [], 900, 10, 12)}, rounds=2, burst=1)
    assert list(taken.by_side["ours"]) == [10, 12]


def test_a_round_is_the_median_of_its_burst() -> None:
    taken = interleave({"ours": Side("ours", [], 1, 1, 1, 5, 700, 6)}, rounds=1, burst=3)
    assert taken.median_ns("ours") == 6


def test_a_ratio_is_taken_round_by_round_so_that_a_slow_minute_hits_both_sides() -> None:
    # The second round met a machine ten times as slow; the quotient of the medians would be 5.5.
    rounds = Rounds({"ours": [10, 100, 10], "peer": [20, 200, 55]})
    assert rounds.ratio("peer", "ours") == 2


def test_rounds_of_unequal_number_are_no_rounds() -> None:
    with pytest.raises(ValueError, match="shorter"):
        Rounds({"ours": [1, 2], "peer": [1]}).ratio("ours", "peer")


@pytest.mark.parametrize(
    ("budget", "figure", "kept"),
    [
        (Budget(8, at_least=True), 8.0, True),
        (Budget(8, at_least=True), 7.99, False),
        (Budget(1.3), 1.3, True),
        (Budget(1.3), 1.31, False),
    ],
)
def test_a_budget_bounds_a_figure_from_below_or_above(
    budget: Budget, figure: float, kept: bool
) -> None:
    assert budget.allows(figure) is kept


def row(**changes: object) -> Row:
    return Row(**{"name": "sign", "unit": "us", "ours": 50.0, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("made", "verdict"),
    [
        (row(peer=450.0, ratio=9.0, budget=Budget(8, at_least=True)), "ok"),
        (row(peer=350.0, ratio=7.0, budget=Budget(8, at_least=True)), "missed"),
        (row(ours=149.0, ratio=0.1, budget=Budget(150, unit="ms")), "ok"),
        (row(ours=151.0, ratio=99.0, budget=Budget(150, unit="ms")), "missed"),
        (row(peer=450.0, ratio=9.0), ""),
    ],
)
def test_a_budget_with_a_unit_is_held_against_our_own_figure_and_one_without_against_the_ratio(
    made: Row, verdict: str
) -> None:
    assert made.verdict == verdict


def test_a_budget_without_a_figure_is_a_mistake_and_not_a_verdict() -> None:
    with pytest.raises(AssertionError, match="a budget without a figure"):
        _ = row(budget=Budget(8)).verdict


def test_the_table_is_aligned_and_shows_what_stands_beside_a_row() -> None:
    shown = table(
        [
            row(peer=450.0, ratio=9.0, budget=Budget(8, at_least=True), beside="a sync: 130 us"),
            row(
                name="memory of 5 processes", unit="MB", ours=101.26, budget=Budget(130, unit="MB")
            ),
        ]
    )
    assert shown.splitlines() == [
        "name                  | ours     | peer     | ratio | budget    | verdict",
        "sign                  | 50.0 us  | 450.0 us | 9.00x | >= 8x     | ok",
        "    a sync: 130 us",
        "memory of 5 processes | 101.3 MB |          |       | <= 130 MB | ok",
    ]


def test_a_row_for_a_program_holds_numbers_and_the_verdict() -> None:
    assert row(peer=450.0, ratio=9.0, budget=Budget(8, at_least=True)).as_dict() == {
        "name": "sign",
        "unit": "us",
        "ours": 50.0,
        "peer": 450.0,
        "ratio": 9.0,
        "budget": ">= 8x",
        "verdict": "ok",
        "beside": "",
    }
