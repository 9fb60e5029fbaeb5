"""A session's tape as a replay reads it: how the session began, then one batch after the other."""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from polybot.errors import ProtocolError, StorageError
from polybot.runtime.tape import list_tapes
from polybot.runtime.tape_format import BATCH_END, COUNT, GAP, TapeFrame, TapeReader
from polybot.services.trader.tape_records import (
    BEGINS,
    NUMBER,
    TAPE_OVERRUN,
    TAPE_SEQ,
    TAPE_SESSION,
    TAPE_STATE,
    Begin,
    decode_begin,
)
from polybot.services.trader.taped_session import SessionRecord, read_session


class Batch(msgspec.Struct, kw_only=True):
    """What the trader took in one go: at its start, in a turn, or with a command.

    `seq` is the newest event when it ended, None when it had none; `ended` is False for a turn that
    failed, or that the session did not live to end. Times in nanoseconds.
    """

    number: int
    kind: int
    mono_ns: int
    market_ns: int
    begin: Begin
    frames: list[TapeFrame] = []
    overrun_ns: int = 0
    seq: int | None = None
    ended: bool = False


class Hole(msgspec.Struct, frozen=True):
    """Inputs are missing from here on; `reason` says how many, or where the tape is damaged."""

    reason: str


class SessionTape:
    """The tape files of one session, as long as they are now.

    A trader that still runs goes on with both: its tape must end before its journal does, so open
    this first. Raises StorageError when there are none or their beginning is gone, ProtocolError
    when an older or newer polybot wrote them.
    """

    def __init__(self, directory: Path, session: str) -> None:
        self.paths = list_tapes(directory, session)
        if not self.paths:
            raise StorageError(f"expected a tape of session {session} in {directory}, was none")
        self._sizes = {path: path.stat().st_size for path in self.paths}
        self.record, self.state = self._beginning(session)

    @property
    def size_bytes(self) -> int:
        """How large the files are."""
        return sum(self._sizes.values())

    def batches(self) -> Iterator[Batch | Hole]:
        """Yield every batch in order; a hole is the last one.

        Of a batch without an end behind which nothing comes nobody knows how far it came: it is
        left out.
        """
        batch: Batch | None = None
        number = 0
        for frame in self._frames():
            if isinstance(frame, Hole):
                yield frame
                return
            if frame.kind == BATCH_END:
                if batch is not None:
                    batch.ended = True
                    yield batch
                batch = None
            elif frame.kind in BEGINS:
                if batch is not None:
                    yield batch
                number += 1
                batch = _begun(frame, number)
            elif batch is not None:
                _add(batch, frame)
            elif frame.kind not in (TAPE_SESSION, TAPE_STATE):
                yield Hole("the tape goes on in the middle of a turn")
                return

    def _beginning(self, session: str) -> tuple[SessionRecord, bytes]:
        first: list[TapeFrame] = []
        for frame in TapeReader(self.paths[0]):
            first.append(frame)
            if len(first) > 1:
                break
        kinds = [frame.kind for frame in first]
        if kinds == [TAPE_SESSION, TAPE_STATE]:
            return read_session(first[0].data), first[1].data
        if BEGINS.intersection(kinds):
            raise StorageError(
                f"expected the tape of session {session} from its beginning, was from "
                f"{self.paths[0].name} on: the older files were deleted above trader.tape_cap_mb"
            )
        raise ProtocolError(
            f"expected a tape that holds the session's settings, restored state and the begin of "
            f"each turn, was one without in {self.paths[0]}: the session began before polybot "
            "recorded them, or was killed before its first block was written"
        )

    def _frames(self) -> Iterator[TapeFrame | Hole]:
        for path in self.paths:
            reader = TapeReader(path, self._sizes[path])
            for frame in reader:
                if frame.kind == GAP:
                    (count,) = COUNT.unpack(frame.data)
                    yield Hole(f"{count} inputs could not be written (see the trader's log)")
                    return
                yield frame
            # What a kill leaves of the last block is no damage: the session was not taped further.
            if reader.problem and path != self.paths[-1]:
                yield Hole(reader.problem)
                return


def _begun(frame: TapeFrame, number: int) -> Batch:
    return Batch(
        number=number,
        kind=frame.kind,
        mono_ns=frame.mono_ns,
        market_ns=frame.market_ns,
        begin=decode_begin(frame.data),
    )


def _add(batch: Batch, frame: TapeFrame) -> None:
    if frame.kind == TAPE_SEQ:
        (batch.seq,) = NUMBER.unpack(frame.data)
    elif frame.kind == TAPE_OVERRUN:
        (batch.overrun_ns,) = NUMBER.unpack(frame.data)
    else:
        batch.frames.append(frame)
