"""Reads for a health report: lives of processes, alerts, and the newest audit."""

import msgspec
from peewee import SqliteDatabase

from polybot.adapters.storage.statements import execute
from polybot.domain.health import ProcessLife, StoredAlert, StoredAudit

# Each session beside the one before it of the same process.
LIVES = """
    SELECT process, version, mode, started_ns, stopped_ns,
        LAG(stopped_ns) OVER (PARTITION BY process ORDER BY id) AS before
    FROM process_session ORDER BY id"""
ALERTS = """
    SELECT key, severity, text, raised_ns, cleared_ns FROM alert
    WHERE raised_ns >= ? OR cleared_ns >= ? OR cleared_ns = 0 ORDER BY raised_ns, id"""
NEWEST_AUDIT = "SELECT agrees, differences, audited_ns FROM audit ORDER BY id DESC LIMIT 1"


def read_lives(database: SqliteDatabase, *, since_ns: int) -> tuple[ProcessLife, ...]:
    """Return each process's newest session, with its restarts since a wall time."""
    found: dict[str, ProcessLife] = {}
    for process, version, mode, started_ns, stopped_ns, before in execute(database, LIVES):
        earlier = found.get(process)
        again = before is not None and started_ns >= since_ns
        found[process] = ProcessLife(
            process=process,
            version=version,
            mode=mode,
            started_ns=started_ns,
            stopped_ns=stopped_ns,
            restarts=(earlier.restarts if earlier else 0) + again,
            crashes=(earlier.crashes if earlier else 0) + (again and before == 0),
        )
    return tuple(found.values())


def read_alerts(database: SqliteDatabase, *, since_ns: int) -> tuple[StoredAlert, ...]:
    """Return the alerts that came, ended or held since a wall time, oldest first."""
    return tuple(
        StoredAlert(
            key=key, severity=severity, text=text, raised_ns=raised_ns, cleared_ns=cleared_ns
        )
        for key, severity, text, raised_ns, cleared_ns in execute(
            database, ALERTS, (since_ns, since_ns)
        )
    )


def read_newest_audit(database: SqliteDatabase) -> StoredAudit | None:
    """Return the newest audit, None when there was none yet."""
    for agrees, differences, audited_ns in execute(database, NEWEST_AUDIT):
        told = msgspec.json.decode(differences, type=tuple[str, ...])
        return StoredAudit(agrees=bool(agrees), differences=told, audited_ns=audited_ns)
    return None
