"""Who comments on what the reflector looks back at."""

from typing import Protocol

import msgspec

from polybot.domain.digest import Digest


class Comment(msgspec.Struct, frozen=True):
    """What an analyst said of the digest of a mark; `error` says why it said nothing."""

    mark: str
    insights: tuple[str, ...] = ()
    error: str = ""


class Analyst(Protocol):
    """Comments on a digest, beside the work loop; its words change nothing."""

    name: str

    def ask(self, mark: str, digest: Digest) -> None:
        """Ask for a comment; it comes with `take`, an error included."""

    def take(self) -> list[Comment]:
        """Return the comments that arrived since the last call."""

    def stop(self) -> None:
        """End what is under way."""
