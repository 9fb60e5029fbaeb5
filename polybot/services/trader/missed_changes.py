"""Changes of a book that is not there yet, kept until a snapshot says which of them it lacks."""

from collections import deque
from typing import Final

from polybot.exchange.wire_market_stream import LevelChange

# About ten seconds of a busy token; what is older than that no fresh snapshot lacks.
KEPT: Final = 2048


class MissedChanges:
    """One token's changes since its book went missing, oldest first.

    A change carries a level's new total, so applying one that a snapshot already holds does no
    harm, and those of the snapshot's own millisecond are applied again.
    """

    __slots__ = ("_changes", "_lost_until_ms")

    def __init__(self) -> None:
        self._changes: deque[tuple[int, LevelChange]] = deque()
        self._lost_until_ms = -1

    def add(self, stamp_ms: int, change: LevelChange) -> None:
        """Keep a change; the oldest goes when there are too many."""
        self._changes.append((stamp_ms, change))
        if len(self._changes) > KEPT:
            self._lost_until_ms = self._changes.popleft()[0]

    def since(self, stamp_ms: int) -> list[LevelChange] | None:
        """Return what a snapshot of that time may lack; None when some of that was not kept."""
        if stamp_ms <= self._lost_until_ms:
            return None
        return [change for at_ms, change in self._changes if at_ms >= stamp_ms]
