import pytest

from tests.bench.__main__ import MEASUREMENTS, arguments, measured
from tests.bench.harness import Budget, Row

GOOD = Row(name="a", unit="us", ours=1.0, ratio=9.0, budget=Budget(8, at_least=True))
BAD = Row(name="a", unit="us", ours=1.0, ratio=7.0, budget=Budget(8, at_least=True))


class Measure:
    """Answers with one list of rows after the other, and counts how often it was asked."""

    def __init__(self, *answers: list[Row]) -> None:
        self._answers = list(answers)
        self.asked = 0

    def __call__(self, rounds: int) -> list[Row]:
        self.asked += 1
        return self._answers.pop(0)


def test_without_names_everything_is_measured_in_enough_rounds() -> None:
    options = arguments([])
    assert options.names == []
    assert options.rounds >= 10
    assert not options.gate


def test_an_unknown_name_is_refused_with_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        arguments(["bus", "buss"])
    said = capsys.readouterr().err
    assert "buss" in said
    assert all(name in said for name in MEASUREMENTS)


def test_a_missed_budget_is_measured_once_more_under_a_gate_only() -> None:
    assert measured(Measure([BAD], [GOOD]), 10, gate=True) == [GOOD]
    assert measured(Measure([BAD], [GOOD]), 10, gate=False) == [BAD]


def test_a_kept_budget_is_measured_once() -> None:
    measure = Measure([GOOD], [BAD])
    assert measured(measure, 10, gate=True) == [GOOD]
    assert measure.asked == 1
