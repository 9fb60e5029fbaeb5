"""A process's durable events as commands show them: read in batches, chosen, one dict each."""

import json
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from polybot.cli.exits import CommandError
from polybot.errors import JournalError, ProtocolError, StorageError
from polybot.messages.codec import decode_envelope
from polybot.runtime.disk import translated
from polybot.runtime.journal_damage import Kind, is_torn, records_behind
from polybot.runtime.journal_format import JournalRecord, chain_hash
from polybot.runtime.journal_history import JournalHistory
from polybot.runtime.journal_reader import JournalReader
from polybot.runtime.journal_segment import list_segments, scan_segment

BATCH = 500
# The first characters of an order's id are enough, but not any two.
SHORTEST_ID = 6


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """Which events are wanted; what is empty (or 0) excludes nothing.

    `order` is the beginning of an order's id, `window` a slug: both may stand anywhere in an event.
    """

    since: int = 0
    until: int = 0
    kind: str = ""
    session: str = ""
    order: str = ""
    window: str = ""

    def takes(self, event: dict[str, Any]) -> bool:
        """Return whether an event is one of those."""
        return (
            (not self.kind or event["type"] == self.kind)
            and (not self.session or event.get("session") == self.session)
            and (not self.window or _says(event["body"], self.window.__eq__))
            and (not self.order or _says(event["body"], self._is_order))
        )

    def _is_order(self, text: str) -> bool:
        # An order's body is JSON of its own, in which the id does not stand first.
        return text.lower().startswith(self.order.lower())


def newest_seq(directory: Path) -> int:
    """Return the seq of the newest record there is now, a damaged one included; 0 for none."""
    for segment in reversed(list_segments(directory)):
        with translated(segment.path):
            data = segment.path.read_bytes()
        scan = scan_segment(segment, data, None)
        damage = scan.damage
        if damage is not None and damage.kind is Kind.CHANGED:
            behind = [record.seq for _, record in records_behind(data, damage.offset)]
            # A tail that is torn may be a record being written now; only whole ones are there.
            torn = is_torn(data, damage.offset, damage.seq)
            return max([*behind, scan.last_seq if torn else damage.seq])
        if scan.records:
            return scan.last_seq
        # A new segment may not have its first record yet.
    return 0


def read_records(
    directory: Path, since: int, until: int, told: Callable[[int], None] = lambda _: None
) -> Iterator[JournalRecord]:
    """Yield the records of a range of seq, also while their process goes on writing.

    Only reads: the process does not notice. What was trimmed comes from the archive. Each is held
    against the hash of the one before. `told` hears how far it is, a batch at a time. Raises
    JournalError for a damaged record, CommandError for one that no file holds any more.
    """
    reader = JournalReader(directory)
    seq = max(since, JournalHistory(directory).first_seq())
    archived: Iterator[JournalRecord] | None = None
    before: JournalRecord | None = None
    while seq <= until:
        if seq < reader.first_seq:
            archived = archived or JournalHistory(directory).records_after(seq - 1)
            records = list(islice(archived, min(BATCH, min(until + 1, reader.first_seq) - seq)))
        else:
            try:
                records = reader.read_from(seq, min(BATCH, until - seq + 1))
            except JournalError:
                raise
            except StorageError:
                reader = _read_again(directory, seq)
                continue
        if not records:
            return
        for record in records:
            if record.seq != seq:
                raise CommandError(
                    f"the records {seq} to {record.seq - 1} are in no file of {directory}; begin "
                    f"again with --from {record.seq}"
                )
            if before is not None:
                _check_chain(directory, before, record)
            before = record
            seq += 1
            yield record
        told(seq - 1)


def event_of(record: JournalRecord) -> dict[str, Any]:
    """Return a record's event as JSON has it; what cannot be read is of type "unreadable"."""
    try:
        envelope = decode_envelope(record.payload)
    except ProtocolError as error:
        return {"seq": record.seq, "type": "unreadable", "ts_init": 0, "body": str(error)}
    return {
        "seq": record.seq,
        "type": envelope.type,
        "session": envelope.session,
        "ts_event": envelope.ts_event,
        "ts_init": envelope.ts_init,
        "correlation_id": envelope.correlation_id,
        "hash": record.hash.hex(),
        "body": json.loads(bytes(envelope.body)),
    }


def _read_again(directory: Path, seq: int) -> JournalReader:
    """Return a reader of the files there are now: one of them was trimmed just before."""
    reader = JournalReader(directory)
    if reader.first_seq <= seq:
        # The file is there and still cannot be read: this try says why.
        reader.read_from(seq, 1)
    return reader


def _check_chain(directory: Path, before: JournalRecord, record: JournalRecord) -> None:
    if chain_hash(before.hash, record.seq, record.payload) != record.hash:
        raise JournalError(
            f"expected record {record.seq} in {directory} to continue {before.seq}, was another "
            "chain; `polybot journal verify` says where"
        )


def _says(value: Any, wanted: Callable[[str], bool]) -> bool:
    """Return whether a text anywhere in a JSON value is a wanted one."""
    if isinstance(value, str):
        return wanted(value)
    if isinstance(value, dict):
        return any(_says(each, wanted) for each in (*value, *value.values()))
    return isinstance(value, list) and any(_says(each, wanted) for each in value)
