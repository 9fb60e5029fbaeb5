"""A count of what was refused, and when it is time to say so again: at once, then once a minute."""

SAY_AGAIN_NS = 60_000_000_000
_SHOWN = 200


class Refusals:
    """Counts refused input, so that a flood of it is one line a minute in the log.

    `total` is how much was refused so far. Times are monotonic nanoseconds.
    """

    def __init__(self) -> None:
        self.total = 0
        self._said = 0
        self._said_ns = 0

    def note(self, reason: str, mono_ns: int) -> str:
        """Count one; return the sentence to log now, "" while the last one is fresh."""
        self.total += 1
        if self._said and mono_ns - self._said_ns < SAY_AGAIN_NS:
            return ""
        new = self.total - self._said
        self._said, self._said_ns = self.total, mono_ns
        return f"{self.total} so far, {new} new; the last: {reason[:_SHOWN]}"
