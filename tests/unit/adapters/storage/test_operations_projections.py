from typing import Any

from polybot.adapters.storage.ledger import Ledger
from polybot.adapters.storage.statements import execute
from polybot.messages.learning import ReflectionRecorded
from polybot.messages.lifecycle import ProcessStarted, ProcessStopped
from polybot.messages.safety import AlertCleared, AlertRaised, VerdictChanged
from polybot.messages.tracking import AuditCompleted
from polybot.messages.trading import FeedStateChanged
from tests.story import CLOSE_NS, records


def rows(ledger: Ledger, sql: str, *events: Any) -> list[tuple[object, ...]]:
    ledger.store(records(list(events)))
    return execute(ledger.database, sql)


def test_a_session_begins_and_ends(ledger: Ledger) -> None:
    started = ProcessStarted(
        process="trader",
        pid=7,
        version="0.1",
        mode="synthetic",
        config_hash="abc",
        restored_seq=3,
        replayed=2,
    )
    stopped = ProcessStopped(process="trader", pid=7, reason="SIGTERM")

    assert rows(
        ledger, "SELECT pid, session, stopped_ns, reason FROM process_session", started, stopped
    ) == [(7, "s1", CLOSE_NS + 1, "SIGTERM")]


def test_an_alert_is_open_until_it_is_cleared(ledger: Ledger) -> None:
    raised = AlertRaised(key="disk", severity="critical", text="5 MiB free")

    found = rows(
        ledger,
        "SELECT key, raised_ns, cleared_ns FROM alert",
        raised,
        raised,
        AlertCleared(key="disk", text=""),
        raised,
    )

    assert found == [("disk", CLOSE_NS, CLOSE_NS + 2), ("disk", CLOSE_NS + 3, 0)]


def test_verdicts_and_audits_are_a_history(ledger: Ledger) -> None:
    verdict = VerdictChanged(process="trader", verdict="late", was="alive", reason="silent")
    audit = AuditCompleted(agrees=False, differences=("cash",), orders=1, fills=2, windows=3)

    assert rows(ledger, "SELECT verdict, was FROM verdict", verdict, audit) == [("late", "alive")]
    assert execute(ledger.database, "SELECT agrees, differences, windows FROM audit") == [
        (0, '["cash"]', 3)
    ]


def test_the_newest_state_of_a_feed_counts(ledger: Ledger) -> None:
    found = rows(
        ledger,
        "SELECT feed, connected, detail FROM feed_state",
        FeedStateChanged(feed="market", connected=True, detail="connected"),
        FeedStateChanged(feed="market", connected=False, detail="lost"),
    )

    assert found == [("market", 0, "lost")]


def test_the_first_record_of_a_mark_counts(ledger: Ledger) -> None:
    first = ReflectionRecorded(trigger="10_trades", mark="m", trades=10, digest={"trades": 10})
    second = ReflectionRecorded(trigger="10_trades", mark="m", trades=11, digest={})

    assert rows(ledger, "SELECT mark, trades, digest FROM reflection", first, second) == [
        ("m", 10, '{"trades":10}')
    ]
