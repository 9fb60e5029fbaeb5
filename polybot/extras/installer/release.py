"""Builds a release: program, virtual environment, compiled files, manifest, in one rename."""

import os
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from polybot.extras.installer.contents import (
    MANIFEST,
    Manifest,
    copy_program,
    digests,
    files_below,
    release_name,
    version_of,
)
from polybot.extras.installer.places import Places
from polybot.extras.installer.steps import Trouble, run, say

VENV, LIVE_VENV = ".venv", ".venv-live"
LOCK, LIVE_LOCK = "requirements.txt", "config/requirements-live.txt"
# pip would note where it built, which is not where the release will be: compiled afterwards.
_PIP = {"PIP_COMPILE": "0"}
NAME = re.compile(r"\d[\d.]*\+[0-9a-f]{8}")
_LEFT = re.compile(rf"\.{NAME.pattern}(\{LIVE_VENV})?\.new")


def build(places: Places, source: Path) -> tuple[Path, bool]:
    """Build the release of a clone unless it is there already; returns it, and whether it is new.

    Raises Trouble and leaves nothing behind.
    """
    final = places.releases / release_name(source)
    if final.is_dir():
        return final, False
    places.releases.mkdir(mode=0o755, parents=True, exist_ok=True)
    clear(places)
    with _away(places.releases / f".{final.name}.new") as new:
        say(f"building {final.name}")
        new.mkdir(mode=0o755)
        copy_program(source, new)
        _fill(source, new, final, places)
        manifest = Manifest(
            release=final.name,
            version=version_of(source),
            files=digests(new, files_below(new)),
        )
        manifest.write(new)
        _sync()
        new.rename(final)
    return final, True


def add_live(source: Path, release: Path) -> bool:
    """Add the exchange's own client to a release; returns whether it was not there yet."""
    final = release / LIVE_VENV
    if final.is_dir():
        return False
    with _away(release.parent / f".{release.name}{LIVE_VENV}.new") as new:
        new.mkdir(mode=0o755)
        _build_venv(source, new / LIVE_VENV, LIVE_LOCK)
        _settle(new, LIVE_VENV, new, release)
        (new / LIVE_VENV).rename(final)
    manifest = Manifest.read(release)
    added = [name for name in files_below(release) if name.startswith(f"{LIVE_VENV}/")]
    manifest.files.update(digests(release, added))
    manifest.write(release)
    return True


def clear(places: Places) -> None:
    """Remove what a killed installer left half built, or half removed."""
    for left in places.releases.glob(".*.new"):
        if left.is_dir() and not left.is_symlink() and _LEFT.fullmatch(left.name):
            shutil.rmtree(left)


def is_release(path: Path) -> bool:
    """Return whether a directory is one that `build` made, by its name and its manifest."""
    is_ours = bool(NAME.fullmatch(path.name)) and not path.is_symlink()
    return is_ours and (path / MANIFEST).is_file()


def built(places: Places) -> list[Path]:
    """Return every release; what else is beside them is somebody's own."""
    return sorted(filter(is_release, places.releases.glob("*")))


def remove(release: Path) -> None:
    """Remove a release."""
    # Under another name first: half a release must never pass for one.
    leaving = release.with_name(f".{release.name}.new")
    release.rename(leaving)
    shutil.rmtree(leaving)


def _fill(source: Path, new: Path, final: Path, places: Places) -> None:
    if not _copy_venv(places.release_of(places.current), new):
        _build_venv(source, new / VENV, LOCK)
    (_packages(new / VENV) / "polybot.pth").write_text(f"{final}\n")
    sample = run(
        new / VENV / "bin/python",
        "-P",
        "-m",
        "polybot.cli.main",
        *_SAMPLE,
        environ={
            "PYTHONPATH": str(new),
            "PYTHONSAFEPATH": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
        },
    )
    (new / "config/polybot.toml").write_text(sample)
    _settle(new, VENV, new, final)
    _compile(new, "polybot", final)


_SAMPLE = ("config", "schema", "--format", "toml")


def _copy_venv(earlier: Path | None, new: Path) -> bool:
    """Take the packages of the release in use when they are the same and as they were built."""
    if earlier is None or not _same(earlier / LOCK, new / LOCK):
        return False
    home = earlier / VENV
    with suppress(Trouble):
        manifest = Manifest.read(earlier)
        if not manifest.differences(earlier) and _packages(home).is_dir():
            say("  the packages are those of the release in use")
            shutil.copytree(home, new / VENV, symlinks=True)
            _repoint(new / VENV, earlier, new)
            return True
    return False


def _same(one: Path, other: Path) -> bool:
    return one.is_file() and one.read_bytes() == other.read_bytes()


def _build_venv(source: Path, directory: Path, lock: str) -> None:
    packages = (source / lock).read_text("utf-8").count("==")
    say(f"  installing the {packages} packages of {lock}, about a minute")
    run(
        source / ".ci/build-venv",
        "--bare",
        directory,
        lock,
        environ={
            **_PIP,
            "PYTHON": sys.executable,
        },
    )
    for stamp in (".home", ".setuptools.txt"):
        (directory / stamp).unlink(missing_ok=True)


def _settle(new: Path, name: str, root: Path, final: Path) -> None:
    """Make an environment say where it will be, and compile it."""
    _repoint(new / name, root, final)
    _compile(new, str(_packages(new / name).relative_to(new)), final)


def _repoint(venv: Path, old: Path, new: Path) -> None:
    """Rewrite the path of a release in the scripts and settings of its environment."""
    texts = [venv / "pyvenv.cfg", *(path for path in (venv / "bin").iterdir())]
    for path in texts:
        if path.is_file() and not path.is_symlink():
            path.write_bytes(path.read_bytes().replace(os.fsencode(old), os.fsencode(new)))


def _packages(venv: Path) -> Path:
    return venv / f"lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"


def _compile(new: Path, part: str, final: Path) -> None:
    # A package's files for other Pythons do not compile, which is no failure of ours.
    is_ours = part == "polybot"
    words = ("-m", "compileall", "-q", "-f", "-s", new, "-p", final, new / part)
    try:
        run(new / VENV / "bin/python" if is_ours else sys.executable, *words)
    except Trouble:
        if is_ours:
            raise


def _sync() -> None:
    # A power cut after the rename must not find half a release.
    os.sync()


@contextmanager
def _away(path: Path) -> Iterator[Path]:
    """Give a directory that is gone afterwards, unless it was renamed."""
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
