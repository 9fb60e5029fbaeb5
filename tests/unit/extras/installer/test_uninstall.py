"""Taking an installation away, and what stays."""

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
