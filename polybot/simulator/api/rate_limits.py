"""The exchange's limits per signer: token buckets for orders and cancels, in wall time.

The trader counts with code of its own: a mistake shared by both sides would never be seen.
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

NS_PER_S: Final = 1_000_000_000
# A token in the unit that flows in per nanosecond at one token a second.
_TOKEN: Final = NS_PER_S
TIER: Final = "standard"


class LimitMode(enum.Enum):
    """What the limiter does to a request over the limit: refuses it, marks it, or nothing."""

    ENFORCE = "enforce"
    WARN = "warn"
    OFF = "off"


class Bucket(msgspec.Struct, frozen=True):
    """What one kind of request may use: tokens a second, and how many can be saved up.

    A bucket that `lends` admits a request while any token is left, however much it costs.
    """

    per_second: int
    burst: int
    lends: bool = False


# The exchange's documentation, rate limits: the standard tier.
ORDERS: Final = Bucket(40, 60)
CANCELS: Final = Bucket(80, 120, lends=True)


class Admission(msgspec.Struct, frozen=True):
    """Whether a request may go on, and the headers its answer carries either way."""

    admitted: bool
    headers: Mapping[str, str]


_FREE: Final = Admission(True, {})  # noqa: FBT003


@dataclass(slots=True)
class _Level:
    tokens: int
    at_ns: int


class RateLimits:
    """The buckets of every signer."""

    def __init__(self, mode: LimitMode = LimitMode.WARN) -> None:
        self.mode = mode
        self._levels: dict[tuple[str, Bucket], _Level] = {}

    def take(
        self, signer: str, bucket: Bucket, cost: int, *, mono_ns: int, wall_ns: int
    ) -> Admission:
        """Take tokens for a request, all of them or none; a refused request costs nothing."""
        if self.mode is LimitMode.OFF:
            return _FREE
        level = self._levels.setdefault(
            (signer.lower(), bucket), _Level(bucket.burst * _TOKEN, mono_ns)
        )
        grown = level.tokens + (mono_ns - level.at_ns) * bucket.per_second
        level.tokens, level.at_ns = min(grown, bucket.burst * _TOKEN), mono_ns
        needed = _TOKEN if bucket.lends else cost * _TOKEN
        fits = level.tokens >= needed
        wait_ns = 0 if fits else -(-(needed - level.tokens) // bucket.per_second)
        if fits:
            level.tokens -= cost * _TOKEN
        elif self.mode is LimitMode.WARN:
            # A warning lets the request through; the bucket stays empty rather than in debt.
            level.tokens = min(level.tokens, 0)
        headers = {
            "Poly-RateLimit-Remaining": str(level.tokens // _TOKEN),
            "Poly-RateLimit-Reset": str(-(-(wall_ns + wait_ns) // NS_PER_S)),
            "Poly-RateLimit-Tier": TIER,
        }
        if fits:
            return Admission(True, headers)  # noqa: FBT003
        if self.mode is LimitMode.WARN:
            return Admission(True, {**headers, "Poly-RateLimit-Warning": "true"})  # noqa: FBT003
        retry_s = max(1, -(-wait_ns // NS_PER_S))
        return Admission(False, {**headers, "Retry-After": str(retry_s)})  # noqa: FBT003
