"""The trend guard: no bet against a strong move of the reference price over the last windows."""

import msgspec

from polybot.domain.market import Outcome
from polybot.domain.money import REFERENCE_ONE_E8


class TrendGuardRules(msgspec.Struct, frozen=True, kw_only=True):
    """How far the price may have moved (1e-8 dollars) over how many windows."""

    threshold_e8: int = 250 * REFERENCE_ONE_E8
    lookback_windows: int = 2


def trend_e8(opens_e8: tuple[int, ...], lookback_windows: int) -> int | None:
    """Return this window's opening price less the one `lookback_windows` before it.

    `opens_e8` are opening prices of consecutive windows, oldest first, this window's last; None
    when there are too few.
    """
    if len(opens_e8) <= lookback_windows:
        return None
    return opens_e8[-1] - opens_e8[-1 - lookback_windows]


def blocks(outcome: Outcome, opens_e8: tuple[int, ...], rules: TrendGuardRules) -> bool:
    """Return whether the trend forbids to buy this outcome.

    Up is blocked below minus the threshold, Down above plus the threshold; an unknown trend (a
    missing feed, too few windows) blocks nothing. Source: the 99c capture rules.
    """
    trend = trend_e8(opens_e8, rules.lookback_windows)
    if trend is None:
        return False
    return trend < -rules.threshold_e8 if outcome is Outcome.UP else trend > rules.threshold_e8
