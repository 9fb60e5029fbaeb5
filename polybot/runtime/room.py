"""Minds the room of a process's journal: asks for it again while it is missing, and says so."""

import logging
from collections.abc import Callable
from typing import Protocol

from polybot.errors import StorageError
from polybot.ports import Clock

logger = logging.getLogger(__name__)

# Room is asked for again this often; somebody who frees a disk should not wait for long.
RETRY_NS = 5_000_000_000


class RoomyJournal(Protocol):
    """What minding needs of the journal."""

    @property
    def shortage(self) -> StorageError | None:
        """Return why the next segment could not be made, None while there is room."""

    @property
    def preparing(self) -> bool:
        """Return whether room is being made just now."""

    def replenish(self) -> None:
        """Make what is missing on a thread."""


# Says that there is no room (why) or, with None, that there is.
Tell = Callable[[StorageError | None], None]


class Room:
    """Tells, once for each change, whether the journal has room for its next segment.

    It is asked for a whole segment ahead of the need, so whoever is told can stop what may stop
    while all that must still be written down fits.
    """

    def __init__(self, journal: RoomyJournal, clock: Clock, tell: Tell | None = None) -> None:
        self._journal = journal
        self._clock = clock
        self._tell = tell
        self._told: bool | None = None
        self._next_try_ns = 0

    def look(self) -> None:
        """Look once; called about every second, never waits for the disk."""
        if self._journal.preparing:
            return
        shortage = self._journal.shortage
        short = shortage is not None
        if short != self._told:
            # A new life does not know what an earlier one was told: said at the first look too.
            self._told = short
            if self._tell is not None:
                self._tell(shortage)
        now = self._clock.monotonic_ns()
        if short and now >= self._next_try_ns:
            self._next_try_ns = now + RETRY_NS
            self._journal.replenish()
