"""How events about processes, alerts, audits and reflections change their tables."""

from peewee import SqliteDatabase

from polybot.adapters.storage import models
from polybot.adapters.storage.json_text import to_text
from polybot.messages.envelope import Envelope
from polybot.messages.learning import ReflectionRecorded
from polybot.messages.lifecycle import ProcessStarted, ProcessStopped
from polybot.messages.safety import AlertCleared, AlertRaised, VerdictChanged
from polybot.messages.tracking import AuditCompleted
from polybot.messages.trading import FeedStateChanged


def process_started(database: SqliteDatabase, envelope: Envelope, event: ProcessStarted) -> None:
    """Open a session."""
    models.ProcessSessionRow.insert(
        process=event.process,
        session=envelope.session,
        pid=event.pid,
        version=event.version,
        mode=event.mode,
        config_hash=event.config_hash,
        restored_seq=event.restored_seq,
        replayed=event.replayed,
        started_ns=envelope.ts_init,
        stopped_ns=0,
        reason="",
    ).on_conflict_replace().execute(database)


def process_stopped(database: SqliteDatabase, envelope: Envelope, event: ProcessStopped) -> None:
    """Close a session."""
    table = models.ProcessSessionRow
    table.update(stopped_ns=envelope.ts_init, reason=event.reason).where(
        (table.process == event.process) & (table.session == envelope.session)
    ).execute(database)


def verdict_changed(database: SqliteDatabase, envelope: Envelope, event: VerdictChanged) -> None:
    """Keep a verdict."""
    models.VerdictRow.insert(
        process=event.process,
        verdict=event.verdict,
        was=event.was,
        reason=event.reason,
        changed_ns=envelope.ts_init,
    ).execute(database)


def alert_raised(database: SqliteDatabase, envelope: Envelope, event: AlertRaised) -> None:
    """Open an alert, unless its condition is open already."""
    table = models.AlertRow
    still_open = table.select().where((table.key == event.key) & (table.cleared_ns == 0))
    if list(still_open.tuples().execute(database)):
        return
    table.insert(
        key=event.key,
        severity=event.severity,
        text=event.text,
        raised_ns=envelope.ts_init,
        cleared_ns=0,
    ).execute(database)


def alert_cleared(database: SqliteDatabase, envelope: Envelope, event: AlertCleared) -> None:
    """Close an alert."""
    table = models.AlertRow
    table.update(cleared_ns=envelope.ts_init).where(
        (table.key == event.key) & (table.cleared_ns == 0)
    ).execute(database)


def audit_completed(database: SqliteDatabase, envelope: Envelope, event: AuditCompleted) -> None:
    """Keep an audit."""
    models.AuditRow.insert(
        agrees=event.agrees,
        differences=to_text(event.differences),
        orders=event.orders,
        fills=event.fills,
        windows=event.windows,
        audited_ns=envelope.ts_init,
    ).execute(database)


def reflection_recorded(
    database: SqliteDatabase, envelope: Envelope, event: ReflectionRecorded
) -> None:
    """Keep a reflection; the first record of a mark is the one that counts."""
    models.ReflectionRow.insert(
        kind=event.trigger,
        mark=event.mark,
        trades=event.trades,
        digest=to_text(event.digest),
        insights=to_text(event.insights),
        analyst=event.analyst,
        recorded_ns=envelope.ts_event,
    ).on_conflict_ignore().execute(database)


def feed_changed(database: SqliteDatabase, envelope: Envelope, event: FeedStateChanged) -> None:
    """Keep a stream's newest state."""
    models.FeedStateRow.insert(
        feed=event.feed,
        connected=event.connected,
        detail=event.detail,
        changed_ns=envelope.ts_init,
    ).on_conflict_replace().execute(database)
