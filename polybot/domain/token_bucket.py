"""A token bucket: how many requests may be made now, when so many are allowed a second."""

SECOND_NS = 1_000_000_000
# Slowed down, a bucket fills at half its rate.
SLOW_DIVISOR = 2


class TokenBucket:
    """Fills at `per_second` up to `burst` whole tokens; times are monotonic nanoseconds.

    Counts in billionths of a token, so that nothing is lost between two looks.
    """

    def __init__(self, *, per_second: float, burst: int) -> None:
        self._rate = max(1, int(per_second * SECOND_NS))
        self.burst = max(1, burst)
        self._level = self.burst * SECOND_NS
        self._filled_ns: int | None = None
        self._slow_until_ns = -1

    def available(self, now_ns: int) -> int:
        """Return the whole tokens there are now, below 0 after an overdraft."""
        self._fill(now_ns)
        return self._level // SECOND_NS

    def take(self, count: int, now_ns: int) -> None:
        """Take tokens, also more than there are: what was sent was sent."""
        self._fill(now_ns)
        self._level -= count * SECOND_NS

    def wait_s(self, now_ns: int) -> float:
        """Return the seconds until there is a whole token."""
        self._fill(now_ns)
        return max(0, SECOND_NS - self._level) / self._speed(now_ns)

    def at_most(self, count: int, now_ns: int) -> None:
        """Lower the level to what the exchange says is left."""
        self._fill(now_ns)
        self._level = min(self._level, count * SECOND_NS)

    def slow_down(self, until_ns: int) -> None:
        """Fill at half the rate until a moment."""
        self._slow_until_ns = max(self._slow_until_ns, until_ns)

    def is_slow(self, now_ns: int) -> bool:
        """Return whether it fills at half the rate now."""
        return now_ns < self._slow_until_ns

    def _speed(self, now_ns: int) -> int:
        return self._rate // SLOW_DIVISOR if self.is_slow(now_ns) else self._rate

    def _fill(self, now_ns: int) -> None:
        if self._filled_ns is None:
            self._filled_ns = now_ns
        passed_ns = max(0, now_ns - self._filled_ns)
        slow_ns = max(0, min(now_ns, self._slow_until_ns) - self._filled_ns)
        self._filled_ns += passed_ns
        gained = (passed_ns - slow_ns) * self._rate + slow_ns * self._rate // SLOW_DIVISOR
        self._level = min(self.burst * SECOND_NS, self._level + gained // SECOND_NS)
