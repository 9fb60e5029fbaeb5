"""What belongs to a release, its name, and the manifest that tells a changed one."""

import subprocess
from pathlib import Path

import pytest

from polybot import __version__
from polybot.extras.installer.contents import (
    Manifest,
    as_numbers,
    digests,
    files_below,
    program_files,
    release_name,
    version_of,
)
from polybot.extras.installer.steps import Trouble
from tests.unit.extras.installer.machine_stand_in import ROOT, Stand


def test_a_release_holds_the_program_and_not_what_makes_a_clone_of_it() -> None:
    files = program_files(ROOT)

    assert {"polybot/cli/main.py", "bin/polybot-guard", "systemd/polybot.target"} <= set(files)
    assert {"README.md", "LICENSE", "requirements.txt", "config/supervisord.conf"} <= set(files)
    assert not {"Makefile", "setup.cfg", "config/polybot.toml"} & set(files)
    assert not [name for name in files if name.startswith(("tests", "docs/_build", "."))]
    assert not [name for name in files if "__pycache__" in name or name.endswith(".pyc")]


def test_this_clone_says_its_version() -> None:
    assert version_of(ROOT) == __version__
    assert release_name(ROOT).startswith(f"{__version__}+")


def test_the_name_changes_with_any_file_but_the_persons_own(stand: Stand) -> None:
    first = release_name(stand.clone)
    (stand.clone / "config/polybot.toml").write_text("# mine\n")
    (stand.clone / "polybot/__pycache__").mkdir()
    (stand.clone / "polybot/__pycache__/x.pyc").touch()
    assert release_name(stand.clone) == first

    (stand.clone / "docs/index.md").write_text("# other docs\n")
    assert release_name(stand.clone) != first


def test_of_the_configuration_directory_a_release_holds_what_the_project_has() -> None:
    asked = ["git", "-C", str(ROOT), "ls-files", "config"]
    tracked = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.split()
    if not tracked:
        pytest.skip("THE LIST WAS NOT COMPARED: this is no git clone")
    shipped = [name for name in program_files(ROOT) if name.startswith("config/")]
    assert shipped == sorted(set(tracked) - {"config/polybot.toml"})


def test_a_persons_own_files_are_not_shipped(stand: Stand) -> None:
    before = program_files(stand.clone)
    for name in ("polybot.toml.bak", "polybot.env", "live.toml", "keys/secret"):
        path = stand.clone / "config" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("secret")
    assert program_files(stand.clone) == before


def test_half_a_clone_is_refused(stand: Stand) -> None:
    (stand.clone / "LICENSE").unlink()
    with pytest.raises(Trouble, match="was without LICENSE"):
        program_files(stand.clone)


def test_a_clone_without_a_version_is_refused(stand: Stand) -> None:
    (stand.clone / "polybot/__init__.py").write_text("__version__ = 3\n")
    with pytest.raises(Trouble, match="expected a version"):
        version_of(stand.clone)


def test_a_manifest_tells_what_was_changed_added_and_removed(tmp_path: Path) -> None:
    for name in ("same", "changed", "removed"):
        (tmp_path / name).write_text(name)
    (tmp_path / "link").symlink_to("same")
    Manifest("1.0+x", "1.0", digests(tmp_path, files_below(tmp_path))).write(tmp_path)
    manifest = Manifest.read(tmp_path)
    assert manifest.differences(tmp_path) == []

    (tmp_path / "changed").write_text("otherwise")
    (tmp_path / "removed").unlink()
    (tmp_path / "added").touch()
    (tmp_path / "link").unlink()
    (tmp_path / "link").symlink_to("changed")

    assert manifest.differences(tmp_path) == [
        "added was added",
        "changed was changed",
        "link was changed",
        "removed is missing",
    ]


@pytest.mark.parametrize("text", ["", "[]", '{"release": "x"}', "{"])
def test_a_damaged_manifest_is_said(text: str, tmp_path: Path) -> None:
    (tmp_path / "RELEASE").write_text(text)
    with pytest.raises(Trouble, match="expected a release's manifest"):
        Manifest.read(tmp_path)


def test_versions_compare_as_numbers() -> None:
    assert as_numbers("0.10.0") > as_numbers("0.9.1")
