"""Units in their places, checked by systemd before, and away again."""

import shutil
import subprocess
from pathlib import Path

import pytest

from polybot.extras.installer import units
from polybot.extras.installer.steps import Trouble
from tests.unit.extras.installer.machine_stand_in import ROOT, Stand


@pytest.fixture
def release(tmp_path: Path) -> Path:
    """Return a release with the units and the programs they name."""
    made = tmp_path / "release"
    shutil.copytree(ROOT / "systemd", made / "systemd")
    python = made / ".venv/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text("#!/bin/sh\n")
    python.chmod(0o755)
    return made


def needs_systemd() -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("UNITS NOT VERIFIED: no systemd-analyze here; apt-get install -y systemd")


def test_systemd_accepts_the_units(release: Path) -> None:
    needs_systemd()
    units.verify(release)


def test_a_unit_that_systemd_does_not_understand_is_refused(release: Path) -> None:
    needs_systemd()
    path = release / "systemd/polybot-trader.service"
    path.write_text(path.read_text().replace("WatchdogSec=45", "WatchdogSec=soon"))
    with pytest.raises(Trouble, match=r"polybot-trader.service:\d+: Failed to parse"):
        units.verify(release)


def test_a_program_that_is_not_there_is_refused(release: Path) -> None:
    needs_systemd()
    (release / ".venv/bin/python").unlink()
    with pytest.raises(Trouble, match="is not executable"):
        units.verify(release)


def test_every_unit_is_installed_and_an_old_one_taken_away(stand: Stand, release: Path) -> None:
    units.install(stand.places, release)
    old = stand.places.units / "polybot-bus.service"
    old.touch()
    foreign = stand.places.units / "postgresql.service"
    foreign.touch()

    units.install(stand.places, release)

    found = {
        path.relative_to(stand.places.units).as_posix() for path in units.installed(stand.places)
    }
    assert found == units.unit_files(release).keys()
    assert "polybot-.service.d/10-common.conf" in found
    assert foreign.exists()
    assert "systemctl daemon-reload" in stand.calls()


def test_what_is_enabled_is_every_process_and_every_timer() -> None:
    shipped = {path.name for path in (ROOT / "systemd").iterdir()}
    assert set(units.ENABLED) <= shipped
    assert {name for name in shipped if name.endswith(".timer")} <= set(units.ENABLED)


def test_away_means_stopped_disabled_and_nothing_left(stand: Stand, release: Path) -> None:
    units.make_user_and_directories(stand.places, release)
    units.install(stand.places, release)
    stand.calls()

    units.remove(stand.places)

    assert units.installed(stand.places) == []
    assert list(stand.places.units.iterdir()) == []
    assert not stand.places.sysusers.exists()
    assert not stand.places.tmpfiles.exists()
    calls = stand.calls()
    assert calls[0].startswith("systemctl stop polybot.target polybot-simulator.service")
    assert calls[1].startswith("systemctl --quiet disable polybot.target")


@pytest.mark.parametrize(
    ("told", "allowed"),
    [
        ("nameserver 169.254.169.254\nsearch x\n", ["169.254.169.254"]),
        ("nameserver 10.0.0.2\nnameserver fe80::1%eth0\nnameserver ::1\n", []),
        ("# nameserver 169.254.1.1\nnameserver\n\n", []),
        ("nameserver\t169.254.1.1\n nameserver  169.254.1.2\n", ["169.254.1.1 169.254.1.2"]),
        (None, []),
    ],
)
def test_a_clouds_name_server_may_be_asked(
    told: str | None, allowed: list[str], stand: Stand, release: Path
) -> None:
    if told is not None:
        (stand.places.root / "etc/resolv.conf").write_text(told)
    path = stand.places.own_units / "polybot-.service.d/20-name-server.conf"

    units.install(stand.places, release)
    found = path.read_text().splitlines() if path.exists() else []
    assert found[2:] == [f"IPAddressAllow={name}" for name in allowed]

    # Another network: another, or none.
    (stand.places.root / "etc/resolv.conf").write_text("nameserver 127.0.0.1\n")
    units.install(stand.places, release)
    assert not path.exists()


def test_a_name_server_that_is_the_metadata_server_too_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "resolv.conf"
    path.write_text("nameserver 169.254.169.254\nnameserver 10.0.0.1\n")
    units.link_local_name_servers(path)
    assert capsys.readouterr().out == ""

    path.write_text("nameserver 169.254.169.254\n")
    units.link_local_name_servers(path)
    assert "(metadata server)" in capsys.readouterr().out


def test_only_what_the_release_in_use_does_not_know_is_enabled(stand: Stand, release: Path) -> None:
    before = stand.places.releases / "before"
    shutil.copytree(release, before)
    (before / "systemd/polybot-report.timer").unlink()
    stand.places.current.symlink_to(before.name)

    assert units.install(stand.places, release) == ["polybot-report.timer"]
    enabled = [call for call in stand.calls() if " enable " in call]
    assert enabled == ["systemctl --quiet enable polybot-report.timer"]


def test_a_masked_unit_stays_masked(
    stand: Stand, release: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stand.behave("MASKED", "polybot-reflector.service")

    fresh = units.install(stand.places, release)

    assert set(units.ENABLED) - set(fresh) == {"polybot-reflector.service"}
    assert not [call for call in stand.calls() if " enable " in call and "reflector" in call]
    assert capsys.readouterr().out == "left masked: polybot-reflector.service\n"


def test_with_the_target_start_its_timers_but_no_disabled_one(stand: Stand) -> None:
    units.start_with_target(["polybot-tracker.service"])
    assert not [call for call in stand.calls() if " start " in call]

    stand.behave("ACTIVE", "yes")
    stand.behave("DISABLED", "polybot-report.timer")
    units.start_with_target(["polybot-tracker.service"])
    assert [call.split()[2:] for call in stand.calls() if " start " in call] == [
        ["polybot-backup.timer", "polybot-cleanup.timer", "polybot-tracker.service"]
    ]


def test_what_runs_is_asked_of_each_process(stand: Stand) -> None:
    assert units.running() == []
    stand.behave("ACTIVE", "yes")
    assert units.running() == list(units.SERVICES)
    stand.behave("STOPPED", "polybot-trader.service")
    assert units.running() == list(units.SERVICES)[:-1]
    assert units.is_wanted()
    assert units.process_of("trader") == 0


def test_the_files_name_programs_that_a_release_has() -> None:
    named = subprocess.run(
        ["grep", "-ho", r"/opt/polybot/current/[a-z/_.-]*", "-r", ROOT / "systemd"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    inside = {name.removeprefix("/opt/polybot/current/") for name in named}
    assert ".venv/bin/python" in inside
    assert {name for name in inside - {".venv/bin/python"} if not (ROOT / name).exists()} == set()
