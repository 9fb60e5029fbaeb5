"""Tests of what the database says of lives, alerts and audits."""

from typing import Any

from msgspec.structs import replace

from polybot.adapters.storage.ledger import Ledger
from polybot.adapters.storage.reader import LedgerReader
from polybot.domain.health import ProcessLife, StoredAudit
from polybot.messages.lifecycle import ProcessStarted, ProcessStopped
from polybot.messages.safety import AlertCleared, AlertRaised
from polybot.messages.tracking import AuditCompleted
from tests.fakes import event_hash, make_envelope


def store(ledger: Ledger, source: str, *told: tuple[Any, str, int]) -> None:
    """Store events of a source: each with its session and its wall time."""
    stored = []
    for seq, (event, session, wall_ns) in enumerate(told, start=1):
        envelope = make_envelope(event, source=source, seq=seq, session=session)
        envelope = replace(envelope, ts_init=wall_ns)
        stored.append((envelope, event, event_hash(envelope)))
    ledger.store(stored)


def started(process: str, version: str = "1") -> ProcessStarted:
    return ProcessStarted(
        process=process,
        pid=7,
        version=version,
        mode="live",
        config_hash="h",
        restored_seq=0,
        replayed=0,
    )


def stopped(process: str) -> ProcessStopped:
    return ProcessStopped(process=process, pid=7, reason="asked to stop")


def test_restarts_are_counted_since_a_moment_and_crashes_among_them(
    ledger: Ledger, reader: LedgerReader
) -> None:
    store(
        ledger,
        "trader",
        (started("trader"), "a", 10),
        (started("trader"), "b", 20),
        (stopped("trader"), "b", 30),
        (started("trader", "2"), "c", 40),
        (started("trader", "2"), "d", 50),
    )
    store(ledger, "tracker", (started("tracker"), "a", 45), (stopped("tracker"), "a", 46))

    def lives(since_ns: int) -> dict[str, ProcessLife]:
        return {life.process: life for life in reader.process_lives(since_ns=since_ns)}

    trader = lives(0)["trader"]
    assert (trader.version, trader.started_ns, trader.stopped_ns) == ("2", 50, 0)
    assert (trader.restarts, trader.crashes) == (3, 2)
    assert (lives(35)["trader"].restarts, lives(35)["trader"].crashes) == (2, 1)
    # A first life is no restart.
    assert (lives(0)["tracker"].restarts, lives(0)["tracker"].stopped_ns) == (0, 46)


def test_alerts_that_came_ended_or_hold_since_a_moment_are_told(
    ledger: Ledger, reader: LedgerReader
) -> None:
    def raised(key: str) -> AlertRaised:
        return AlertRaised(key=key, severity="critical", text=f"{key}!")

    def cleared(key: str) -> AlertCleared:
        return AlertCleared(key=key, text="")

    store(
        ledger,
        "watchdog",
        (raised("holds"), "s", 10),
        (raised("over"), "s", 11),
        (cleared("over"), "s", 12),
        (raised("ended"), "s", 13),
        (cleared("ended"), "s", 60),
        (raised("came"), "s", 70),
    )
    told = reader.alerts(since_ns=50)
    assert [(alert.key, alert.cleared_ns) for alert in told] == [
        ("holds", 0),
        ("ended", 60),
        ("came", 0),
    ]


def test_the_newest_audit_is_told(ledger: Ledger, reader: LedgerReader) -> None:
    assert reader.newest_audit() is None

    def audit(*differences: str) -> AuditCompleted:
        return AuditCompleted(
            agrees=not differences, differences=differences, orders=1, fills=1, windows=1
        )

    store(ledger, "tracker", (audit(), "s", 10), (audit("cash: 1 and 2"), "s", 20))
    assert reader.newest_audit() == StoredAudit(
        agrees=False, differences=("cash: 1 and 2",), audited_ns=20
    )
