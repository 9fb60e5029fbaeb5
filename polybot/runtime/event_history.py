"""Every process's durable events as their files hold them, in the order they were said."""

import heapq
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from polybot.messages.envelope import Envelope
from polybot.runtime.journal_history import JournalHistory
from polybot.runtime.own_events import read_event

Record = tuple[Envelope, Any, str]


class FiledEvents:
    """Reads the journals and archives of several processes side by side.

    Each source's events come in its own order, without doubles; between sources the earlier made
    comes first.
    """

    def __init__(self, directories: Mapping[str, Path]) -> None:
        self._histories = {name: JournalHistory(path) for name, path in directories.items()}
        self._events: Iterator[Record] = iter(())

    def first_live_seqs(self) -> dict[str, int]:
        """Return the oldest seq that each process can still tell itself, where there is any."""
        seqs = {name: history.first_live_seq() for name, history in self._histories.items()}
        return {name: seq for name, seq in seqs.items() if seq}

    def begin(self, positions: Mapping[str, int]) -> None:
        """Read on from after these seqs, from 0 where a source is not named."""
        for history in self._histories.values():
            history.missing.clear()
        self._events = heapq.merge(
            *(self._of(name, positions.get(name, 0)) for name in self._histories),
            key=lambda record: record[0].ts_init,
        )

    def take(self, limit: int) -> list[Record]:
        """Return at most `limit` events, none at the end; raises StorageError."""
        return list(islice(self._events, limit))

    def missing(self) -> dict[str, tuple[tuple[int, int], ...]]:
        """Return the ranges of seq, first and last, that no file holds, by source."""
        return {
            name: tuple(history.missing)
            for name, history in self._histories.items()
            if history.missing
        }

    def _of(self, name: str, seq: int) -> Iterator[Record]:
        for _, payload in self._histories[name].payloads_after(seq):
            yield read_event(payload)
