"""Tests of the doctor's checks of machine, files and configuration."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from polybot.cli.checks import (
    CheckStatus,
    Row,
    host_checks,
    memory_row,
    open_files_row,
    packages_row,
    signatures_row,
    sqlite_row,
    versions_row,
)
from polybot.config.alerts import AlertsConfig
from polybot.config.load import LoadedConfig, load
from polybot.errors import ConfigError
from polybot.runtime.journal import Journal

CHECKS = [
    *("versions", "packages", "sqlite", "coincurve", "memory", "open files"),
    *("secret files", "state directory"),
    *("runtime directory", "disk", "recordings", "journals", "database", "alerts"),
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


def test_row_secret_files_fails_when_others_may_read_one(
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


def test_row_state_directory_fails_when_it_is_a_file(loaded: LoadedConfig) -> None:
    loaded.locations.state_dir.rmdir()
    loaded.locations.state_dir.write_text("")
    assert row(loaded, "state directory").status is CheckStatus.FAIL


def test_row_disk_fails_when_it_is_full(loaded: LoadedConfig) -> None:
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


def test_row_recordings_fails_to_be_well_when_one_is_damaged(
    replaying: Callable[[str], LoadedConfig],
) -> None:
    found = row(
        replaying("slug,open_ts,close_ts\nbtc-updown-5m-1776082500,soon,later\n"), "recordings"
    )
    assert found.status is CheckStatus.WARN
    assert "1 problem," in found.detail


def test_row_alerts_fails_when_a_chat_is_half_set_up(
    loaded: LoadedConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert row(loaded, "alerts").status is CheckStatus.SKIP

    def with_alerts(mode: str = "synthetic", **values: str) -> LoadedConfig:
        config = replace(loaded.config, alerts=AlertsConfig(**values), mode=mode)
        return replace(loaded, config=config)

    told = row(with_alerts("live"), "alerts")
    assert (told.status, "polybot secret set" in told.fix) == (CheckStatus.WARN, True)
    told = row(with_alerts(slack_webhook_url="https://hooks.slack.com/x"), "alerts")
    assert (told.status, told.detail) == (CheckStatus.OK, "critical alerts go to slack")
    told = row(with_alerts(telegram_bot_token="1:x"), "alerts")
    assert told.status is CheckStatus.FAIL
    assert "1:x" not in told.detail


def test_row_database_fails_when_it_is_damaged(loaded: LoadedConfig, history: Path) -> None:
    assert row(loaded, "database").detail.endswith("3 windows")
    history.write_bytes(b"not a database" * 1000)
    assert row(loaded, "database").status is CheckStatus.FAIL


def test_row_versions_fails_on_an_old_python() -> None:
    found = versions_row((3, 10), "3.10.4")
    assert found.status is CheckStatus.FAIL
    assert "3.11" in found.fix
    assert versions_row((3, 11), "3.11.2").status is CheckStatus.OK


def test_row_packages_fails_when_one_is_missing() -> None:
    found = packages_row(("msgspec", "no-such-package-of-polybot"))
    assert (found.status, found.detail) == (
        CheckStatus.FAIL,
        "missing: no-such-package-of-polybot",
    )


@pytest.mark.parametrize("version", [(3, 7, 0), (3, 40, 1), (3, 44, 5), (3, 50, 6), (3, 51, 2)])
def test_row_sqlite_fails_to_be_well_with_the_wal_reset_bug(version: tuple[int, ...]) -> None:
    found = sqlite_row(version)
    assert found.status is CheckStatus.WARN
    assert "3.51.3" in found.fix


@pytest.mark.parametrize("version", [(3, 6, 23), (3, 44, 6), (3, 50, 7), (3, 51, 3), (3, 53, 0)])
def test_an_sqlite_without_the_bug_is_well(version: tuple[int, ...]) -> None:
    assert sqlite_row(version).status is CheckStatus.OK


def test_row_coincurve_fails_when_it_is_missing_or_signs_wrongly() -> None:
    def missing() -> str:
        raise ConfigError(["expected the Python package coincurve, was not installed"])

    for sign, words in ((missing, "not installed"), (lambda: "0x00", "wrongly")):
        found = signatures_row(sign)
        assert found.status is CheckStatus.FAIL
        assert words in found.detail
        assert "coincurve" in found.fix


def test_row_memory_fails_to_be_well_when_little_is_left(tmp_path: Path) -> None:
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal: 9 kB\nMemAvailable: 102400 kB\n")
    found = memory_row(meminfo)
    assert (found.status, found.fix) == (CheckStatus.WARN, "stop other programs, or add swap")
    assert memory_row(tmp_path / "none").status is CheckStatus.SKIP


def test_row_open_files_fails_to_be_well_when_few_are_allowed() -> None:
    assert open_files_row(256).status is CheckStatus.WARN
    assert open_files_row(1024).status is CheckStatus.OK


def test_row_runtime_directory_fails_when_it_cannot_be_made(loaded: LoadedConfig) -> None:
    blocked = loaded.locations.state_dir / "file"
    blocked.touch()
    locations = replace(loaded.locations, runtime_dir=blocked)
    found = row(replace(loaded, locations=locations), "runtime directory")
    assert found.status is CheckStatus.FAIL
    assert "POLYBOT_RUNTIME_DIR" in found.fix


def test_row_journals_fails_when_a_record_was_changed(loaded: LoadedConfig) -> None:
    directory = loaded.locations.process_dir("tracker")
    journal = Journal.open(directory)
    for number in range(3):
        journal.append(b"record %d" % number)
    journal.sync()
    journal.close()
    assert row(loaded, "journals").status is CheckStatus.OK
    (segment,) = directory.glob("journal-*.log")
    segment.write_bytes(segment.read_bytes().replace(b"record 1", b"record 9"))
    found = row(loaded, "journals")
    assert (found.status, found.fix) == (
        CheckStatus.FAIL,
        "polybot journal verify says where",
    )


def test_an_installations_directories_are_the_groups_too(
    loaded: LoadedConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded.locations.state_dir.chmod(0o2770)
    assert row(loaded, "state directory").status is CheckStatus.WARN
    monkeypatch.setattr("polybot.cli.checks.is_service_floor", lambda _: True)
    assert row(loaded, "state directory").status is CheckStatus.OK
    loaded.locations.state_dir.chmod(0o2775)
    found = row(loaded, "state directory")
    assert (found.status, found.fix) == (
        CheckStatus.WARN,
        f"chmod 2770 {loaded.locations.state_dir}",
    )
