"""What a machine must be: each refusal is one line that says what to do."""

import pytest

from polybot.extras.installer import machine
from polybot.extras.installer.contents import Manifest
from polybot.extras.installer.steps import Trouble
from tests.unit.extras.installer.machine_stand_in import Stand


def test_only_root_installs() -> None:
    machine.check_root(0)
    with pytest.raises(Trouble, match="expected root"):
        machine.check_root(1000)


def test_a_machine_without_systemd_is_refused(stand: Stand) -> None:
    machine.check_systemd(stand.places)
    (stand.places.root / "run/systemd/system").rmdir()
    with pytest.raises(Trouble, match="expected systemd to run this machine"):
        machine.check_systemd(stand.places)


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ("ID=debian\nVERSION_ID=11\n", "debian 11"),
        ("ID=ubuntu\nVERSION_ID=24.04\n", "ubuntu 24.04"),
        ("ID=arch\n", "arch"),
        ("", "unknown"),
    ],
)
def test_an_untried_system_is_refused_unless_forced(
    told: str, shown: str, stand: Stand, capsys: pytest.CaptureFixture[str]
) -> None:
    (stand.places.root / "etc/os-release").write_text(told)

    with pytest.raises(Trouble, match=rf"was {shown}; FORCE=1"):
        machine.check_system(stand.places, force=False)
    machine.check_system(stand.places, force=True)
    assert f"{shown} was never tried" in capsys.readouterr().out


@pytest.mark.parametrize("version", ["12", '"13"'])
def test_debian_is_welcome(version: str, stand: Stand) -> None:
    (stand.places.root / "etc/os-release").write_text(f"ID=debian\nVERSION_ID={version}\n")
    machine.check_system(stand.places, force=False)


def test_a_newer_version_is_not_replaced_by_an_older_one(stand: Stand) -> None:
    newer = stand.places.releases / "1.10.0+x"
    newer.mkdir(parents=True)
    Manifest("1.10.0+x", "1.10.0", {}).write(newer)
    stand.places.current.symlink_to(newer.name)

    machine.check_version(stand.places, "1.10.0")
    machine.check_version(stand.places, "2.0")
    with pytest.raises(Trouble, match="make rollback"):
        machine.check_version(stand.places, "1.9.9")


@pytest.mark.parametrize("inside", ["", "polybot"])
def test_a_clone_among_the_releases_is_refused(inside: str, stand: Stand) -> None:
    machine.check_source(stand.places, stand.clone)
    with pytest.raises(Trouble, match="expected the clone outside"):
        machine.check_source(stand.places, stand.places.releases / inside)


def test_a_full_disk_is_said_before_anything_is_written(stand: Stand) -> None:
    machine.check_space(stand.places.releases, 1)
    with pytest.raises(Trouble, match=r"expected \d+ MB free for .*opt/polybot, was"):
        machine.check_space(stand.places.releases, 10**9)
    assert not stand.places.releases.exists()
