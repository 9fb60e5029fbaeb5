"""Brings back what the reflector recorded: the checkpoint's marks, then those of the journal."""

from collections.abc import Iterable

import msgspec

from polybot.errors import CheckpointError, ProtocolError
from polybot.messages.codec import decode_body, decode_envelope
from polybot.messages.learning import ReflectionRecorded

SCHEMA = 1


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """The reflector's state as a checkpoint holds it."""

    marks: tuple[str, ...]


class Restored(msgspec.Struct, frozen=True):
    """What a start begins with."""

    marks: frozenset[str] = msgspec.field(default_factory=frozenset)
    checkpoint_seq: int = 0
    replayed: int = 0


def restore(checkpoint_seq: int, checkpoint: bytes | None, payloads: Iterable[bytes]) -> Restored:
    """Add the journal's reflections after a checkpoint to its marks; raises CheckpointError."""
    marks: set[str] = set()
    if checkpoint is not None:
        try:
            marks |= set(msgspec.json.decode(checkpoint, type=Snapshot).marks)
        except msgspec.MsgspecError as error:
            message = f"expected a reflector checkpoint at {checkpoint_seq}, was unreadable: "
            raise CheckpointError(message + str(error)) from error
    replayed = 0
    for payload in payloads:
        replayed += 1
        mark = _mark_of(payload)
        if mark:
            marks.add(mark)
    return Restored(frozenset(marks), checkpoint_seq, replayed)


def _mark_of(payload: bytes) -> str:
    envelope = decode_envelope(payload)
    if envelope.type != ReflectionRecorded.__name__:
        return ""
    try:
        body = decode_body(envelope.type, envelope.body)
    except ProtocolError:
        # Of another version: the database, which stored it, still knows its mark.
        return ""
    return str(body.mark)
