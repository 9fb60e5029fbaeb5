"""The first event that does not come out as the journal has it, field by field."""

from typing import Any

import msgspec

from polybot.messages.codec import decode_envelope
from polybot.messages.envelope import Envelope


class FieldDifference(msgspec.Struct, frozen=True):
    """One field, by its dotted path; a value that is not there is None."""

    path: str
    recorded: Any
    recomputed: Any


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """Where the session and its replay part: the event's seq, and both, either may be missing.

    `batch` is the number of the turn on the tape.
    """

    seq: int
    recorded: Envelope | None
    recomputed: Envelope | None
    fields: tuple[FieldDifference, ...]
    batch: int = 0

    @property
    def type(self) -> str:
        """What kind of event the journal has there, or the replay where the journal has none."""
        told = self.recorded or self.recomputed
        return told.type if told is not None else ""


def compare(recorded: bytes | None, recomputed: bytes | None) -> tuple[FieldDifference, ...]:
    """Return the fields in which two events differ; none where one of them is missing."""
    if recorded is None or recomputed is None:
        return ()
    left, right = plain(decode_envelope(recorded)), plain(decode_envelope(recomputed))
    found: list[FieldDifference] = []
    _walk("", left, right, found)
    return tuple(found)


def plain(envelope: Envelope) -> dict[str, Any]:
    """Return an event as JSON values, its body included."""
    fields: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(envelope))
    return fields


def _walk(path: str, left: Any, right: Any, found: list[FieldDifference]) -> None:
    if isinstance(left, dict) and isinstance(right, dict):
        for key in dict.fromkeys([*left, *right]):
            _walk(f"{path}.{key}" if path else key, left.get(key), right.get(key), found)
    elif isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
        for row, (one, other) in enumerate(zip(left, right, strict=True)):
            _walk(f"{path}[{row}]", one, other, found)
    elif left != right or type(left) is not type(right):
        found.append(FieldDifference(path, left, right))
