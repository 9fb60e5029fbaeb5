"""Whole books by request, for where the market stream left a hole."""

from typing import Protocol

import msgspec

from polybot.errors import PolybotError


class BookReply(msgspec.Struct, frozen=True):
    """What GET /book said of a token: the exact bytes, or why there are none."""

    token_id: str
    body: bytes = b""
    error: PolybotError | None = None


class BookSource(Protocol):
    """Asks for whole books off the work loop."""

    def request(self, token_id: str) -> None:
        """Ask for a token's book."""

    def take(self) -> list[BookReply]:
        """Return the answers that arrived since the last call."""
