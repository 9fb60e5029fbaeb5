"""Who is overdue by systemd's rules: never ready, silent, slow to stop, or given up by itself."""

import pytest

from polybot.domain.notify_watch import NotifyWatch, Overdue, WatchRules, parse_notification

S = 1_000_000_000
RULES = WatchRules(start_ns=90 * S, ping_ns=20 * S, stop_ns=10 * S)


@pytest.fixture
def watch() -> NotifyWatch:
    watch = NotifyWatch(RULES)
    watch.started("floor:trader", 41, 0)
    return watch


def reason(watch: NotifyWatch, now_s: float) -> str:
    found = watch.overdue(int(now_s * S))
    return found[0].reason if found else ""


def test_one_that_is_never_ready_is_told_once(watch: NotifyWatch) -> None:
    assert watch.overdue(90 * S - 1) == []
    assert watch.overdue(90 * S) == [Overdue("floor:trader", 41, "waited too long for READY=1")]
    assert watch.overdue(1000 * S) == []


def test_a_start_may_ask_for_more_time(watch: NotifyWatch) -> None:
    watch.heard(41, {"EXTEND_TIMEOUT_USEC": "60000000"}, 80 * S)
    assert reason(watch, 139) == ""
    assert reason(watch, 140) == "waited too long for READY=1"


def test_asking_for_less_shortens_nothing(watch: NotifyWatch) -> None:
    watch.heard(41, {"EXTEND_TIMEOUT_USEC": "1"}, 1 * S)
    assert reason(watch, 89) == ""


@pytest.mark.parametrize("first", [{"READY": "1"}, {"WATCHDOG": "1"}])
def test_one_that_was_ready_must_ping(watch: NotifyWatch, first: dict[str, str]) -> None:
    watch.heard(41, first, 1 * S)
    watch.heard(41, {"WATCHDOG": "1"}, 15 * S)
    watch.heard(41, {"STATUS": "window 12:30"}, 30 * S)
    assert reason(watch, 34.9) == ""
    assert reason(watch, 35) == "waited too long for a watchdog ping"


def test_more_time_is_for_starts_and_stops_alone(watch: NotifyWatch) -> None:
    watch.heard(41, {"READY": "1"}, 0)
    watch.heard(41, {"EXTEND_TIMEOUT_USEC": "600000000"}, 1 * S)
    assert reason(watch, 20) == "waited too long for a watchdog ping"


def test_its_own_interval_counts(watch: NotifyWatch) -> None:
    watch.started("floor:reflector", 42, 0, ping_ns=120 * S)
    watch.heard(42, {"READY": "1"}, 0)
    watch.heard(41, {"READY": "1"}, 0)
    assert [late.name for late in watch.overdue(119 * S)] == ["floor:trader"]
    watch.started("floor:trader", 43, 0)
    watch.heard(43, {"WATCHDOG_USEC": "6000000", "READY": "1"}, 100 * S)
    assert reason(watch, 106) == "waited too long for a watchdog ping"


def test_one_that_stops_may_take_its_time_and_no_longer(watch: NotifyWatch) -> None:
    watch.heard(41, {"READY": "1"}, 0)
    watch.heard(41, {"STOPPING": "1"}, 5 * S)
    assert reason(watch, 14.9) == ""
    assert reason(watch, 15) == "waited too long for its end"


def test_one_may_give_itself_up(watch: NotifyWatch) -> None:
    watch.heard(41, {"WATCHDOG": "trigger"}, 3 * S)
    assert "gave itself up" in reason(watch, 3)


def test_one_that_is_gone_is_not_waited_for(watch: NotifyWatch) -> None:
    watch.ended(41)
    watch.ended(41)
    watch.heard(41, {"READY": "1"}, 1 * S)
    assert watch.overdue(1000 * S) == []


@pytest.mark.parametrize("usec", ["", "soon", "-5"])
def test_a_nonsensical_number_changes_nothing(watch: NotifyWatch, usec: str) -> None:
    watch.heard(41, {"EXTEND_TIMEOUT_USEC": usec, "WATCHDOG_USEC": usec}, 80 * S)
    assert reason(watch, 89) == ""
    assert reason(watch, 90) == "waited too long for READY=1"


@pytest.mark.parametrize(
    ("data", "fields"),
    [
        (b"READY=1", {"READY": "1"}),
        (b"STATUS=a=b\nWATCHDOG=1\n", {"STATUS": "a=b", "WATCHDOG": "1"}),
        (b"nonsense\n\xff=\xfe", {"\ufffd": "\ufffd"}),
        (b"", {}),
    ],
)
def test_a_datagram_is_its_assignments(data: bytes, fields: dict[str, str]) -> None:
    assert parse_notification(data) == fields


def test_one_that_stops_may_ask_for_more_time(watch: NotifyWatch) -> None:
    watch.heard(41, {"READY": "1"}, 0)
    watch.heard(41, {"STOPPING": "1"}, 0)
    watch.heard(41, {"EXTEND_TIMEOUT_USEC": "30000000"}, 5 * S)
    assert reason(watch, 34.9) == ""
    assert reason(watch, 35) == "waited too long for its end"


def test_time_in_which_nobody_listened_counts_for_nobody(watch: NotifyWatch) -> None:
    watch.postpone(100 * S)
    assert reason(watch, 189.9) == ""
    assert reason(watch, 190) == "waited too long for READY=1"


@pytest.mark.parametrize("early", [{"READY": "1"}, {"WATCHDOG": "1"}])
def test_one_that_was_ready_before_it_was_known_must_ping(
    watch: NotifyWatch, early: dict[str, str]
) -> None:
    watch.heard(42, early, 1 * S)
    watch.ended(41)
    watch.started("floor:tracker", 42, 3 * S, ping_ns=30 * S)
    assert watch.overdue(33 * S - 1) == []
    assert watch.overdue(33 * S) == [
        Overdue("floor:tracker", 42, "waited too long for a watchdog ping")
    ]


def test_strangers_that_speak_are_forgotten(watch: NotifyWatch) -> None:
    for pid in range(100, 200):
        watch.heard(pid, {"READY": "1"}, 1 * S)
    watch.started("floor:tracker", 100, 3 * S)
    watch.ended(41)
    assert watch.overdue(93 * S - 1) == []
    assert watch.overdue(93 * S)[0].reason == "waited too long for READY=1"
