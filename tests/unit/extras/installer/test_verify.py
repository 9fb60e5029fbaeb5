"""Comparing an installation with what was installed."""

import json
import os
from pathlib import Path

import pytest

from polybot.extras.installer.install import Wish, install
from polybot.extras.installer.steps import Trouble
from polybot.extras.installer.verify import runs_from, verify
from tests.unit.extras.installer.machine_stand_in import Stand


@pytest.fixture
def installed(stand: Stand, capsys: pytest.CaptureFixture[str]) -> Stand:
    install(stand.places, Wish(stand.clone))
    capsys.readouterr()
    return stand


def wrong(stand: Stand, capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    """Return the checks that failed, with what they say."""
    is_whole = verify(stand.places, as_json=True)
    rows = json.loads(capsys.readouterr().out)
    found = {row["check"]: row["detail"] for row in rows if not row["is_ok"]}
    assert is_whole is not bool(found)
    return found


def test_what_was_just_installed_is_whole(
    installed: Stand, capsys: pytest.CaptureFixture[str]
) -> None:
    assert wrong(installed, capsys) == {}
    assert verify(installed.places, as_json=False)
    assert "FAIL" not in capsys.readouterr().out


def test_a_changed_program_is_named(installed: Stand, capsys: pytest.CaptureFixture[str]) -> None:
    (installed.places.current / "polybot/cli/main.py").write_text("pass\n")
    found = wrong(installed, capsys)
    assert list(found) == ["release"]
    assert "polybot/cli/main.py was changed" in found["release"]


def test_a_changed_unit_is_named(installed: Stand, capsys: pytest.CaptureFixture[str]) -> None:
    (installed.places.units / "polybot-trader.service").write_text("[Service]\n")
    (installed.places.units / "polybot.target").unlink()
    detail = wrong(installed, capsys)["units"]
    assert "polybot-trader.service" in detail
    assert "polybot.target" in detail


def test_a_command_that_leads_elsewhere_is_named(
    installed: Stand, capsys: pytest.CaptureFixture[str]
) -> None:
    (installed.places.commands / "polybot").unlink()
    assert wrong(installed, capsys) == {"commands": "not ours: polybot"}


def test_a_directory_open_to_others_is_named(
    installed: Stand, capsys: pytest.CaptureFixture[str]
) -> None:
    installed.places.state.chmod(0o755)
    assert wrong(installed, capsys) == {str(installed.places.state): "mode 755, expected 2770"}


def test_the_release_a_process_runs_is_told_by_its_libraries(tmp_path: Path) -> None:
    maps = tmp_path / "maps"
    maps.write_text("7f00-7f01 r-xp 0 fe:00 1   /opt/polybot/1.0+a/.venv/lib/x.so\n")
    assert runs_from(maps, Path("/opt/polybot/1.0+a"))
    assert not runs_from(maps, Path("/opt/polybot/1.0+b"))
    assert not runs_from(tmp_path / "gone", Path("/opt/polybot/1.0+a"))
    assert not runs_from(Path(f"/proc/{os.getpid()}/maps"), Path("/opt/polybot/1.0+a"))


def test_without_an_installation_there_is_nothing_to_verify(stand: Stand) -> None:
    with pytest.raises(Trouble, match="expected an installation"):
        verify(stand.places, as_json=False)
