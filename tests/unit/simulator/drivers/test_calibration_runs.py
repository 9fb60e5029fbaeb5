"""Tests of whole markets' figures: of a recordings directory, and of the synthetic market."""

from pathlib import Path

import pytest

from polybot.errors import RecordingError
from polybot.simulator.drivers.calibration import MarketFigures
from polybot.simulator.drivers.calibration_runs import recorded_figures, synthetic_figures
from tests.recordings_path import recordings_dir

RECORDINGS = recordings_dir()


@pytest.fixture(scope="module", params=[7, 11])
def made_up(request: pytest.FixtureRequest) -> MarketFigures:
    return synthetic_figures(request.param, 60)


def test_the_synthetic_markets_spread_and_depth_are_those_of_recorded_windows(
    made_up: MarketFigures,
) -> None:
    assert made_up.spread_median == 1.0
    assert 1.05 < made_up.spread_mean < 1.5
    assert 3 <= made_up.spread_p99 <= 7
    assert 200 < made_up.best_shares < 450
    assert 1700 < made_up.near_shares < 3500
    # Below the real dozen, so that a small machine plays many times faster than life.
    assert 4 < made_up.updates_per_s < 15
    assert made_up.tick_flips > 0.9


def test_the_synthetic_price_moves_like_the_recorded_one(made_up: MarketFigures) -> None:
    assert 0.3 < made_up.move_bps < 0.6
    assert 0.6 < made_up.jumps_per_minute < 3
    assert 2.5 < made_up.distance_bps < 6.5


def test_the_favorite_vanishes_before_the_close_as_it_does_in_recorded_windows(
    made_up: MarketFigures,
) -> None:
    shares = list(made_up.buyable.values())
    assert shares == sorted(shares, reverse=True)
    assert made_up.buyable["120"] > 0.85
    assert 0.4 < made_up.buyable["60"] < 0.85
    assert 0.2 < made_up.buyable["30"] < 0.6
    assert made_up.buyable["20"] < 0.1
    assert made_up.buyable["10"] < 0.05


def test_the_same_seed_has_the_same_figures() -> None:
    assert synthetic_figures(3, 4) == synthetic_figures(3, 4)
    assert synthetic_figures(3, 4) != synthetic_figures(4, 4)


def test_a_directory_without_a_single_row_is_refused(tmp_path: Path) -> None:
    (tmp_path / "windows.csv").write_text("slug,open_ts,close_ts\n")
    with pytest.raises(RecordingError):
        recorded_figures(tmp_path)


@pytest.mark.recordings
@pytest.mark.skipif(RECORDINGS is None, reason="no recorded markets beside the project")
def test_recorded_windows_have_the_figures_that_were_counted_by_others() -> None:
    assert RECORDINGS is not None
    ladder = recorded_figures(RECORDINGS / "dev" / "houssem_ladder")
    assert ladder.buyable["120"] == pytest.approx(0.94, abs=0.03)
    assert ladder.buyable["30"] == pytest.approx(0.39, abs=0.03)
    assert ladder.buyable["20"] == pytest.approx(0.01, abs=0.01)
    assert ladder.buyable["10"] == 0
    assert ladder.best_shares is None
    prices = recorded_figures(RECORDINGS / "dev" / "ligengxin")
    assert (prices.windows, prices.spread_median) == (0, None)
    assert prices.move_bps == pytest.approx(0.35, abs=0.05)
