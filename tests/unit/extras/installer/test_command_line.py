"""What the installer is asked for, and how it answers a wrong question."""

import os
import subprocess
import sys

import pytest

from polybot.extras.installer import command_line
from polybot.extras.installer.places import Places
from tests.unit.extras.installer.machine_stand_in import ROOT, Stand


def test_it_knows_its_clone() -> None:
    assert command_line.SOURCE == ROOT


@pytest.mark.parametrize("name", ["install", "upgrade", "rollback", "uninstall", "verify"])
def test_make_has_a_target_for_each_command(name: str) -> None:
    planned = planned_by_make(name, "1")
    assert planned[1:5] == ["-B", "-m", "polybot.extras.installer", name]
    options = command_line.parser().parse_args(planned[4:])
    assert options.command == name
    if name == "install":
        assert (options.live, options.force) == (True, True)
    if name == "uninstall":
        assert options.purge


@pytest.mark.parametrize("value", ["0", "no", "false", ""])
def test_only_1_and_yes_are_a_yes(value: str) -> None:
    for name in ("install", "upgrade", "uninstall"):
        assert planned_by_make(name, value)[5:] == []
    assert planned_by_make("uninstall", "yes")[5:] == ["--purge"]


def planned_by_make(name: str, value: str) -> list[str]:
    """Return the command that a target would run."""
    # `make test` tells a make below it to speak of directories, and hands it its own ARGS.
    outside = {name: value for name, value in os.environ.items() if "MAKE" not in name}
    return subprocess.run(
        ["make", "-n", name, "ARGS=", f"LIVE={value}", f"FORCE={value}", f"PURGE={value}"],
        cwd=ROOT,
        env=outside,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()


def test_trouble_is_one_line_and_exit_code_1(
    stand: Stand, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command_line, "Places", lambda: Places(stand.places.root))
    (stand.places.root / "run/systemd/system").rmdir()

    assert command_line.main(["install"]) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("polybot: expected systemd to run this machine")
    assert told.err.count("\n") == 1


@pytest.mark.parametrize("command", ["install", "uninstall"])
def test_a_clone_where_the_releases_are_is_refused_in_one_line(
    command: str, stand: Stand, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command_line, "Places", lambda: stand.places)
    monkeypatch.setattr(command_line, "SOURCE", stand.places.releases)

    assert command_line.main([command]) == 1
    told = capsys.readouterr().err
    assert told.startswith("polybot: expected the clone outside")
    assert told.count("\n") == 1


def test_what_the_system_refuses_is_one_line(
    stand: Stand, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command_line, "Places", lambda: stand.places)
    # Where a link leads, root would write.
    stand.places.lock.symlink_to("elsewhere")

    assert command_line.main(["uninstall"]) == 1
    told = capsys.readouterr().err
    assert told.startswith("polybot: [Errno 40]")
    assert told.count("\n") == 1
    assert not stand.places.lock.with_name("elsewhere").exists()


def test_it_needs_nothing_but_the_standard_library() -> None:
    asked = [sys.executable, "-I", "-S", "-c"]
    script = f"import sys; sys.path.insert(0, {str(ROOT)!r}); import {command_line.__name__}"
    done = subprocess.run([*asked, script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
