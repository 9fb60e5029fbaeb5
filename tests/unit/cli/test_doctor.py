"""Tests of `polybot doctor`, and that every row of it has a test in which it fails."""

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

import polybot.cli
from polybot.adapters.arming_files import LiveOrderFile, PendingOrderFile
from polybot.cli.checks import CheckStatus
from polybot.cli.doctor import (
    arming_row,
    configuration_rows,
    floor_rows,
    left_rows,
    mode_row,
    proof_row,
)
from polybot.cli.glance import Books, Glance, MarketTime
from polybot.config.load import load
from polybot.domain.arming import ArmingState, ArmingVerdict, LiveOrderProof
from polybot.domain.trading_state import Claim, TradingState
from polybot.messages.commands import ProcessVerdict
from tests.unit.cli.conftest import Command
from tests.unit.cli.surroundings import account


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


def test_row_configuration_fails_once_for_each_problem(
    polybot_json: Callable[..., Any], state_dir: Path
) -> None:
    (state_dir.parent / "polybot.toml").write_text("bogus = 1\nother = 2\n")
    rows = polybot_json("doctor", code=4)
    assert [(row["check"], row["status"]) for row in rows] == [("configuration", "fail")] * 2


def test_row_of_a_process_fails_when_it_is_dead() -> None:
    rows = {row.check: row for row in floor_rows(glance("dead"))}
    assert rows["trader"].status is CheckStatus.OK
    assert rows["tracker"].status is CheckStatus.FAIL
    assert rows["trading"].status is CheckStatus.OK


def test_row_trading_fails_to_be_well_in_a_halt() -> None:
    rows = {row.check: row for row in floor_rows(glance("alive", "HALTED"))}
    assert rows["trading"].detail == "HALTED: operator: fills"
    assert "polybot resume" in rows["trading"].fix


def test_row_floor_fails_to_be_there_when_nothing_runs() -> None:
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


def test_row_watchdogs_verdicts_fails_when_the_watchdog_is_silent() -> None:
    rows = {row.check: row for row in floor_rows(replace(glance("alive"), watched=False))}
    assert rows["watchdog's verdicts"].status is CheckStatus.FAIL


def test_row_alert_fails_to_be_well_for_each_alert() -> None:
    rows = [*floor_rows(replace(glance("alive"), alerts=("disk", "feed")))]
    found = [row for row in rows if row.check == "alert"]
    assert [(row.status, row.detail) for row in found] == [
        (CheckStatus.WARN, "disk"),
        (CheckStatus.WARN, "feed"),
    ]


def test_row_arming_fails_to_be_well_unless_it_is_in_force() -> None:
    armed = ArmingVerdict(state=ArmingState.ARMED, detail="armed")
    assert arming_row(armed).status is CheckStatus.OK
    for state, warnings in ((ArmingState.EXPIRING, 1), (ArmingState.NOT_ARMED, 0)):
        found = arming_row(ArmingVerdict(state=state, detail="soon", warnings=warnings))
        assert (found.status, found.fix) == (CheckStatus.WARN, "polybot arm")


def test_row_mode_fails_to_be_well_until_it_is_live(state_dir: Path) -> None:
    del state_dir
    loaded = load()
    found = mode_row("synthetic", loaded)
    assert found.status is CheckStatus.WARN
    assert 'mode = "live"' in found.fix
    assert mode_row("live", loaded).status is CheckStatus.OK


def test_row_configuration_fails_for_what_forbids_live_trading(state_dir: Path) -> None:
    del state_dir
    rows = [*configuration_rows(load(), ["mode: expected no live mode while DRY_RUN is true"])]
    assert rows[-1].status is CheckStatus.FAIL
    assert "unset that variable" in rows[-1].fix


def test_a_proof_is_shown_without_repeating_it(state_dir: Path) -> None:
    ours = account()
    loaded = load()
    assert proof_row(loaded, ours).status is CheckStatus.SKIP
    LiveOrderFile(state_dir).add(
        LiveOrderProof(
            signature_type=0,
            version="v1",
            funder=ours.funder,
            order_id="0xa",
            order_hash="0xa",
            placed_ns=1_800_000_000_000_000_000,
        )
    )
    assert proof_row(loaded, ours).status is CheckStatus.OK
    assert proof_row(loaded, account(funder="0xother")).status is CheckStatus.SKIP
    LiveOrderFile(state_dir).path.write_text("no")
    assert proof_row(loaded, ours).status is CheckStatus.WARN


def test_an_order_that_a_killed_doctor_left_is_told_of(state_dir: Path) -> None:
    pending = PendingOrderFile(state_dir)
    assert list(left_rows(load())) == []
    pending.write("0xold")
    [row] = left_rows(load())
    assert row.status is CheckStatus.WARN
    assert "0xold" in row.detail
    assert "cancel-all --all-wallet" in row.fix
    pending.path.write_text("no")
    [row] = left_rows(load())
    assert row.status is CheckStatus.WARN


def test_with_live_a_wallet_that_is_not_set_up_fails_and_nothing_is_sent(
    polybot_json: Callable[..., Any],
    state_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    nowhere = "".join(
        f'{key} = "{"ws" if key.startswith("ws") else "http"}://127.0.0.1:9"\n'
        for key in (
            *("clob_url", "gamma_url", "data_url", "geoblock_url", "rpc_url"),
            *("ws_user_url", "ws_market_url", "ws_price_url"),
        )
    )
    (state_dir.parent / "polybot.toml").write_text(f"[exchange]\n{nowhere}")
    for name in ("POLYMARKET_PRIVATE_KEY", "PRIVATE_KEY", "PK"):
        monkeypatch.delenv(name, raising=False)
    rows = {row["check"]: row for row in polybot_json("doctor", "--live", "--yes", code=1)}
    assert rows["wallet"]["status"] == "fail"
    assert rows["wallet"]["fix"] == "polybot init"
    assert rows["exchange version"]["status"] == "fail"
    assert rows["mode"]["status"] == "warn"
    assert rows["live order"]["status"] == "skip"
    assert all(row["fix"] for row in rows.values() if row["status"] == "fail")


SOURCES = ("doctor", "checks", "live_checks", "live_order", "live_proof", "examination")


def row_names() -> Iterator[str]:
    """Yield the name of every row the code can make, from its source."""
    for source in SOURCES:
        path = Path(polybot.cli.__path__[0]) / f"{source}.py"
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                first = node.args[0] if node.args else None
                named = isinstance(first, ast.Constant) and isinstance(first.value, str)
                if named and node.func.id in ("Row", "Spec", "_ok", "_directory"):
                    yield first.value  # type: ignore[union-attr, misc]


def test_every_row_has_a_test_in_which_it_fails() -> None:
    tests = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    failing = re.findall(r"def test_row_(\w+?)_fails", tests)
    names = {re.sub(r"[^a-z]+", "_", name.replace("'", "")) for name in row_names()}
    assert len(names) > 25
    # A floor's mere absence, and a simulated exchange's, are told and fail nothing.
    assert names - set(failing) - {"exchange"} == set()
