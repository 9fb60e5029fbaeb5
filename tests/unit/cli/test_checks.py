"""Tests of the doctor's checks of machine, files and configuration."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from polybot.cli.checks import CheckStatus, Row, host_checks
from polybot.config.load import LoadedConfig, load

CHECKS = [
    *("packages", "memory", "open files", "secret files", "state directory"),
    *("runtime directory", "disk", "recordings", "journals", "database"),
]


@pytest.fixture
def loaded(state_dir: Path, runtime_dir: Path) -> LoadedConfig:
    for directory in (state_dir, runtime_dir):
        directory.chmod(0o700)
    return load()


def row(loaded: LoadedConfig, check: str) -> Row:
    (found,) = (row for row in host_checks(loaded) if row.check == check)
    return found


def test_every_check_has_its_row_and_nothing_fails_on_a_new_floor(loaded: LoadedConfig) -> None:
    rows = list(host_checks(loaded))
    assert [row.check for row in rows] == CHECKS
    assert [row for row in rows if row.status is CheckStatus.FAIL] == []


def test_a_secret_others_may_read_fails_with_the_command_that_mends_it(
    loaded: LoadedConfig,
) -> None:
    key = loaded.locations.state_dir / "wallet" / "key"
    key.parent.mkdir()
    key.write_text("0x1")
    key.chmod(0o644)
    found = row(loaded, "secret files")
    assert (found.status, found.fix) == (CheckStatus.FAIL, f"chmod 600 {key}")
    key.chmod(0o600)
    assert row(loaded, "secret files").status is CheckStatus.OK


def test_a_directory_others_may_enter_is_warned_of(loaded: LoadedConfig) -> None:
    loaded.locations.state_dir.chmod(0o755)
    assert row(loaded, "state directory").status is CheckStatus.WARN


def test_a_directory_that_is_a_file_fails(loaded: LoadedConfig) -> None:
    loaded.locations.state_dir.rmdir()
    loaded.locations.state_dir.write_text("")
    assert row(loaded, "state directory").status is CheckStatus.FAIL


def test_a_full_disk_fails(loaded: LoadedConfig) -> None:
    hungry = msgspec.structs.replace(loaded.config.watchdog, min_disk_mb=10**6)
    config = msgspec.structs.replace(loaded.config, watchdog=hungry)
    found = row(replace(loaded, config=config), "disk")
    assert found.status is CheckStatus.FAIL
    assert "entries stop under 1000000" in found.detail


@pytest.fixture
def replaying(tmp_path: Path, loaded: LoadedConfig) -> Callable[[str], LoadedConfig]:
    """Return the configuration of a floor that replays a list of windows."""

    def make(windows_csv: str) -> LoadedConfig:
        (tmp_path / "windows.csv").write_text(windows_csv)
        simulator = msgspec.structs.replace(loaded.config.simulator, recordings=str(tmp_path))
        return replace(loaded, config=msgspec.structs.replace(loaded.config, simulator=simulator))

    return make


def test_recordings_are_counted_and_their_problems_named(
    replaying: Callable[[str], LoadedConfig],
) -> None:
    found = row(
        replaying("slug,open_ts,close_ts\nbtc-updown-5m-1776082500,soon,later\n"), "recordings"
    )
    assert found.status is CheckStatus.WARN
    assert "1 problem," in found.detail


def test_a_damaged_database_is_one_failed_row_and_not_the_end(
    loaded: LoadedConfig, history: Path
) -> None:
    assert row(loaded, "database").detail.endswith("3 windows")
    history.write_bytes(b"not a database" * 1000)
    assert row(loaded, "database").status is CheckStatus.FAIL
