"""Building a release: whole or not at all, at the place where it will be."""

import subprocess
from pathlib import Path

import pytest

from polybot.extras.installer import release
from polybot.extras.installer.contents import Manifest
from polybot.extras.installer.steps import Trouble
from tests.unit.extras.installer.machine_stand_in import Stand


def test_a_release_runs_from_where_it_is(stand: Stand) -> None:
    built, is_new = release.build(stand.places, stand.clone)

    assert is_new
    python = built / ".venv/bin/python"
    asked = [python, "-I", "-c", "import polybot; print(polybot.__file__)"]
    told = subprocess.run(asked, cwd="/", capture_output=True, text=True, check=True).stdout
    assert told == f"{built}/polybot/__init__.py\n"
    assert (built / ".venv/bin/tool").read_text() == f"#!{built}/.venv/bin/python\n"
    assert not (built / "Makefile").exists()
    assert Manifest.read(built).differences(built) == []


def test_compiled_files_name_the_place_where_the_release_is(stand: Stand) -> None:
    built, _ = release.build(stand.places, stand.clone)

    compiled = next((built / "polybot/cli/__pycache__").glob("main.*.pyc")).read_bytes()
    assert str(built / "polybot/cli/main.py").encode() in compiled
    assert b".new" not in compiled


def test_everybody_reads_it_whatever_the_modes_of_the_clone(stand: Stand) -> None:
    (stand.clone / "README.md").chmod(0o600)
    (stand.clone / "bin/polybot").chmod(0o600)

    built, _ = release.build(stand.places, stand.clone)

    assert (built / "README.md").stat().st_mode & 0o777 == 0o644
    assert (built / "bin/polybot").stat().st_mode & 0o777 == 0o755


def test_a_build_that_fails_leaves_nothing(stand: Stand) -> None:
    (stand.clone / ".ci/build-venv").write_text("#!/bin/sh\necho no network >&2\nexit 1\n")

    with pytest.raises(Trouble, match="no network"):
        release.build(stand.places, stand.clone)

    assert stand.releases() == set()


def test_what_a_killed_installer_left_is_removed(stand: Stand) -> None:
    half = stand.places.releases / ".1.2.0+00000000.new"
    half.mkdir(parents=True)

    release.build(stand.places, stand.clone)

    assert not half.exists()


def test_somebodys_own_files_are_no_release(stand: Stand) -> None:
    made, _ = release.build(stand.places, stand.clone)
    for name in ("notes", "1.0+zzzzzzzz", ".notes.new"):
        (stand.places.releases / name).mkdir()
        (stand.places.releases / name / "RELEASE").touch()
    (stand.places.releases / "2.0+00000000").symlink_to(made.name)

    assert release.built(stand.places) == [made]
    release.clear(stand.places)
    assert (stand.places.releases / ".notes.new").exists()

    release.remove(made)
    assert release.built(stand.places) == []


def packages(directory: Path) -> Path:
    return next(directory.glob(".venv/lib/python*/site-packages"))


def in_use(stand: Stand, built: Path) -> None:
    stand.places.current.symlink_to(built.name)


def test_packages_that_are_the_same_are_taken_from_the_release_in_use(stand: Stand) -> None:
    first, _ = release.build(stand.places, stand.clone)
    in_use(stand, first)
    stand.change("second")
    (stand.clone / ".ci/build-venv").write_text("#!/bin/sh\nexit 1\n")

    second, _ = release.build(stand.places, stand.clone)

    assert (second / ".venv/bin/tool").read_text() == f"#!{second}/.venv/bin/python\n"
    assert (packages(second) / "polybot.pth").read_text() == f"{second}\n"
    assert Manifest.read(first).differences(first) == []


@pytest.mark.parametrize("what", ["changed packages", "another lock"])
def test_packages_are_built_anew_when_they_may_be_others(stand: Stand, what: str) -> None:
    first, _ = release.build(stand.places, stand.clone)
    in_use(stand, first)
    if what == "changed packages":
        (packages(first) / "added.py").write_text("x = 1\n")
    else:
        (stand.clone / "requirements.txt").write_text("# another\n")
    stand.change("second")

    second, _ = release.build(stand.places, stand.clone)

    assert not (packages(second) / "added.py").exists()
    assert (second / ".venv/bin/tool").read_text() == f"#!{second}/.venv/bin/python\n"


def test_the_exchanges_client_has_an_environment_of_its_own(stand: Stand) -> None:
    built, _ = release.build(stand.places, stand.clone)

    assert release.add_live(stand.clone, built)
    assert not release.add_live(stand.clone, built)

    assert (built / ".venv-live/bin/tool").read_text() == f"#!{built}/.venv-live/bin/python\n"
    assert Manifest.read(built).differences(built) == []
