"""The head of a journal, remembered outside of it, and what a journal must be to still fit it."""

import re
from pathlib import Path

import msgspec

from polybot.errors import InvalidValue, JournalError
from polybot.runtime.journal_format import FIRST_HASH
from polybot.runtime.journal_history import JournalHistory
from polybot.runtime.journal_reader import JournalReader
from polybot.runtime.journal_segment import list_segments

# A part of a hash that somebody copied; fewer digits could be met by trying.
SHORTEST_HASH = 16
_HEAD = re.compile(rf"(\d{{1,19}}):([0-9a-f]{{{SHORTEST_HASH},64}})")


class JournalHead(msgspec.Struct, frozen=True):
    """The newest record: publishing it elsewhere makes a rewritten journal show."""

    seq: int
    hash: bytes

    def __str__(self) -> str:
        return f"{self.seq}:{self.hash.hex()}"


class RememberedHead(msgspec.Struct, frozen=True):
    """A head as a person kept it: the seq and at least the first 16 digits of the hash."""

    seq: int
    digits: str


class HeadCheck(msgspec.Struct, frozen=True):
    """Whether a journal still fits a remembered head; `fits` is None when nobody can tell."""

    head: RememberedHead
    fits: bool | None
    detail: str


def parse_head(text: str) -> RememberedHead:
    """Return the head a person wrote as SEQ:HASH; raises InvalidValue."""
    found = _HEAD.fullmatch(text.strip().lower())
    if found is None:
        raise InvalidValue(
            f"expected a head as the log has it, SEQ:HASH with at least {SHORTEST_HASH} "
            f"hexadecimal digits, was {text!r}"
        )
    return RememberedHead(int(found[1]), found[2])


def check_head(directory: Path, head: RememberedHead) -> HeadCheck:
    """Hold the record of a head's seq against its hash.

    The record's own hash covers everything before it, so one record is enough where `verify` found
    the chain whole. Raises StorageError when a file cannot be read.
    """
    segments = list_segments(directory)
    first_seq = segments[0].first_seq if segments else 1
    if head.seq == 0:
        return _compared(head, FIRST_HASH)
    if head.seq < first_seq:
        archived = next(JournalHistory(directory).records_after(head.seq - 1), None)
        if archived is not None and archived.seq == head.seq:
            return _compared(head, archived.hash)
        detail = (
            f"the journal begins at seq {first_seq} by now, and its archive no longer holds seq "
            f"{head.seq}"
        )
        return HeadCheck(head, fits=None, detail=detail)
    try:
        records = JournalReader(directory, segments).read_from(head.seq, 1)
    except JournalError as error:
        return HeadCheck(head, fits=None, detail=str(error))
    if not records:
        detail = (
            f"there is no record {head.seq}: the newest records were taken away, or this is "
            "another journal"
        )
        return HeadCheck(head, fits=False, detail=detail)
    return _compared(head, records[0].hash)


def _compared(head: RememberedHead, found: bytes) -> HeadCheck:
    if found.hex().startswith(head.digits):
        return HeadCheck(head, fits=True, detail=f"record {head.seq} is the one remembered")
    detail = (
        f"expected the hash {head.digits} at seq {head.seq}, was {found.hex()}: records up to it "
        "were rewritten"
    )
    return HeadCheck(head, fits=False, detail=detail)
