"""Alarms: readings of feeds, disk, memory, clocks, database and starts, turned into findings.

Each finding has a key that names its condition, so that an alert is raised once and cleared once.
"""

from collections.abc import Iterator
from enum import Enum

import msgspec


class Severity(Enum):
    """How soon a person should look."""

    WARNING = "warning"
    CRITICAL = "critical"


class AlarmRules(msgspec.Struct, frozen=True, kw_only=True):
    """Limits of the readings: seconds of wall time, MiB, seconds of skew."""

    feed_age_s: float = 60.0
    min_disk_mb: int = 200
    max_rss_mb: int = 400
    max_clock_skew_s: float = 5.0
    max_commit_age_s: float = 60.0


class Readings(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured; None and missing names mean that it could not be.

    `feed_ages_s` by feed, negative when nothing came yet; `required_feeds` are those whose loss
    stops entries, the others (a price feed that a recording may lack) only warn. `rss_mb` by
    process. `clock_skew_s` is ours minus the exchange's, `clock_jump_s` how far the wall clock is
    from the time we go by, 0 while they are one. `commit_age_s` is the age of the
    database's last commit and counts only while `events_waiting`. `crash_loops` says by process how
    often it crashed.
    """

    feed_ages_s: dict[str, float] = {}
    required_feeds: tuple[str, ...] = ("market",)
    feeds_expected: bool = True
    disk_free_mb: int | None = None
    rss_mb: dict[str, int] = {}
    clock_skew_s: float | None = None
    clock_jump_s: float = 0.0
    database_writable: bool | None = None
    commit_age_s: float | None = None
    events_waiting: bool = False
    crash_loops: dict[str, str] = {}


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One condition that holds now; `stops_entries` asks for REDUCING until it is over."""

    key: str
    severity: Severity
    text: str
    stops_entries: bool


def _feeds(readings: Readings, rules: AlarmRules) -> Iterator[Finding]:
    if not readings.feeds_expected:
        return
    for feed, age_s in sorted(readings.feed_ages_s.items()):
        required = feed in readings.required_feeds
        silent = age_s < 0
        # An optional feed that never spoke does not exist here, which is nothing to report.
        if 0 <= age_s <= rules.feed_age_s or (silent and not required):
            continue
        was = "nothing yet" if silent else f"{age_s:.0f} s ago"
        yield Finding(
            key=f"feed:{feed}",
            severity=Severity.CRITICAL if required else Severity.WARNING,
            text=f"expected news of the {feed} feed within {rules.feed_age_s:.0f} s, was {was}",
            stops_entries=required,
        )


def _disk(readings: Readings, rules: AlarmRules) -> Iterator[Finding]:
    free = readings.disk_free_mb
    if free is not None and free < rules.min_disk_mb:
        yield Finding(
            key="disk",
            severity=Severity.CRITICAL,
            text=f"expected {rules.min_disk_mb} MiB free on the state disk, was {free} MiB",
            stops_entries=True,
        )


def _memory(readings: Readings, rules: AlarmRules) -> Iterator[Finding]:
    for process, rss in sorted(readings.rss_mb.items()):
        if rss > rules.max_rss_mb:
            yield Finding(
                key=f"memory:{process}",
                severity=Severity.WARNING,
                text=f"expected {process} within {rules.max_rss_mb} MiB of memory, was {rss} MiB",
                stops_entries=False,
            )


def _clock(readings: Readings, rules: AlarmRules) -> Iterator[Finding]:
    skew_s = readings.clock_skew_s
    if skew_s is not None and abs(skew_s) > rules.max_clock_skew_s:
        yield Finding(
            key="clock",
            severity=Severity.CRITICAL,
            text=f"expected the exchange's clock within {rules.max_clock_skew_s:.1f} s of ours, "
            f"was {skew_s:+.1f} s",
            stops_entries=True,
        )
    elif readings.clock_jump_s:
        yield Finding(
            key="clock",
            severity=Severity.CRITICAL,
            text=f"the wall clock jumped by {readings.clock_jump_s:+.1f} s, and the exchange's "
            "does not confirm it yet",
            stops_entries=True,
        )


def _database(readings: Readings, rules: AlarmRules) -> Iterator[Finding]:
    if readings.database_writable is False:
        yield Finding(
            key="database:read_only",
            severity=Severity.CRITICAL,
            text="expected a database that takes writes, was one that refuses them",
            stops_entries=True,
        )
    age_s = readings.commit_age_s
    if readings.events_waiting and age_s is not None and age_s > rules.max_commit_age_s:
        yield Finding(
            key="database:commit",
            severity=Severity.CRITICAL,
            text=f"expected waiting events to be stored within {rules.max_commit_age_s:.0f} s, "
            f"last commit was {age_s:.0f} s ago",
            stops_entries=True,
        )


def _crash_loops(readings: Readings, _: AlarmRules) -> Iterator[Finding]:
    for process, told in sorted(readings.crash_loops.items()):
        # The trader stops its own entries; a lost tracker is told by its silence.
        yield Finding(
            key=f"crash_loop:{process}",
            severity=Severity.CRITICAL,
            text=f"{process} keeps crashing: {told}",
            stops_entries=False,
        )


def find_alarms(readings: Readings, rules: AlarmRules) -> list[Finding]:
    """Return every condition that holds, entries-stopping ones first, then by key."""
    checks = (_feeds, _disk, _memory, _clock, _database, _crash_loops)
    findings = [finding for check in checks for finding in check(readings, rules)]
    return sorted(findings, key=lambda finding: (not finding.stops_entries, finding.key))
