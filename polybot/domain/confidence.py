"""99c confidence: how sure the market is of an outcome, less a penalty for the time it still has.

All values in 1e-4 dollars, so that the thresholds compare exactly.
"""

from polybot.domain.money import PRICE_ONE_BPS

# (remaining seconds up to and including, penalty): the longer a window still runs, the less a high
# price says. Calibrated on fifteen-minute windows; a five-minute window begins at the third row.
TIME_PENALTIES: tuple[tuple[float, int], ...] = ((60, 0), (120, 300), (300, 800))
LONGEST_PENALTY_BPS = 1500


def time_penalty_bps(remaining_s: float) -> int:
    """Return what the remaining seconds of a window take off a price.

    Source: the 99c capture rules (60 s: 0, 120 s: 0.03, 300 s: 0.08, longer: 0.15).
    """
    for limit_s, penalty in TIME_PENALTIES:
        if remaining_s <= limit_s:
            return penalty
    return LONGEST_PENALTY_BPS


def ask_part_bps(ask_bps: int | None) -> int:
    """Return the price part of the confidence: the ask, or 1.00 when nobody sells.

    A winning token has no asks near its close; taking that for a price of 0 made winners look
    like collapses.
    """
    return PRICE_ONE_BPS if ask_bps is None else ask_bps


def confidence_bps(ask_bps: int | None, remaining_s: float) -> int:
    """Return ask - time penalty; may be negative for a cheap token early in its window."""
    return ask_part_bps(ask_bps) - time_penalty_bps(remaining_s)
