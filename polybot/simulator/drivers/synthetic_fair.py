"""What a synthetic window is worth: the chance that its average at the close reaches the strike.

Both are 60-second averages, so near the close most of the outcome is known already; a price that
merely stands above the strike then says less than the average so far.
"""

from math import erf, sqrt

from polybot.domain.settlement import outcome_of
from polybot.simulator.drivers.synthetic_prices import TWAP_S, PricePath

# Makers price more movement than there is on average, and nobody offers near-certainty early.
_CAUTION = 1.35
_CERTAIN_S = 20
_LONGSHOT = 0.012
_LONGSHOT_PER_S = 0.0005
_LONGSHOT_MOST = 0.06


def quoted_chance(path: PricePath, open_s: int, close_s: int, now_s: int) -> float:
    """Return the chance of Up as makers quote it: the true one, less sure of itself."""
    chance = chance_of_up(path, open_s, close_s, now_s, caution=_CAUTION)
    left_s = close_s - now_s
    if left_s < _CERTAIN_S:
        return chance
    longshot = min(_LONGSHOT + left_s * _LONGSHOT_PER_S, _LONGSHOT_MOST)
    return min(max(chance, longshot), 1 - longshot)


def chance_of_up(
    path: PricePath, open_s: int, close_s: int, now_s: int, *, caution: float = 1.0
) -> float:
    """Return the chance of Up (0..1) at a second, by what is known then: prices up to `now_s`.

    `caution` widens what the price is expected to move by.
    """
    if now_s >= close_s - 1:
        outcome = outcome_of(path.twap_e8(open_s), path.twap_e8(close_s))
        return 1.0 if outcome.value == "Up" else 0.0
    strike, strike_unknown = _expected_average(path, open_s, now_s)
    average, unknown = _expected_average(path, close_s, now_s)
    variance = _variance(close_s, now_s, unknown)
    if strike_unknown:
        # Strike and close move together while the strike is open; what is left of their difference
        # is close to that of a whole window.
        variance = max(variance - strike_unknown, 1.0)
    return 0.5 * (1 + erf((average - strike) / (caution * path.sigma_e8 * sqrt(2 * variance))))


def _expected_average(path: PricePath, end_s: int, now_s: int) -> tuple[float, int]:
    """Return what the average that ends at a second is expected to be, and its unknown seconds."""
    known_end = min(now_s + 1, end_s)
    known_first = end_s - TWAP_S
    unknown = end_s - max(known_end, known_first)
    known = path.sum_e8(known_first, known_end) if known_end > known_first else 0
    return (known + unknown * path.spot_e8(min(now_s, end_s))) / TWAP_S, unknown


def _variance(close_s: int, now_s: int, unknown: int) -> float:
    """Return the variance of the average at the close, in seconds of diffusion."""
    gap = max(0, close_s - TWAP_S - now_s - 1)
    spread = (unknown + 1) * (2 * unknown + 1) / (6 * unknown)
    return (gap + spread) * (unknown / TWAP_S) ** 2
