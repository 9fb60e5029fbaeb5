"""Tests of `polybot doctor`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from polybot.cli.checks import CheckStatus
from polybot.cli.doctor import floor_rows
from polybot.cli.glance import Books, Glance, MarketTime
from polybot.domain.trading_state import Claim, TradingState
from polybot.messages.commands import ProcessVerdict
from tests.unit.cli.conftest import Command


@pytest.fixture(autouse=True)
def private(state_dir: Path, runtime_dir: Path) -> None:
    for directory in (state_dir, runtime_dir):
        directory.chmod(0o700)


def glance(verdict: str, state: str = "ACTIVE") -> Glance:
    claim = Claim(source="operator", state=TradingState.HALTED, reason="fills", since_ns=1)
    return Glance(
        mode="synthetic",
        trading_state=state,
        market=MarketTime(1, 1.0),
        wall_ns=1,
        processes=(
            ProcessVerdict(
                name="trader", pid=1, verdict="alive", heartbeat_age_s=0, status="works"
            ),
            ProcessVerdict(name="tracker", pid=1, verdict=verdict, heartbeat_age_s=9, status="-"),
        ),
        books=Books(claims=(claim,) if state == "HALTED" else ()),
        watched=True,
    )


def test_a_new_floor_is_well(polybot: Command, polybot_json: Callable[..., Any]) -> None:
    out = polybot("doctor").stdout
    assert "ok   configuration" in out
    assert out.splitlines()[-1].endswith("checks, 0 failed")
    rows = polybot_json("doctor")
    assert set(rows[0]) == {"check", "status", "detail", "fix"}
    assert {row["status"] for row in rows} <= {"ok", "warn", "fail", "skip"}


def test_a_failed_check_ends_with_code_1_and_says_what_to_do(
    polybot: Command, state_dir: Path
) -> None:
    (state_dir / "wallet").mkdir()
    (state_dir / "wallet" / "key").write_text("0x1")
    (state_dir / "wallet" / "key").chmod(0o644)
    out = polybot("doctor", code=1).stdout
    assert "fail secret files" in out
    assert "to do: chmod 600 " in out


def test_a_bad_configuration_is_a_failed_row_per_problem(
    polybot_json: Callable[..., Any], state_dir: Path
) -> None:
    (state_dir.parent / "polybot.toml").write_text("bogus = 1\nother = 2\n")
    rows = polybot_json("doctor", code=4)
    assert [(row["check"], row["status"]) for row in rows] == [("configuration", "fail")] * 2


def test_a_running_floors_processes_each_have_a_row() -> None:
    rows = {row.check: row for row in floor_rows(glance("dead"))}
    assert rows["trader"].status is CheckStatus.OK
    assert rows["tracker"].status is CheckStatus.FAIL
    assert rows["trading"].status is CheckStatus.OK


def test_a_halt_is_warned_of_with_its_reason_and_the_way_out() -> None:
    rows = {row.check: row for row in floor_rows(glance("alive", "HALTED"))}
    assert rows["trading"].detail == "HALTED: operator: fills"
    assert "polybot resume" in rows["trading"].fix


def test_a_floor_that_does_not_run_is_skipped() -> None:
    stopped = glance("dead")
    dead = tuple(
        ProcessVerdict(name=each.name, pid=0, verdict="dead", heartbeat_age_s=-1, status="")
        for each in stopped.processes
    )
    (row,) = floor_rows(
        Glance(
            mode="synthetic",
            trading_state="UNKNOWN",
            market=stopped.market,
            wall_ns=1,
            processes=dead,
            books=Books(),
            running=False,
        )
    )
    assert row.status is CheckStatus.SKIP
