"""A floor's health as a report tells it: figures of a day, lives, and what needs a person.

Wall times are UTC epoch nanoseconds, money micro-dollars, sizes bytes. None is what nobody knows.
"""

from collections.abc import Iterator, Sequence
from datetime import tzinfo

import msgspec

from polybot.domain.arming import HOUR_NS, ArmingState, ArmingVerdict
from polybot.domain.metrics import Metrics, SettledTrade, measure, trading_day
from polybot.domain.stored import WindowReport
from polybot.domain.window import parse_slug

DAY_NS = 24 * HOUR_NS
# Backups are made daily: one that failed is no alarm yet.
BACKUP_TOO_OLD_NS = 36 * HOUR_NS
# Audits come every minute, or as a person set it.
AUDIT_TOO_OLD_NS = 2 * HOUR_NS
# Longer than any outcome took; the market's own time.
OUTCOME_TOO_LATE_NS = 2 * HOUR_NS


class ProcessLife(msgspec.Struct, frozen=True, kw_only=True):
    """A process's newest session, and how often it began one lately.

    `stopped_ns` is 0 until it said goodbye. `restarts` counts lives that followed an earlier one,
    `crashes` those of them whose earlier one had not said goodbye.
    """

    process: str
    version: str
    mode: str
    started_ns: int
    stopped_ns: int
    restarts: int
    crashes: int


class StoredAlert(msgspec.Struct, frozen=True, kw_only=True):
    """An alert of some time; `cleared_ns` is 0 while its condition holds."""

    key: str
    severity: str
    text: str
    raised_ns: int
    cleared_ns: int


class StoredAudit(msgspec.Struct, frozen=True, kw_only=True):
    """The newest comparison of our books with the exchange's."""

    agrees: bool
    differences: tuple[str, ...]
    audited_ns: int


class DayFigures(msgspec.Struct, frozen=True, kw_only=True):
    """A trading day: its windows that have closed, those without an outcome, what was traded."""

    day: str
    windows: int
    traded: int
    unsettled: int
    overdue: int
    metrics: Metrics


class Storage(msgspec.Struct, frozen=True, kw_only=True):
    """The disk of the state; `least_bytes` is the free space under which entries stop."""

    free_bytes: int | None
    state_bytes: int | None
    least_bytes: int


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """What a report is made of; the lists are None where no database told them.

    `down` names expected processes that are not well, with why. `backup_ns` is when the newest
    backup was made, None without one; `wants_backup` is whether one is missed.
    """

    wall_ns: int
    running: bool
    trading_state: str
    reasons: tuple[str, ...]
    down: tuple[str, ...]
    storage: Storage
    lives: tuple[ProcessLife, ...] | None
    alerts: tuple[StoredAlert, ...] | None
    audit: StoredAudit | None
    wants_audit: bool
    days: tuple[DayFigures, ...] | None
    overdue_payouts: int
    backup_ns: int | None
    wants_backup: bool
    leave: ArmingVerdict | None
    problem: str = ""


def figures_of(
    day: str,
    windows: Sequence[WindowReport],
    trades: Sequence[SettledTrade],
    *,
    zone: tzinfo,
    now_ns: int,
) -> DayFigures:
    """Return the figures of a trading day of market time, by when its windows closed.

    A settled trade counts for the day of its window, as in P&L by day.
    """
    closed = [w for w in windows if w.close_ns <= now_ns and trading_day(w.close_ns, zone) == day]
    own = [t for t in trades if trading_day(parse_slug(t.slug).close_ns, zone) == day]
    unsettled = [window for window in closed if window.outcome is None]
    return DayFigures(
        day=day,
        windows=len(closed),
        traded=len({trade.slug for trade in own}),
        unsettled=len(unsettled),
        overdue=sum(now_ns - window.close_ns > OUTCOME_TOO_LATE_NS for window in unsettled),
        metrics=measure(own),
    )


def attention(health: Health) -> Iterator[str]:
    """Yield what a person should look at, a sentence each, the gravest first."""
    if not health.running:
        yield "the floor does not run"
    yield from health.down
    if health.problem:
        yield f"the database cannot be read: {health.problem}"
    if health.running and health.trading_state != "ACTIVE":
        reasons = "; ".join(health.reasons) or "nobody said why"
        yield f"trading is {health.trading_state}: {reasons}"
    yield from _books(health)
    for alert in health.alerts or ():
        if not alert.cleared_ns and alert.severity == "critical":
            yield f"alert: {alert.text}"
    for life in health.lives or ():
        if life.crashes:
            yield f"{life.process} began anew {life.crashes}x after an end without goodbye"
    yield from _machine(health)


def _books(health: Health) -> Iterator[str]:
    audit = health.audit
    if audit is not None and not audit.agrees:
        yield f"the last audit found {len(audit.differences)} differences: polybot audit"
    elif health.wants_audit and health.running:
        if audit is None:
            yield "there was no audit yet"
        elif health.wall_ns - audit.audited_ns > AUDIT_TOO_OLD_NS:
            yield "the last audit is older than 2 h"
    for figures in health.days or ():
        if figures.overdue:
            yield f"{figures.overdue} windows of {figures.day} have had no outcome for 2 h"
    if health.overdue_payouts:
        yield f"{health.overdue_payouts} winners have waited a day for their dollars"


def _machine(health: Health) -> Iterator[str]:
    storage, leave = health.storage, health.leave
    if storage.free_bytes is not None and storage.free_bytes < 2 * storage.least_bytes:
        yield f"the disk has {storage.free_bytes >> 20} MiB left: polybot cleanup"
    if health.wants_backup:
        if health.backup_ns is None:
            yield "there is no backup: polybot backup create"
        elif health.wall_ns - health.backup_ns > BACKUP_TOO_OLD_NS:
            yield "the last backup is older than 36 h"
    if leave is None:
        return
    if not leave.allows_entries:
        yield f"not armed: {leave.advice}"
    elif leave.state is ArmingState.EXPIRING:
        yield f"the arming runs out: {leave.detail}"
