"""Taking an installation away, and what stays."""

import shutil
from pathlib import Path

import pytest

from polybot.extras.installer.install import Wish, install
from polybot.extras.installer.steps import Trouble
from polybot.extras.installer.uninstall import uninstall
from tests.unit.extras.installer.machine_stand_in import Stand


@pytest.fixture
def installed(stand: Stand) -> Stand:
    install(stand.places, Wish(stand.clone))
    (stand.places.state / "backups").mkdir()
    stand.calls()
    return stand


def test_state_and_configuration_stay_and_that_is_said(
    installed: Stand, capsys: pytest.CaptureFixture[str]
) -> None:
    places = installed.places

    uninstall(places, purge=False)

    assert not places.releases.exists()
    assert list(places.commands.iterdir()) == []
    assert (places.configuration / "polybot.toml").exists()
    assert (places.state / "backups").exists()
    told = capsys.readouterr().out
    assert f"kept {places.configuration} and {places.state}" in told
    assert "PURGE=1" in told


def test_purge_takes_everything(installed: Stand) -> None:
    places = installed.places

    uninstall(places, purge=True)

    assert not places.configuration.exists()
    assert not places.state.exists()
    assert not places.runtime.exists()
    assert "groupdel polybot" in installed.calls()


def test_a_state_directory_that_is_a_link_is_named_and_not_called_removed(
    installed: Stand, capsys: pytest.CaptureFixture[str]
) -> None:
    state = installed.places.state
    state.rename(state.with_name("disk"))
    state.symlink_to("disk")

    with pytest.raises(Trouble, match=r"polybot leads to disk, which is yours"):
        uninstall(installed.places, purge=True)

    assert state.with_name("disk").is_dir()
    assert "removed configuration" not in capsys.readouterr().out


@pytest.mark.parametrize("is_emptied", [True, False])
def test_what_cannot_be_removed_is_named(
    is_emptied: bool, installed: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As a mounted directory, which only root of a machine could make here.
    state, remove = installed.places.state, shutil.rmtree

    def busy(path: Path, **options: bool) -> None:
        if path != state:
            remove(path, **options)
        elif is_emptied:
            (state / "backups").rmdir()

    monkeypatch.setattr(shutil, "rmtree", busy)
    words = "is empty, and stays" if is_emptied else "is not empty: backups"
    with pytest.raises(Trouble, match=f"{state} {words}"):
        uninstall(installed.places, purge=True)


def test_only_the_services_own_user_is_removed(installed: Stand) -> None:
    installed.behave("HOME", "/home/polybot")
    with pytest.raises(Trouble, match=r"the user polybot stays: .* was /home/polybot"):
        uninstall(installed.places, purge=True)
    assert not [call for call in installed.calls() if call.startswith(("userdel", "groupdel"))]

    installed.places.state.mkdir()
    installed.behave("HOME", str(installed.places.state))
    uninstall(installed.places, purge=True)


def test_purge_works_afterwards_too(installed: Stand) -> None:
    uninstall(installed.places, purge=False)
    uninstall(installed.places, purge=True)
    assert not installed.places.state.exists()


def test_somebody_elses_command_stays(installed: Stand) -> None:
    own = installed.places.commands / "polybot"
    own.unlink()
    own.write_text("mine")

    uninstall(installed.places, purge=False)

    assert own.read_text() == "mine"


def test_what_is_no_release_stays_and_is_said(
    installed: Stand, capsys: pytest.CaptureFixture[str]
) -> None:
    own = installed.places.releases / "my-clone/README.md"
    own.parent.mkdir()
    own.touch()
    like_one = installed.places.releases / "1.0+0123abcd"
    like_one.mkdir()

    uninstall(installed.places, purge=False)

    assert installed.releases() == {"my-clone", "1.0+0123abcd"}
    assert own.exists()
    assert f"kept {installed.places.releases}: " in capsys.readouterr().out


def test_nothing_to_remove_is_said(stand: Stand) -> None:
    with pytest.raises(Trouble, match="expected an installation"):
        uninstall(stand.places, purge=False)
