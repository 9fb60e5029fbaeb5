"""The danger score: five signals that a held favorite may be about to lose.

Prices are compared in integers; the score itself is a statistic, so a float.
"""

from typing import Annotated

import msgspec

from polybot.domain.confidence import ask_part_bps, confidence_bps
from polybot.domain.market import Outcome
from polybot.domain.money import PRICE_ONE_BPS
from polybot.domain.velocity import recent_samples, relative_change

# Nobody sells the opponent: its price is unknown, so neither weak nor strong.
UNKNOWN_OPPONENT_ASK_BPS = 5000
IMBALANCE_TOLERANCE = 0.5
OPPONENT_TOLERANCE_BPS = 2000
TIME_DECAY_S = 60.0


class DangerRules(msgspec.Struct, frozen=True, kw_only=True):
    """Weights of the five signals, and how velocity is measured.

    `velocity_scale` turns the relative change of the price into the signal's raw value: 100 counts
    percent, so 0.1 % against us within the window weighs 0.2. With 1 (a plain fraction) the signal
    would be nil.
    """

    confidence_weight: Annotated[float, msgspec.Meta(ge=0)] = 3.0
    imbalance_weight: Annotated[float, msgspec.Meta(ge=0)] = 0.4
    velocity_weight: Annotated[float, msgspec.Meta(ge=0)] = 2.0
    opponent_weight: Annotated[float, msgspec.Meta(ge=0)] = 0.5
    time_weight: Annotated[float, msgspec.Meta(ge=0)] = 0.3
    velocity_scale: Annotated[float, msgspec.Meta(ge=0)] = 100.0
    velocity_window_ns: Annotated[int, msgspec.Meta(gt=0)] = 5_000_000_000


class Peak(msgspec.Struct, frozen=True, kw_only=True):
    """The highest price and the highest confidence seen since the fill, in 1e-4 dollars."""

    price_bps: int = 0
    confidence_bps: int = -PRICE_ONE_BPS

    def raised(self, ask_bps: int | None, remaining_s: float) -> "Peak":
        """Return the running maximum with one more look."""
        return Peak(
            price_bps=max(self.price_bps, ask_part_bps(ask_bps)),
            confidence_bps=max(self.confidence_bps, confidence_bps(ask_bps, remaining_s)),
        )


class DangerLook(msgspec.Struct, frozen=True, kw_only=True):
    """What is seen of a held position at one moment.

    `held` is the outcome owned; asks in 1e-4 dollars, None when nobody sells; `imbalance` that of
    the held token's book (0: unknown); `samples` the reference price as (time ns, price e8).
    """

    held: Outcome
    ask_bps: int | None
    opponent_ask_bps: int | None
    imbalance: float
    remaining_s: float
    now_ns: int
    samples: tuple[tuple[int, int], ...] = ()


class DangerResult(msgspec.Struct, frozen=True, kw_only=True):
    """The score with every raw signal and its weighted part; not capped, above 1 is dire."""

    score: float
    confidence_raw: float
    confidence_weighted: float
    imbalance_raw: float
    imbalance_weighted: float
    velocity_raw: float
    velocity_weighted: float
    opponent_raw: float
    opponent_weighted: float
    time_raw: float
    time_weighted: float


def drop_bps(look: DangerLook, peak: Peak) -> int:
    """Return how far the favorite fell from its peak, in 1e-4 dollars, never negative.

    Confidence and price are compared each with its own peak, and the larger fall counts: a time
    penalty that shrinks would otherwise hide a falling price.
    """
    now = Peak().raised(look.ask_bps, look.remaining_s)
    return max(peak.price_bps - now.price_bps, peak.confidence_bps - now.confidence_bps, 0)


def _velocity_against(look: DangerLook, rules: DangerRules) -> float:
    samples = recent_samples(look.samples, now_ns=look.now_ns, window_ns=rules.velocity_window_ns)
    change = relative_change(samples) * rules.velocity_scale
    return max(-change if look.held is Outcome.UP else change, 0.0)


def _opponent_strength(ask_bps: int | None) -> float:
    ask = UNKNOWN_OPPONENT_ASK_BPS if ask_bps is None else ask_bps
    return max(ask - OPPONENT_TOLERANCE_BPS, 0) / PRICE_ONE_BPS


def measure_danger(look: DangerLook, peak: Peak, rules: DangerRules) -> DangerResult:
    """Score a held position; unknown imbalance or price leave their signals at 0.

    Source: the five-signal danger score of the 99c capture rules, score = sum of weight x raw.
    """
    confidence = drop_bps(look, peak) / PRICE_ONE_BPS
    imbalance = max(-look.imbalance - IMBALANCE_TOLERANCE, 0.0)
    velocity = _velocity_against(look, rules)
    opponent = _opponent_strength(look.opponent_ask_bps)
    time = 1 - max(look.remaining_s, 0.0) / TIME_DECAY_S if look.remaining_s < TIME_DECAY_S else 0.0
    parts = (
        confidence * rules.confidence_weight,
        imbalance * rules.imbalance_weight,
        velocity * rules.velocity_weight,
        opponent * rules.opponent_weight,
        time * rules.time_weight,
    )
    return DangerResult(
        score=sum(parts),
        confidence_raw=confidence,
        confidence_weighted=parts[0],
        imbalance_raw=imbalance,
        imbalance_weighted=parts[1],
        velocity_raw=velocity,
        velocity_weighted=parts[2],
        opponent_raw=opponent,
        opponent_weighted=parts[3],
        time_raw=time,
        time_weighted=parts[4],
    )
