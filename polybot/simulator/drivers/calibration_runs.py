"""Plays markets through, as fast as they can be read or made up, to take their figures."""

from pathlib import Path

from polybot.domain.market import FeeSchedule, Outcome
from polybot.errors import RecordingError
from polybot.exchange.token_ids import complete_ids
from polybot.recordings.index import load_index
from polybot.simulator.drivers.calibration import Calibration, MarketFigures
from polybot.simulator.drivers.driver_synthetic import (
    HEAD_START_NS,
    SyntheticDriver,
    SyntheticTerms,
    first_start_ns,
)
from polybot.simulator.drivers.recorded_window import (
    RecordedTerms,
    is_playable,
    played,
    recorded_prices,
)

# The fee changes nothing that is counted here.
_FEE = FeeSchedule(rate_bps=700)
_TERMS = RecordedTerms(fee=_FEE, unknown_depth_shares=5_000_000, resolve_after_ns=0)
_SERIES = "btc-updown-5m"
_WINDOW_NS = 300_000_000_000
# Any moment: the same seed makes the same market for the same start.
_START_NS = 1_795_000_000_000_000_000


def recorded_figures(directory: Path) -> MarketFigures:
    """Return the figures of a recordings directory.

    Raises RecordingError when it has no index, or no window that tells anything.
    """
    calibration = Calibration()
    for window in load_index(directory, complete_ids=complete_ids).windows:
        if window.outcome is not None and is_playable(window):
            calibration.take(played(window, Outcome(window.outcome), _TERMS))
        else:
            calibration.take(recorded_prices(window, _FEE))
    figures = calibration.figures()
    if not figures.windows and figures.move_bps is None:
        raise RecordingError(
            f"expected windows with books or prices in {directory}, was none; "
            "give a recordings directory with files beside its windows.csv"
        )
    return figures


def synthetic_figures(seed: int, windows: int) -> MarketFigures:
    """Return the figures of so many 5-minute windows of the synthetic market."""
    terms = SyntheticTerms(seed=seed, series=(_SERIES,), fee=_FEE, resolve_after_ns=0)
    driver = SyntheticDriver(terms, first_start_ns(_START_NS))
    end_ns = driver.start_ns + HEAD_START_NS
    calibration = Calibration()
    for _ in range(windows):
        end_ns += _WINDOW_NS
        calibration.take(driver.take_until(end_ns))
    return calibration.figures()
