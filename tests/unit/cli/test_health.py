"""Tests of how a report is gathered, with and without a floor and a database."""

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from polybot.bootstrap.backup.dated import dated_path
from polybot.cli.conversation import conversation
from polybot.cli.exits import Usage
from polybot.cli.glance import Glance, take_glance
from polybot.cli.health import reported_days, take_health
from polybot.config.load import load
from polybot.domain.health import DAY_NS, Health
from polybot.messages.lifecycle import ProcessStarted
from polybot.messages.safety import AlertRaised
from polybot.messages.tracking import AuditCompleted
from tests.fakes import FakeClock
from tests.unit.cli.history import store_more

ZONE = ZoneInfo("America/New_York")
DAY = "2026-04-13"


def gather(*days: str, clock: FakeClock | None = None) -> tuple[Glance, Health]:
    loaded = load(join_floor=True)
    with conversation(loaded.locations.runtime_dir) as talk:
        glance = take_glance(loaded, talk, clock or FakeClock())
    return glance, take_health(loaded, glance, days or (DAY,))


def test_without_a_database_nothing_is_guessed(state_dir: Path) -> None:
    (state_dir / "mine").write_bytes(b"12345")
    _, health = gather()
    assert (health.lives, health.alerts, health.audit, health.days) == (None,) * 4
    assert "was none; has the tracker run yet?" in health.problem
    assert health.backup_ns is None
    assert not health.running
    assert health.storage.state_bytes == 5
    assert health.storage.free_bytes is not None


def test_a_damaged_database_is_told(history: Path) -> None:
    history.write_text("no database")
    _, health = gather()
    assert "ledger.sqlite" in health.problem
    assert health.days is None


def test_the_books_tell_a_day_s_figures(history: Path) -> None:
    del history
    _, health = gather(DAY, "2026-04-12")
    assert health.days is not None
    today, before = health.days
    assert (today.windows, today.traded, today.unsettled) == (2, 2, 0)
    assert (today.metrics.wins, today.metrics.losses) == (1, 1)
    assert today.metrics.pnl_usdc == 1_166_875 - 23_833_125
    assert today.metrics.max_drawdown_usdc == 23_833_125
    assert (before.windows, before.metrics.trades) == (0, 0)


def test_lives_alerts_and_audit_are_of_the_wall_clock(history: Path) -> None:
    started = ProcessStarted(
        process="trader",
        pid=7,
        version="0.2.0",
        mode="synthetic",
        config_hash="h",
        restored_seq=0,
        replayed=0,
    )
    store_more(history, "trader", started)
    store_more(history, "watchdog", AlertRaised(key="k", severity="critical", text="no room"))
    audit = AuditCompleted(agrees=True, differences=(), orders=1, fills=1, windows=1)
    store_more(history, "tracker", audit)
    _, health = gather()
    assert [life.process for life in health.lives or ()] == ["trader"]
    assert [alert.text for alert in health.alerts or ()] == ["no room"]
    assert health.audit is not None
    assert health.audit.agrees
    later = FakeClock()
    later.wall_ns += 40 * DAY_NS
    # It still holds: it is told however old it is.
    assert len(gather(clock=later)[1].alerts or ()) == 1


def test_the_newest_backup_counts(state_dir: Path) -> None:
    for days_ago in (2, 1):
        made_ns = FakeClock().now_ns() - days_ago * DAY_NS
        path = dated_path(state_dir, "synthetic", made_ns)
        path.parent.mkdir(exist_ok=True)
        path.write_text("backup")
    assert gather()[1].backup_ns == FakeClock().now_ns() - DAY_NS


def test_the_day_before_and_today_are_told_unless_one_is_named(history: Path) -> None:
    del history
    glance, _ = gather()
    assert reported_days("", glance, ZONE) == ("2026-04-12", DAY)
    assert reported_days("2026-01-01", glance, ZONE) == ("2026-01-01",)
    for wrong in ("yesterday", "2026-13-01", "2026-1-1"):
        with pytest.raises(Usage, match="expected --day as 2026-11-21"):
            reported_days(wrong, glance, ZONE)
