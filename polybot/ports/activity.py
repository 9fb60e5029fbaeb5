"""A wallet's activity as the exchange's Data API tells it."""

from typing import Protocol

import msgspec

from polybot.domain.activity import Activity
from polybot.errors import PolybotError


class ActivityAnswer(msgspec.Struct, frozen=True):
    """The rows since the moment that was asked for, newest first, or why there are none."""

    rows: tuple[Activity, ...] = ()
    error: PolybotError | None = None


class ActivityFeed(Protocol):
    """Asks what happened to our wallet beside trading."""

    def request(self, since_s: int) -> None:
        """Ask for everything since a moment (UTC seconds of market time)."""

    def take(self) -> list[ActivityAnswer]:
        """Return the answers that arrived since the last call."""


class NullActivityFeed:
    """Tells nothing."""

    def request(self, since_s: int) -> None:
        """Do nothing."""

    def take(self) -> list[ActivityAnswer]:
        """Return nothing."""
        return []
