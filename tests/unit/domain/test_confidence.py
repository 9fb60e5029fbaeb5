"""The confidence of the 99c capture, by the published examples and at its edges."""

import pytest

from polybot.domain.confidence import ask_part_bps, confidence_bps, time_penalty_bps


@pytest.mark.parametrize(
    ("ask", "remaining_s", "expected"),
    [(9800, 30, 9800), (9900, 90, 9600), (9800, 200, 9000), (9900, 400, 8400)],
)
def test_confidence_is_the_ask_less_the_time_penalty(
    ask: int, remaining_s: float, expected: int
) -> None:
    assert confidence_bps(ask, remaining_s) == expected


@pytest.mark.parametrize(
    ("remaining_s", "penalty"),
    [(0, 0), (60, 0), (60.001, 300), (120, 300), (120.5, 800), (300, 800), (300.1, 1500)],
)
def test_each_penalty_reaches_to_its_own_second(remaining_s: float, penalty: int) -> None:
    assert time_penalty_bps(remaining_s) == penalty


def test_a_missing_ask_counts_as_a_dollar_and_never_as_nothing() -> None:
    assert ask_part_bps(None) == 10_000
    assert confidence_bps(None, 10) == 10_000
    assert confidence_bps(None, 100) == 9_700
