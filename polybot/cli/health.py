"""Everything `polybot report` tells, gathered: from the processes, the books and the machine."""

import os
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec

from polybot.adapters.host import MEBIBYTE, LocalHost
from polybot.adapters.storage.reader import LedgerReader
from polybot.bootstrap.backup.dated import dated_backups
from polybot.cli.exits import Usage
from polybot.cli.glance import Glance
from polybot.config.load import LoadedConfig
from polybot.domain.health import (
    DAY_NS,
    DayFigures,
    Health,
    ProcessLife,
    Storage,
    StoredAlert,
    StoredAudit,
    figures_of,
)
from polybot.domain.metrics import trading_day
from polybot.errors import StorageError

_NS = 1_000_000_000


class _Told(msgspec.Struct, frozen=True, kw_only=True):
    """What the database says; everything is None without one."""

    lives: tuple[ProcessLife, ...] | None = None
    alerts: tuple[StoredAlert, ...] | None = None
    audit: StoredAudit | None = None
    days: tuple[DayFigures, ...] | None = None
    problem: str = ""


def take_health(loaded: LoadedConfig, glance: Glance, days: Sequence[str]) -> Health:
    """Gather a report about some trading days; what cannot be found out is None, never a guess."""
    locations, config = loaded.locations, loaded.config
    told = _from_books(loaded, glance, days)
    backups = dated_backups(locations.state_dir, locations.floor)
    state = {process.name: process for process in glance.processes}
    down = [p for p in state.values() if p.verdict != "alive"] if glance.running else []
    return Health(
        wall_ns=glance.wall_ns,
        running=glance.running,
        trading_state=glance.trading_state,
        reasons=tuple(f"{claim.reason} ({claim.source})" for claim in glance.books.claims),
        down=tuple(f"{process.name} is {process.verdict}: {process.status}" for process in down),
        storage=_storage(loaded),
        lives=told.lives,
        alerts=told.alerts,
        audit=told.audit,
        wants_audit=config.tracker.audit_enabled,
        days=told.days,
        overdue_payouts=sum(winner.is_overdue for winner in glance.books.funds.unredeemed),
        backup_ns=backups[-1].made_ns if backups else None,
        # A clone's play floor is nobody's loss.
        wants_backup=config.mode == "live" or not locations.is_clone,
        leave=glance.leave,
        problem=told.problem,
    )


def reported_days(day: str, glance: Glance, zone: ZoneInfo) -> tuple[str, ...]:
    """Return the day asked for; without one the last whole trading day and the one that runs."""
    today = trading_day(glance.market.now_ns, zone)
    if not day:
        return (_day_before(today), today)
    try:
        return (date.fromisoformat(day).isoformat(),)
    except ValueError as error:
        raise Usage(f"expected --day as 2026-11-21, was {day!r}") from error


def _day_before(day: str) -> str:
    return date.fromordinal(date.fromisoformat(day).toordinal() - 1).isoformat()


def _from_books(loaded: LoadedConfig, glance: Glance, days: Sequence[str]) -> _Told:
    zone = ZoneInfo(loaded.config.trading_zone)
    since_ns = glance.wall_ns - DAY_NS
    now_ns = glance.market.now_ns
    try:
        reader = LedgerReader.open(loaded.locations.ledger_path)
        try:
            windows = reader.windows(now_ns=now_ns, since_ns=_begin_ns(min(days), zone))
            trades = reader.settled_trades()
            return _Told(
                lives=reader.process_lives(since_ns=since_ns),
                alerts=reader.alerts(since_ns=since_ns),
                audit=reader.newest_audit(),
                days=tuple(
                    figures_of(day, windows, trades, zone=zone, now_ns=now_ns) for day in days
                ),
            )
        finally:
            reader.close()
    except StorageError as error:
        return _Told(problem=str(error))


def _begin_ns(day: str, zone: ZoneInfo) -> int:
    midnight = datetime.combine(date.fromisoformat(day), datetime.min.time(), zone)
    return int(midnight.timestamp()) * _NS


def _storage(loaded: LoadedConfig) -> Storage:
    locations = loaded.locations
    free_mb = LocalHost(locations.state_dir, locations.ledger_path).disk_free_mb()
    return Storage(
        free_bytes=None if free_mb is None else free_mb * MEBIBYTE,
        state_bytes=_size_of(locations.state_dir),
        least_bytes=loaded.config.watchdog.min_disk_mb * MEBIBYTE,
    )


def _size_of(directory: Path) -> int | None:
    """Return the bytes of all files below a directory, None where it cannot be looked through."""
    total = 0
    refused: list[OSError] = []
    for parent, _, names in os.walk(directory, onerror=refused.append):
        for name in names:
            try:
                total += (Path(parent) / name).lstat().st_size
            except FileNotFoundError:
                # Trimmed meanwhile.
                continue
    return None if refused else total
