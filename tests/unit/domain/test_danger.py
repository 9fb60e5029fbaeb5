"""The danger score by the published example, and without its first defects."""

from typing import Any

import pytest

from polybot.domain.danger import DangerLook, DangerRules, Peak, drop_bps, measure_danger
from polybot.domain.market import Outcome

S = 1_000_000_000
FRACTION = DangerRules(velocity_scale=1.0)


def a_look(**changes: Any) -> DangerLook:
    fields: dict[str, Any] = {
        "held": Outcome.UP,
        "ask_bps": 9800,
        "opponent_ask_bps": 300,
        "imbalance": 0.0,
        "remaining_s": 90.0,
        "now_ns": 100 * S,
        "samples": (),
    }
    return DangerLook(**(fields | changes))


PEAK = Peak(price_bps=9800, confidence_bps=9500)


def test_the_published_example_scores_as_published() -> None:
    look = a_look(
        ask_bps=9000,
        imbalance=-0.8,
        opponent_ask_bps=3000,
        remaining_s=30.0,
        samples=((96 * S, 100_000), (100 * S, 99_900)),
    )
    peak = Peak(price_bps=9800, confidence_bps=9800)
    result = measure_danger(look, peak, FRACTION)
    assert result.score == pytest.approx(0.562)
    assert result.confidence_weighted == pytest.approx(0.24)
    assert result.imbalance_weighted == pytest.approx(0.12)
    assert result.velocity_weighted == pytest.approx(0.002)
    assert result.opponent_weighted == pytest.approx(0.05)
    assert result.time_weighted == pytest.approx(0.15)


def test_a_calm_favorite_scores_nothing() -> None:
    assert measure_danger(a_look(), PEAK, DangerRules()).score == 0


def test_the_peak_is_a_running_maximum() -> None:
    peak = Peak()
    for ask, remaining_s in ((9500, 200.0), (9900, 150.0), (9700, 100.0)):
        peak = peak.raised(ask, remaining_s)
    assert peak == Peak(price_bps=9900, confidence_bps=9400)


def test_a_shrinking_time_penalty_cannot_hide_a_falling_price() -> None:
    peak = Peak().raised(9800, 200.0)
    look = a_look(ask_bps=9000, remaining_s=50.0)
    assert peak.confidence_bps == 9000
    assert drop_bps(look, peak) == 800


def test_a_winner_without_asks_is_not_in_danger() -> None:
    result = measure_danger(a_look(ask_bps=None), PEAK, DangerRules())
    assert result.confidence_raw == 0


def test_an_unknown_opponent_counts_as_a_coin_toss() -> None:
    result = measure_danger(a_look(opponent_ask_bps=None), PEAK, DangerRules())
    assert result.opponent_weighted == pytest.approx(0.15)


@pytest.mark.parametrize(
    ("held", "newest", "raw"),
    [
        (Outcome.UP, 99_900, 0.1),
        (Outcome.DOWN, 99_900, 0.0),
        (Outcome.DOWN, 100_100, 0.1),
        (Outcome.UP, 100_100, 0.0),
    ],
)
def test_only_a_move_against_us_counts_and_in_percent(
    held: Outcome, newest: int, raw: float
) -> None:
    look = a_look(held=held, samples=((96 * S, 100_000), (100 * S, newest)))
    assert measure_danger(look, PEAK, DangerRules()).velocity_raw == pytest.approx(raw)


@pytest.mark.parametrize(
    "samples",
    [(), ((100 * S, 99_000),), ((94 * S, 100_000), (100 * S, 50_000))],
    ids=["no feed", "one sample", "the other one is too old"],
)
def test_unknown_velocity_is_neutral(samples: tuple[tuple[int, int], ...]) -> None:
    assert measure_danger(a_look(samples=samples), PEAK, DangerRules()).velocity_raw == 0


def test_the_score_is_not_capped() -> None:
    look = a_look(ask_bps=1000, opponent_ask_bps=9900, remaining_s=0.0, imbalance=-1.0)
    assert measure_danger(look, PEAK, DangerRules()).score > 3


def test_time_weighs_in_the_last_minute_and_not_beyond_the_close() -> None:
    assert measure_danger(a_look(remaining_s=60.0), PEAK, DangerRules()).time_raw == 0
    late = Peak(price_bps=9800, confidence_bps=9800)
    assert measure_danger(a_look(remaining_s=15.0), late, DangerRules()).time_raw == 0.75
    assert measure_danger(a_look(remaining_s=-5.0), late, DangerRules()).time_raw == 1
