"""What belongs to a release: its files, its name, and the manifest that tells a changed one."""

import hashlib
import json
import os
import re
import shutil
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from polybot.extras.installer.steps import Trouble

MANIFEST = "RELEASE"
# No Makefile and no setup.cfg: by those polybot knows a clone.
PARTS = (
    *("polybot", "bin", "config", "systemd", "docs"),
    *("requirements.txt", "README.md", "CHANGELOG.md", "LICENSE"),
)
# What else is there is a person's, also in a clone: the configuration, copies of it, secrets. A
# release gets the sample from its own program.
_CONFIG = (
    *("config/faults.toml", "config/polybot.env.example", "config/supervisord.conf"),
    *("config/requirements-live.in", "config/requirements-live.txt"),
)
_LEFT_OUT_NAMES = ("__pycache__", "_build")
_VERSION = re.compile(r'^__version__ = "([0-9]+(?:\.[0-9]+)*)"$', re.MULTILINE)
_DIGITS = 8


@dataclass(frozen=True)
class Manifest:
    """What a release was when it was built: name, version, and each file's SHA-256 by its path."""

    release: str
    version: str
    files: dict[str, str]

    @classmethod
    def read(cls, release: Path) -> "Manifest":
        """Read a release's own; raises Trouble when it is missing or damaged."""
        path = release / MANIFEST
        try:
            return cls(**json.loads(path.read_text("utf-8")))
        except (OSError, ValueError, TypeError) as error:
            raise Trouble(f"expected a release's manifest at {path}: {error}") from error

    def write(self, release: Path) -> None:
        """Write it into a release."""
        told = json.dumps(vars(self), indent=1, sort_keys=True)
        (release / MANIFEST).write_text(told + "\n", "utf-8")

    def differences(self, release: Path) -> list[str]:
        """Return what is not as it was built, at most a line for each file."""
        found = digests(release, files_below(release))
        missing = [f"{name} is missing" for name in self.files.keys() - found.keys()]
        changed = [
            f"{name} was {'changed' if name in self.files else 'added'}"
            for name, digest in found.items()
            if self.files.get(name) != digest
        ]
        return sorted(missing + changed)


def program_files(source: Path) -> list[str]:
    """Return the paths of the files of a clone that belong to a release; raises Trouble."""
    found = [name for part in PARTS for name in _below(source, source / part)]
    if absent := [part for part in PARTS if not (source / part).exists()]:
        raise Trouble(f"expected a whole clone in {source}, was without {', '.join(absent)}")
    return sorted(name for name in found if not name.startswith("config/") or name in _CONFIG)


def files_below(release: Path) -> list[str]:
    """Return the paths of everything in a release but its manifest; a link counts as a file."""
    found = []
    for directory, names, files in os.walk(release):
        linked = [name for name in names if (Path(directory) / name).is_symlink()]
        found += [(Path(directory) / name).relative_to(release).as_posix() for name in files]
        found += [(Path(directory) / name).relative_to(release).as_posix() for name in linked]
    return sorted(name for name in found if name != MANIFEST)


def digests(root: Path, names: Iterable[str]) -> dict[str, str]:
    """Return the SHA-256 of each file, of a link that of where it leads."""
    return {name: _digest(root / name) for name in names}


def version_of(source: Path) -> str:
    """Return the version a clone says it is; raises Trouble."""
    path = source / "polybot/__init__.py"
    found = _VERSION.search(path.read_text("utf-8")) if path.is_file() else None
    if found is None:
        raise Trouble(f"expected a version in {path}, was none")
    return found.group(1)


def release_name(source: Path) -> str:
    """Return `<version>+<8 digits>`; the digits change with any file, and with Python's version."""
    # A virtual environment is of no use to another Python: a new one makes a new release.
    whole = hashlib.sha256(f"{sys.version_info.major}.{sys.version_info.minor}".encode())
    for name, digest in digests(source, program_files(source)).items():
        whole.update(f"\n{name} {digest}".encode())
    return f"{version_of(source)}+{whole.hexdigest()[:_DIGITS]}"


def copy_program(source: Path, target: Path) -> None:
    """Copy a clone's program; whatever the clone's modes are, everybody reads and root writes."""
    for name in program_files(source):
        path = target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / name, path)
        path.chmod(0o755 if name.startswith("bin/") else 0o644)


def as_numbers(version: str) -> tuple[int, ...]:
    """Return a version, such as 0.2.0, in a form that compares."""
    return tuple(int(part) for part in version.split("."))


def _below(source: Path, part: Path) -> Iterator[str]:
    paths = [part] if part.is_file() else sorted(part.rglob("*"))
    for path in paths:
        inner = path.relative_to(source)
        hidden = any(name.startswith(".") or name in _LEFT_OUT_NAMES for name in inner.parts)
        if path.is_file() and not hidden and path.suffix != ".pyc":
            yield inner.as_posix()


def _digest(path: Path) -> str:
    if path.is_symlink():
        return hashlib.sha256(b"-> " + os.fsencode(path.readlink())).hexdigest()
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
