"""Which sessions of the trader there are on tape, and one of them opened for a replay."""

from pathlib import Path

import msgspec

from polybot.bootstrap.replay.journal import DECISION, SessionJournal
from polybot.bootstrap.replay.session import SessionReplay
from polybot.bootstrap.replay.tape import SessionTape
from polybot.errors import PolybotError, StorageError
from polybot.messages.codec import decode_envelope
from polybot.runtime.journal_history import JournalHistory
from polybot.runtime.tape import list_tapes, session_of

TAPE_NAME = "tape"


class TapedSession(msgspec.Struct, frozen=True, kw_only=True):
    """A session that has a tape; `problem` says why it cannot be replayed, "" when it can."""

    session: str
    files: int
    size_bytes: int
    began_ns: int = 0
    after_seq: int = 0
    program: str = ""
    problem: str = ""


def taped_sessions(directory: Path) -> list[TapedSession]:
    """Return the sessions on tape of a trader's directory, oldest first."""
    paths = list_tapes(directory / TAPE_NAME)
    names = dict.fromkeys(session_of(path) for path in paths if path.stat().st_size)
    return [_session(directory, name) for name in names]


def find_session(directory: Path, wanted: str) -> str:
    """Return the one session on tape whose name begins as asked, the newest for "".

    Returns "" when there is none; raises StorageError, naming them, when there are several.
    """
    names = [told.session for told in taped_sessions(directory)]
    if not wanted:
        return names[-1] if names else ""
    found = [name for name in names if name.startswith(wanted)]
    if len(found) > 1:
        raise StorageError(f"expected the name of one session, was {wanted!r}: {', '.join(found)}")
    return found[0] if found else ""


def untaped_events(directory: Path, session: str) -> tuple[int, int]:
    """Return how many events, and decisions among them, the journal has of a session.

    For one without a tape: it was killed before its first block was written, or its tape deleted.
    """
    events = decisions = 0
    for _, payload in JournalHistory(directory).payloads_after(0):
        envelope = decode_envelope(payload)
        if envelope.session == session:
            events += 1
            decisions += envelope.type == DECISION
    return events, decisions


def open_session(directory: Path, session: str) -> SessionReplay:
    """Return a session ready to be replayed, by the process directory of its trader."""
    tape = SessionTape(directory / TAPE_NAME, session)
    return SessionReplay(tape, SessionJournal(directory, session, tape.record.last_seq))


def _session(directory: Path, session: str) -> TapedSession:
    paths = list_tapes(directory / TAPE_NAME, session)
    size_bytes = sum(path.stat().st_size for path in paths)
    try:
        record = SessionTape(directory / TAPE_NAME, session).record
    except PolybotError as error:
        return TapedSession(
            session=session, files=len(paths), size_bytes=size_bytes, problem=str(error)
        )
    return TapedSession(
        session=session,
        files=len(paths),
        size_bytes=size_bytes,
        began_ns=record.wall_ns,
        after_seq=record.last_seq,
        program=record.program,
    )
