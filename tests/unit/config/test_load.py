"""Tests of loading: precedence, every problem at once, places, secrets and the hash."""

import os
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from polybot.config.floor import FloorRecord, write_floor
from polybot.config.load import LoadedConfig, load
from polybot.config.locations import Installation
from polybot.errors import ConfigError
from tests.forked import STRANGER, become, in_fork, open_way_to

KEY = "0x" + "ab" * 32


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    (tmp_path / "config").mkdir()
    return tmp_path


def loaded(clone: Path, environ: dict[str, str] | None = None, **more: Any) -> LoadedConfig:
    return load(environ or {}, installation=Installation(clone, is_clone=True), **more)


def problems(clone: Path, environ: dict[str, str] | None = None, **more: Any) -> list[str]:
    with pytest.raises(ConfigError) as refused:
        loaded(clone, environ, **more)
    return refused.value.problems


def write(clone: Path, text: str) -> Path:
    path = clone / "config" / "polybot.toml"
    path.write_text(text)
    return path


def write_secretly(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o600)


def test_without_any_file_everything_is_default(clone: Path) -> None:
    found = loaded(clone)
    assert found.config.mode == "synthetic"
    assert found.locations.state_dir == clone / "var" / "state" / "synthetic"
    assert found.warnings == ()


def test_environment_wins_over_dotenv_over_file_over_default(clone: Path) -> None:
    write(clone, "[risk]\nmax_order_usdc = 10\nmax_window_usdc = 10\nmax_deployed_usdc = 10\n")
    write_secretly(
        clone / ".env",
        "POLYBOT__RISK__MAX_WINDOW_USDC=20\nPOLYBOT__RISK__MAX_DEPLOYED_USDC=20\n",
    )
    found = loaded(clone, {"POLYBOT__RISK__MAX_DEPLOYED_USDC": "30"})
    risk = found.config.risk
    assert risk.max_order_usdc == Decimal(10)
    assert risk.max_window_usdc == Decimal(20)
    assert risk.max_deployed_usdc == Decimal(30)
    origins = [
        found.origins[f"risk.{name}"].layer.value
        for name in ("max_order_usdc", "max_window_usdc", "max_deployed_usdc", "pause_s")
    ]
    assert origins == ["file", ".env", "environment", "default"]


def test_the_real_environment_wins_even_by_an_older_name(clone: Path) -> None:
    write_secretly(clone / ".env", "POLYBOT__RISK__MAX_DAILY_LOSS_USDC=20\n")
    assert loaded(clone, {"MAX_DAILY_LOSS": "30"}).config.risk.max_daily_loss_usdc == Decimal(30)


def test_a_dotenv_beside_the_configuration_wins_over_the_clones(clone: Path) -> None:
    write_secretly(clone / ".env", "LOG_LEVEL=debug\nTRADING_MODE=paper\n")
    write_secretly(clone / "config" / ".env", "LOG_LEVEL=error\n")
    config = loaded(clone).config
    assert (config.log.level, config.mode) == ("error", "paper")


def test_a_dotenv_others_may_read_is_warned_of(clone: Path) -> None:
    (clone / ".env").write_text("LOG_LEVEL=debug\n")
    (clone / ".env").chmod(0o644)
    (warning,) = loaded(clone).warnings
    assert "expected mode 600, was 644" in warning


def test_a_named_file_must_exist(clone: Path) -> None:
    (problem,) = problems(clone, {"POLYBOT_CONFIG": str(clone / "absent.toml")})
    assert problem.startswith("POLYBOT_CONFIG: expected a file, was ")


def test_a_named_file_is_the_one_that_is_read(clone: Path) -> None:
    write(clone, "mode = 'paper'")
    other = clone / "other.toml"
    other.write_text("trading_zone = 'UTC'")
    config = loaded(clone, {"POLYBOT_CONFIG": str(other)}).config
    assert (config.mode, config.trading_zone) == ("synthetic", "UTC")


def test_every_problem_of_every_source_is_reported_at_once(clone: Path) -> None:
    write(
        clone,
        """
        mode = "demo"
        bogus = 1
        [risk]
        max_by_price = 0.9
        min_buy_price = 0.5
        max_buy_price = 0.4
        [walet]
        private_key = "hunter2"
        [[agents]]
        name = "a"
        [[agents]]
        name = "a"
        """,
    )
    write_secretly(clone / ".env", "POLYBOT__WATCHDOG__LATE=1\n")
    found = problems(
        clone,
        {
            "POLYBOT__RISK__PAUSE_S": "soon",
            "LOG_LEVEL": "loud",
            "POLYBOT__TRADING_ZONE": "Mars",
            "POLYMARKET_PRIVATE_KEY": "hunter3",
        },
    )
    assert sorted(problem.partition(":")[0] for problem in found) == [
        "POLYBOT__WATCHDOG__LATE",
        "agents.1.name",
        "bogus",
        "log.level",
        "mode",
        "risk.max_by_price",
        "risk.min_buy_price",
        "risk.pause_s",
        "trading_zone",
        "walet.private_key",
        "wallet.private_key",
    ]
    assert "hunter" not in "\n".join(found)


def test_a_contradiction_that_only_follows_from_a_refused_value_is_not_reported(
    clone: Path,
) -> None:
    write(clone, "[risk]\nmin_buy_price = 0.995\nmax_buy_price = 7\n")
    (problem,) = problems(clone)
    assert problem.startswith("risk.max_buy_price: ")


def test_a_broken_file_is_one_problem_beside_those_of_the_environment(clone: Path) -> None:
    write(clone, "mode = ")
    found = problems(clone, {"POLYBOT__MODE": "demo"})
    assert len(found) == 2
    assert "expected TOML" in found[0]


def test_leniently_loaded_problems_are_warnings(clone: Path) -> None:
    write(clone, "mode = 'demo'\n")
    found = loaded(clone, lenient=True)
    assert found.config.mode == "synthetic"
    assert found.warnings[0].startswith("mode: expected one of")


def test_who_only_looks_needs_no_private_key_but_everything_else(clone: Path) -> None:
    write(clone, 'mode = "live"\n')
    assert len(problems(clone)) == 1
    assert loaded(clone, keyless=True).config.mode == "live"
    write(clone, 'mode = "live"\n[risk]\nmax_by_price = 0.9\n')
    (left,) = problems(clone, keyless=True)
    assert left.startswith("risk.max_by_price: unknown key")


def test_a_secret_changes_neither_the_hash_nor_any_message(clone: Path) -> None:
    plain, secret = loaded(clone), loaded(clone, {"PRIVATE_KEY": KEY})
    assert secret.config.wallet.private_key == KEY
    assert secret.hash == plain.hash
    assert len(plain.hash) == 64


def test_the_hash_follows_values_and_not_how_they_are_written(clone: Path) -> None:
    plain = loaded(clone).hash
    assert loaded(clone, {"POLYBOT__RISK__MAX_ORDER_USDC": "50.00"}).hash == plain
    assert loaded(clone, {"POLYBOT__RISK__MAX_ORDER_USDC": "51"}).hash != plain
    assert loaded(clone, {"POLYBOT__AGENTS__0__PARAMETERS__MIN_CONFIDENCE": "0.9"}).hash != plain


def test_relative_places_in_a_dotenv_and_in_the_environment_are_made_absolute(
    clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(clone)
    locations = loaded(clone, {"POLYBOT_STATE_DIR": "here/state"}).locations
    assert locations.state_dir == clone / "here" / "state"


def floor_of(clone: Path, **changes: Any) -> FloorRecord:
    runtime = clone / "var" / "run"
    runtime.mkdir(parents=True, exist_ok=True)
    recordings = clone / "recordings"
    recordings.mkdir(exist_ok=True)
    (recordings / "windows.csv").write_text("slug\n")
    record = FloorRecord(
        **{
            "pid": 1,
            "mode": "replay",
            "state_dir": str(clone / "elsewhere"),
            "runtime_dir": str(runtime),
            "recordings": str(recordings),
            "speed": 50.0,
            **changes,
        }
    )
    write_floor(record)
    return record


def test_a_second_terminal_finds_the_floor_that_runs(clone: Path) -> None:
    record = floor_of(clone)
    write_secretly(clone / ".env", "TRADING_MODE=paper\n")
    found = loaded(clone, join_floor=True)
    assert found.config.mode == "replay"
    assert found.config.simulator.recordings == record.recordings
    assert found.config.simulator.speed == 50.0
    assert found.locations.state_dir == clone / "elsewhere"
    assert found.origins["mode"].layer.value == "running floor"


def test_the_real_environment_wins_over_the_floor_that_runs(clone: Path) -> None:
    floor_of(clone)
    found = loaded(
        clone,
        {"POLYBOT_STATE_DIR": str(clone / "mine"), "POLYBOT__SIMULATOR__SPEED": "2"},
        join_floor=True,
    )
    assert found.locations.state_dir == clone / "mine"
    assert found.config.simulator.speed == 2.0


def test_a_process_of_a_floor_does_not_look_at_another_floors_record(clone: Path) -> None:
    floor_of(clone)
    assert loaded(clone).config.mode == "synthetic"


def test_the_floors_own_configuration_file_is_read_while_it_exists(clone: Path) -> None:
    other = clone / "other.toml"
    other.write_text("trading_zone = 'UTC'")
    floor_of(clone, config=str(other))
    assert loaded(clone, join_floor=True).config.trading_zone == "UTC"
    other.unlink()
    assert loaded(clone, join_floor=True).config.trading_zone == "America/New_York"


def test_an_unreadable_dotenv_is_one_problem_more_and_a_warning_where_all_must_work(
    clone: Path,
) -> None:
    path = write(clone, "bogus = 1\n")
    open_way_to(path.parent)
    path.chmod(0o644)
    write_secretly(clone / ".env", "A=1\n")
    (clone / ".env").chmod(0)

    def work() -> list[list[str]]:
        if os.geteuid() == 0:
            become(STRANGER, STRANGER)
        return [problems(clone), list(loaded(clone, lenient=True).warnings)]

    refused, warned = in_fork(work)
    for told in (refused, warned):
        assert told[0].startswith(f"{clone / '.env'}: expected a file this user may read")
        assert "bogus" in told[1]
