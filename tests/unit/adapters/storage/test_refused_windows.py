"""A refused window is found once, with its newest reason, unless it was traded after all."""

from polybot.adapters.storage.ledger import Ledger
from polybot.adapters.storage.refused_windows import read_not_entered, read_refused
from polybot.messages.trading import PreflightFinished, WindowDiscovered, WindowRefused
from tests.fakes import event_hash, make_envelope
from tests.story import market_at


def store(ledger: Ledger, *events: tuple[object, int]) -> None:
    for seq, (event, ts_event) in enumerate(events, start=1):
        envelope = make_envelope(event, seq=seq, ts_event=ts_event)
        ledger.store([(envelope, event, event_hash(envelope))])


def refused(slug: str, code: str = "version") -> WindowRefused:
    return WindowRefused(slug=slug, code=code, reason=f"{slug}: {code}")


def test_the_newest_reason_of_each_window_counts(ledger: Ledger) -> None:
    store(
        ledger,
        (refused("a"), 1),
        (refused("b"), 2),
        (refused("a", "times"), 3),
        (refused(market_at().slug), 4),
        (WindowDiscovered(market=market_at()), 5),
    )
    found = read_refused(ledger.database, since_ns=0)
    told = [(window.slug, window.code, window.reason) for window in found]
    assert told == [("a", "times", "a: times"), ("b", "version", "b: version")]
    assert [window.slug for window in read_refused(ledger.database, since_ns=3)] == ["a"]


def test_nothing_refused_is_an_empty_list(ledger: Ledger) -> None:
    assert read_refused(ledger.database, since_ns=0) == []


def verdict(slug: str, *reasons: str) -> PreflightFinished:
    return PreflightFinished(slug=slug, may_enter=not reasons, reasons=reasons, figures={})


def test_the_newest_preflight_of_each_window_counts(ledger: Ledger) -> None:
    store(
        ledger,
        (verdict("a", "clock: off"), 1),
        (verdict("a"), 2),
        (verdict("b"), 3),
        (verdict("b", "fee: differs", "version: 1"), 4),
        (verdict("c", "region: not served"), 5),
    )
    told = [(w.slug, w.reason) for w in read_not_entered(ledger.database, since_ns=0)]
    assert told == [("c", "region: not served"), ("b", "fee: differs; version: 1")]
    assert [w.slug for w in read_not_entered(ledger.database, since_ns=5)] == ["c"]
