"""The ledger: every durable event stored exactly once, with the tables that follow from it."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from peewee import SqliteDatabase

from polybot.adapters.storage import models
from polybot.adapters.storage.connection import open_for_writing
from polybot.adapters.storage.projections import project
from polybot.adapters.storage.source_positions import read_positions, read_witnesses
from polybot.adapters.storage.statements import execute, execute_many, translated
from polybot.adapters.storage.subjects import Subject, subject_of
from polybot.adapters.storage.wallet_reads import (
    read_activity_since_ns,
    read_known_activity,
    read_slugs,
)
from polybot.adapters.storage.work_lists import read_grade_cases, read_open_questions
from polybot.domain.stored import GradeCase, OpenQuestion, StoreResult
from polybot.messages.commands import Witness
from polybot.messages.envelope import Envelope
from polybot.messages.tracking import WindowGraded
from polybot.ports import Clock
from polybot.ports.crash_points import reach

Record = tuple[Envelope, Any, str]

_INSERT_EVENT = (
    "INSERT INTO event (source, session, seq, record_hash, type, ts_event, ts_init, "
    "correlation_id, slug, order_id, decision_id, body) VALUES (?,?,?,?,?,?,?,?,?,?,?,?)"
)
_UPSERT_POSITION = (
    "INSERT INTO source_position (source, session, seq, stored_ns) VALUES (?,?,?,?) "
    "ON CONFLICT (source) DO UPDATE SET session = excluded.session, seq = excluded.seq, "
    "stored_ns = excluded.stored_ns"
)
_MARK_GRADE_DUE = "UPDATE market_window SET grade_due = 1 WHERE slug = ? AND grade_due = 0"
_KNOWN_HASH = "SELECT record_hash FROM event WHERE source = ? AND seq = ?"


class Ledger:
    """The database's only writer; one process, one thread.

    Invariant: a source's position, its events up to there and every table that follows from them
    change in one transaction, so a crash at any moment leaves all of a batch or nothing of it.
    """

    def __init__(self, database: SqliteDatabase, path: Path, clock: Clock) -> None:
        self.database = database
        self._path = path
        self._clock = clock
        self._positions: dict[str, int] = {}
        self._load_positions()

    @classmethod
    def open(cls, path: Path, clock: Clock) -> "Ledger":
        """Open the database for writing, made and migrated as needed; raises StorageError."""
        return cls(open_for_writing(path, now_ns=clock.now_ns()), path, clock)

    def positions(self) -> dict[str, int]:
        """Return the seq of the last stored event of each source."""
        return dict(self._positions)

    def witnesses(self) -> dict[str, Witness]:
        """Return the last stored event of each source, to know its journal again by."""
        with translated(str(self._path)):
            return read_witnesses(self.database)

    def store_position(self, source: str) -> int:
        """Return the seq of a source's last stored event, 0 when there is none."""
        return self._positions.get(source, 0)

    def store(self, records: Sequence[Record]) -> StoreResult:
        """Store a batch in one transaction; volatile events are left out.

        An event that is here already is skipped; with other bytes under the same number it is kept
        out and reported as a conflict. Raises DiskFull or StorageError, and then nothing of the
        batch is stored.
        """
        durable = [record for record in records if record[0].durable]
        if not durable:
            return StoreResult()
        try:
            with translated(str(self._path)), self.database.atomic("IMMEDIATE"):
                stored = self._store(durable)
                reach("ingest.storing")
                return stored
        except BaseException:
            # What was counted in memory was rolled back on disk.
            self._load_positions()
            raise

    def note_question(self, slug: str, *, asks: int, next_ask_ns: int) -> None:
        """Remember how often a window's outcome was asked for, and when to ask again."""
        window = models.MarketWindowRow
        with translated(str(self._path)):
            window.update(asks=asks, next_ask_ns=next_ask_ns).where(window.slug == slug).execute(
                self.database
            )

    def note_graded(self, slugs: Iterable[str]) -> None:
        """Take windows off the list of those to grade: their grades are up to date."""
        window = models.MarketWindowRow
        with translated(str(self._path)):
            window.update(grade_due=False).where(window.slug.in_(list(slugs))).execute(
                self.database
            )

    def close(self) -> None:
        """Let go of the file."""
        self.database.close()

    def is_settled(self, slug: str) -> bool:
        """Return whether a window has an official outcome."""
        with translated(str(self._path)):
            return bool(
                execute(self.database, "SELECT 1 FROM window_outcome WHERE slug = ?", (slug,))
            )

    def open_questions(self) -> list[OpenQuestion]:
        """Return the windows without an official outcome, by close."""
        with translated(str(self._path)):
            return read_open_questions(self.database)

    def grade_cases(self, limit: int) -> list[GradeCase]:
        """Return at most `limit` settled windows to which something happened since their grade."""
        with translated(str(self._path)):
            return read_grade_cases(self.database, limit)

    def known_activity(self, keys: Sequence[str]) -> set[str]:
        """Return which rows of the exchange's activity are stored, by their keys."""
        with translated(str(self._path)):
            return read_known_activity(self.database, keys)

    def activity_since_ns(self) -> int:
        """Return the time of the newest stored activity, of our first window before there is any.

        It is 0 while there is neither.
        """
        with translated(str(self._path)):
            return read_activity_since_ns(self.database)

    def slugs_of(self, condition_ids: Sequence[str]) -> dict[str, str]:
        """Return the slugs of our windows by condition id."""
        with translated(str(self._path)):
            return read_slugs(self.database, condition_ids)

    def _store(self, records: Sequence[Record]) -> StoreResult:
        now_ns = self._clock.now_ns()
        rows: list[tuple[Any, ...]] = []
        sessions: dict[str, str] = {}
        touched: set[str] = set()
        conflicts: list[str] = []
        duplicates = 0
        for envelope, body, record_hash in records:
            if envelope.seq <= self._positions.get(envelope.source, 0):
                duplicates += 1
                conflicts += self._conflict(envelope, record_hash, rows, now_ns)
                continue
            subject = subject_of(body)
            rows.append(_event_row(envelope, subject, record_hash))
            project(self.database, envelope, body)
            self._positions[envelope.source] = envelope.seq
            sessions[envelope.source] = envelope.session
            if subject.slug and not isinstance(body, WindowGraded):
                touched.add(subject.slug)
        execute_many(self.database, _INSERT_EVENT, rows)
        execute_many(
            self.database,
            _UPSERT_POSITION,
            [(source, name, self._positions[source], now_ns) for source, name in sessions.items()],
        )
        execute_many(self.database, _MARK_GRADE_DUE, [(slug,) for slug in sorted(touched)])
        return StoreResult(
            stored=len(rows),
            duplicates=duplicates,
            conflicts=tuple(conflicts),
        )

    def _conflict(
        self, envelope: Envelope, record_hash: str, rows: list[tuple[Any, ...]], now_ns: int
    ) -> list[str]:
        """Return one sentence when a known number came back with other bytes, and note it."""
        known = self._known_hash(envelope, rows)
        if known in ("", record_hash):
            return []
        detail = (
            f"expected event {envelope.seq} of {envelope.source} with hash {known} as stored, "
            f"was {record_hash} ({envelope.type} of session {envelope.session})"
        )
        repeated = models.ConflictRow.select().where(models.ConflictRow.detail == detail)
        if list(repeated.tuples().execute(self.database)):
            return []
        models.ConflictRow.insert(
            source=envelope.source, seq=envelope.seq, detail=detail, found_ns=now_ns
        ).execute(self.database)
        return [detail]

    def _known_hash(self, envelope: Envelope, rows: list[tuple[Any, ...]]) -> str:
        for row in rows:
            if (row[0], row[2]) == (envelope.source, envelope.seq):
                return str(row[3])
        stored = execute(self.database, _KNOWN_HASH, (envelope.source, envelope.seq))
        return str(stored[0][0]) if stored else ""

    def _load_positions(self) -> None:
        with translated(str(self._path)):
            self._positions = read_positions(self.database)


def _event_row(envelope: Envelope, subject: Subject, record_hash: str) -> tuple[Any, ...]:
    return (
        envelope.source,
        envelope.session,
        envelope.seq,
        record_hash,
        envelope.type,
        envelope.ts_event,
        envelope.ts_init,
        envelope.correlation_id,
        subject.slug,
        subject.order_id,
        subject.decision_id,
        bytes(envelope.body).decode(),
    )
