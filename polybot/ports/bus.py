"""What a process says and hears: its own durable log, and the events of the others."""

from collections.abc import Mapping
from typing import Any, Protocol

from polybot.messages.commands import Witness
from polybot.messages.envelope import Envelope


class Outbox(Protocol):
    """This process's durable log and its voice on the bus.

    `record` appends to the journal; nothing is durable or published before `commit`, which syncs
    once for everything recorded and then publishes it in order.
    """

    source: str
    session: str

    def record(
        self, event: Any, *, ts_event: int | None = None, correlation_id: str = ""
    ) -> Envelope:
        """Append a durable event and return its envelope, with the journal's own seq."""

    def commit(self) -> None:
        """Sync the journal once, then publish everything recorded since the last commit."""

    def say(self, event: Any, *, ts_event: int | None = None) -> None:
        """Publish a volatile event; it may be lost."""

    def last_seq(self) -> int:
        """Return the seq of the newest durable event, 0 when there is none."""


class Inbox(Protocol):
    """What other processes said: durable events once, in order and without gaps, per source."""

    def take(self) -> list[tuple[Envelope, Any]]:
        """Return everything that arrived since the last call, as envelope and typed body."""

    def take_records(self) -> list[tuple[Envelope, Any, str]]:
        """Return the same with the hash of each durable event's bytes ("" for volatile)."""

    def position(self, source: str) -> int:
        """Return the seq of the last durable event taken from a source, 0 when none."""

    def witnesses(self) -> dict[str, Witness]:
        """Return the newest durable event taken from each source, to know its journal again by."""

    def resume_from(self, positions: dict[str, int], witnesses: Mapping[str, Witness]) -> None:
        """Set where each source's durable events continue, after a restart."""

    def replaced(self) -> dict[str, int]:
        """Return the sources whose journal is another than the one heard, and where it ends."""

    def acknowledge(self, source: str, seq: int) -> None:
        """Tell a source that all up to seq is stored here, so that it may trim its journal."""

    def gaps(self) -> dict[str, int]:
        """Return how many volatile messages were lost, by source."""
