"""Tests of a day's figures, and of what needs a person's look."""

from typing import Any
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace

from polybot.domain.arming import HOUR_NS, ArmingState, ArmingVerdict
from polybot.domain.grading import Grade
from polybot.domain.health import (
    DAY_NS,
    DayFigures,
    Health,
    ProcessLife,
    Storage,
    StoredAlert,
    StoredAudit,
    attention,
    figures_of,
)
from polybot.domain.metrics import Metrics, SettledTrade
from polybot.domain.stored import WindowReport, WindowStatus

ZONE = ZoneInfo("America/New_York")
NS = 1_000_000_000
# 2026-04-13 23:50 in New York.
OPEN_S = 1_776_138_600
NOW_NS = (OPEN_S + 3 * 3600) * NS


def window(index: int, outcome: str | None = "Up") -> WindowReport:
    open_s = OPEN_S + 300 * index
    return WindowReport(
        slug=f"btc-updown-5m-{open_s}",
        series="btc-updown-5m",
        open_ns=open_s * NS,
        close_ns=(open_s + 300) * NS,
        status=WindowStatus.GRADED if outcome else WindowStatus.CLOSED,
        outcome=outcome,
        provisional="",
        grades=(),
        pnl_usdc=0,
    )


def trade(index: int, pnl_usdc: int, agent: str = "a") -> SettledTrade:
    slug = window(index).slug
    return SettledTrade(
        trade_id=f"{agent}-{slug}",
        slug=slug,
        agent=agent,
        strategy="capture_99c",
        grade=Grade.WIN if pnl_usdc > 0 else Grade.LOSS,
        pnl_usdc=pnl_usdc,
        fees_usdc=10,
        cost_usdc=1_000,
        bought_shares=1_000,
        entered_ns=0,
        # Graded after midnight: it is still the day of its window.
        settled_ns=NOW_NS,
    )


def figures(day: str, now_ns: int = NOW_NS) -> DayFigures:
    windows = [window(0), window(1, None), window(2), window(3, None)]
    trades = [trade(0, 500, "a"), trade(0, -200, "b"), trade(2, 100)]
    return figures_of(day, windows, trades, zone=ZONE, now_ns=now_ns)


def test_a_window_belongs_to_the_day_it_closed_on_and_so_do_its_trades() -> None:
    evening = figures("2026-04-13")
    # The second one closed at midnight, which is the next day.
    assert (evening.windows, evening.traded, evening.unsettled) == (1, 1, 0)
    assert (evening.metrics.trades, evening.metrics.pnl_usdc) == (2, 300)
    assert evening.metrics.max_drawdown_usdc == 200
    night = figures("2026-04-14")
    assert (night.windows, night.traded, night.unsettled, night.overdue) == (3, 1, 2, 2)
    assert night.metrics.pnl_usdc == 100


def test_what_is_still_open_is_no_window_of_the_day_yet() -> None:
    assert figures("2026-04-14", now_ns=(OPEN_S + 700) * NS).windows == 1


def test_an_outcome_that_may_still_come_is_not_overdue() -> None:
    soon = figures("2026-04-14", now_ns=(OPEN_S + 3600) * NS)
    assert (soon.unsettled, soon.overdue) == (2, 0)


def well(**changes: Any) -> Health:
    whole = Health(
        wall_ns=NOW_NS,
        running=True,
        trading_state="ACTIVE",
        reasons=(),
        down=(),
        storage=Storage(free_bytes=10 << 30, state_bytes=1 << 20, least_bytes=200 << 20),
        lives=(life("trader"),),
        alerts=(),
        audit=StoredAudit(agrees=True, differences=(), audited_ns=NOW_NS - 60 * NS),
        wants_audit=True,
        days=(day(),),
        overdue_payouts=0,
        backup_ns=NOW_NS - 6 * HOUR_NS,
        wants_backup=True,
        leave=ArmingVerdict(state=ArmingState.ARMED, detail="armed, 2 d 1 h left"),
    )
    return replace(whole, **changes)


def life(process: str, **changes: Any) -> ProcessLife:
    whole = ProcessLife(
        process=process,
        version="0.2.0",
        mode="live",
        started_ns=NOW_NS - DAY_NS,
        stopped_ns=0,
        restarts=0,
        crashes=0,
    )
    return replace(whole, **changes)


def day(**changes: Any) -> DayFigures:
    whole = DayFigures(
        day="2026-04-13", windows=288, traded=0, unsettled=0, overdue=0, metrics=Metrics()
    )
    return replace(whole, **changes)


def alert(severity: str, cleared_ns: int = 0) -> StoredAlert:
    return StoredAlert(
        key="k", severity=severity, text="no room", raised_ns=NOW_NS, cleared_ns=cleared_ns
    )


def test_where_all_is_well_nobody_need_look() -> None:
    assert list(attention(well())) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"running": False}, "the floor does not run"),
        ({"down": ("trader is late: stuck",)}, "trader is late: stuck"),
        ({"problem": "malformed"}, "the database cannot be read: malformed"),
        (
            {"trading_state": "HALTED", "reasons": ("strange fills (operator)",)},
            "trading is HALTED: strange fills (operator)",
        ),
        ({"trading_state": "REDUCING"}, "nobody said why"),
        (
            {"audit": StoredAudit(agrees=False, differences=("a", "b"), audited_ns=NOW_NS)},
            "the last audit found 2 differences",
        ),
        ({"audit": None}, "there was no audit yet"),
        (
            {"audit": StoredAudit(agrees=True, differences=(), audited_ns=NOW_NS - DAY_NS)},
            "the last audit is older than 2 h",
        ),
        ({"days": (day(unsettled=2, overdue=1),)}, "1 windows of 2026-04-13 have had no outcome"),
        ({"overdue_payouts": 3}, "3 winners have waited a day"),
        ({"alerts": (alert("critical"),)}, "alert: no room"),
        ({"lives": (life("trader", restarts=3, crashes=2),)}, "trader began anew 2x"),
        (
            {"storage": Storage(free_bytes=300 << 20, state_bytes=1, least_bytes=200 << 20)},
            "the disk has 300 MiB left",
        ),
        ({"backup_ns": None}, "there is no backup"),
        ({"backup_ns": NOW_NS - 37 * HOUR_NS}, "the last backup is older than 36 h"),
        (
            {"leave": ArmingVerdict(state=ArmingState.NOT_ARMED, detail="not armed; run: x")},
            "not armed: run: x",
        ),
        (
            {"leave": ArmingVerdict(state=ArmingState.EXPIRING, detail="armed, 40 min left")},
            "the arming runs out: armed, 40 min left",
        ),
    ],
)
def test_what_is_not_well_is_told_alone(changes: dict[str, Any], words: str) -> None:
    (told,) = attention(well(**changes))
    assert words in told


@pytest.mark.parametrize(
    "changes",
    [
        {"alerts": (alert("warning"), alert("critical", cleared_ns=NOW_NS))},
        {"lives": (life("trader", restarts=3),)},
        {"wants_audit": False, "audit": None},
        {"wants_backup": False, "backup_ns": None},
        {"storage": Storage(free_bytes=None, state_bytes=None, least_bytes=1)},
        {"leave": None},
        {"lives": None, "alerts": None, "days": None},
    ],
)
def test_what_is_usual_or_not_wanted_calls_nobody(changes: dict[str, Any]) -> None:
    assert list(attention(well(**changes))) == []


def test_a_stopped_floor_is_not_blamed_for_its_state_and_audit() -> None:
    stopped = well(running=False, trading_state="HALTED", audit=None)
    assert list(attention(stopped)) == ["the floor does not run"]
