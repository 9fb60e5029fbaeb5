"""Alarms: what each reading says, what stops entries, and what is merely not there."""

import pytest

from polybot.domain.alarms import AlarmRules, Readings, Severity, find_alarms

RULES = AlarmRules()


def keys(readings: Readings) -> list[tuple[str, bool]]:
    return [(finding.key, finding.stops_entries) for finding in find_alarms(readings, RULES)]


def test_nothing_measured_is_nothing_found() -> None:
    assert find_alarms(Readings(), RULES) == []


@pytest.mark.parametrize(
    ("readings", "found"),
    [
        (Readings(feed_ages_s={"market": 60.0}), []),
        (Readings(feed_ages_s={"market": 61.0}), [("feed:market", True)]),
        (Readings(feed_ages_s={"market": -1.0}), [("feed:market", True)]),
        (Readings(feed_ages_s={"market": -1.0}, feeds_expected=False), []),
        (Readings(feed_ages_s={"price": 61.0}), [("feed:price", False)]),
        (Readings(feed_ages_s={"price": -1.0}), []),
        (Readings(feed_ages_s={"market": 0.0, "price": 0.0}), []),
        (Readings(commit_age_s=60.0, events_waiting=True), []),
        (Readings(disk_free_mb=199), [("disk", True)]),
        (Readings(disk_free_mb=200), []),
        (Readings(rss_mb={"trader": 401, "tracker": 400}), [("memory:trader", False)]),
        (Readings(clock_skew_s=-5.1), [("clock", True)]),
        (Readings(clock_skew_s=5.0), []),
        (Readings(database_writable=False), [("database:read_only", True)]),
        (Readings(database_writable=True), []),
        (Readings(commit_age_s=61.0, events_waiting=True), [("database:commit", True)]),
        (Readings(commit_age_s=61.0), []),
        (Readings(crash_loops={"tracker": "3 crashes"}), [("crash_loop:tracker", False)]),
    ],
)
def test_each_reading_is_held_against_its_limit(
    readings: Readings, found: list[tuple[str, bool]]
) -> None:
    assert keys(readings) == found


def test_findings_that_stop_entries_come_first() -> None:
    readings = Readings(
        feed_ages_s={"market": 100.0, "price": 100.0}, disk_free_mb=1, rss_mb={"trader": 900}
    )
    assert keys(readings) == [
        ("disk", True),
        ("feed:market", True),
        ("feed:price", False),
        ("memory:trader", False),
    ]


def test_a_finding_says_what_was_expected_and_what_was() -> None:
    (finding,) = find_alarms(Readings(disk_free_mb=12), RULES)
    assert finding.text == "expected 200 MiB free on the state disk, was 12 MiB"
    assert finding.severity is Severity.CRITICAL


@pytest.mark.parametrize("skew_s", [None, 0.2])
def test_a_jump_stops_entries_until_the_exchange_confirms_it(skew_s: float | None) -> None:
    [finding] = find_alarms(Readings(clock_skew_s=skew_s, clock_jump_s=-3600.0), AlarmRules())

    assert (finding.key, finding.stops_entries) == ("clock", True)
    assert "jumped by -3600.0 s" in finding.text


def test_a_jump_the_exchange_contradicts_is_one_finding() -> None:
    readings = Readings(clock_skew_s=3600.0, clock_jump_s=3600.0)

    [finding] = find_alarms(readings, AlarmRules())

    assert "was +3600.0 s" in finding.text


def test_a_crash_loop_is_for_a_person_whoever_is_in_it() -> None:
    told = {"watchdog": "4 crashes in 9 s", "reflector": "3 crashes in 5 s"}
    findings = find_alarms(Readings(crash_loops=told), RULES)
    assert [(finding.severity, finding.text) for finding in findings] == [
        (Severity.CRITICAL, "reflector keeps crashing: 3 crashes in 5 s"),
        (Severity.CRITICAL, "watchdog keeps crashing: 4 crashes in 9 s"),
    ]
