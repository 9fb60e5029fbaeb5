"""Compares an installation with what was installed, row by row."""

import json
import stat
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from polybot.extras.installer import units
from polybot.extras.installer.contents import Manifest
from polybot.extras.installer.places import COMMANDS, SERVICES, Places, service
from polybot.extras.installer.steps import Trouble, attempt, say

_SHOWN = 5


@dataclass(frozen=True)
class Row:
    """One check: what was found, and what to do about it ("" when nothing)."""

    check: str
    is_ok: bool
    detail: str
    fix: str = ""


def verify(places: Places, *, as_json: bool) -> bool:
    """Print the rows and return whether everything is as it was installed; raises Trouble."""
    release = places.release_of(places.current)
    if release is None:
        raise Trouble("expected an installation, was none; make install")
    rows = list(rows_of(places, release))
    if as_json:
        say(json.dumps([asdict(row) for row in rows], indent=2))
    else:
        for row in rows:
            say(f"{'ok  ' if row.is_ok else 'FAIL'}  {row.check}: {row.detail}")
            if row.fix:
                say(f"      {row.fix}")
    return all(row.is_ok for row in rows)


def rows_of(places: Places, release: Path) -> Iterator[Row]:
    """Yield every check."""
    yield from _release_rows(release)
    yield _commands_row(places)
    yield _units_row(places, release)
    yield _accepted_row(release)
    yield _enabled_row()
    yield from _directory_rows(places)
    yield from _process_rows(release)


def _release_rows(release: Path) -> Iterator[Row]:
    manifest = Manifest.read(release)
    different = manifest.differences(release)
    if different:
        more = f" and {len(different) - _SHOWN} more" if len(different) > _SHOWN else ""
        detail = ", ".join(different[:_SHOWN]) + more
        fix = f"remove {release}, then make install"
        yield Row("release", is_ok=False, detail=f"{release.name}: {detail}", fix=fix)
        return
    yield Row("release", is_ok=True, detail=f"{release.name}, {len(manifest.files)} files as built")


def _commands_row(places: Places) -> Row:
    wrong = [
        name
        for name in COMMANDS
        if (places.commands / name).resolve() != (places.current / "bin" / name).resolve()
    ]
    if wrong:
        return Row("commands", is_ok=False, detail=f"not ours: {', '.join(wrong)}", fix=_AGAIN)
    return Row("commands", is_ok=True, detail=", ".join(COMMANDS))


_AGAIN = "make install"


def _units_row(places: Places, release: Path) -> Row:
    wanted = units.unit_files(release)
    found = {path.relative_to(places.units).as_posix() for path in units.installed(places)}
    wrong = sorted(found ^ wanted.keys())
    wrong += [
        name
        for name in sorted(found & wanted.keys())
        if (places.units / name).read_bytes() != wanted[name].read_bytes()
    ]
    if wrong:
        detail = f"not as installed: {', '.join(wrong)}"
        return Row("units", is_ok=False, detail=detail, fix=f"{_AGAIN}; systemctl edit is for own")
    return Row("units", is_ok=True, detail=f"{len(wanted)} files as installed")


def _accepted_row(release: Path) -> Row:
    try:
        units.verify(release)
    except Trouble as trouble:
        return Row("systemd-analyze", is_ok=False, detail=str(trouble))
    return Row("systemd-analyze", is_ok=True, detail="systemd accepts the units")


def _enabled_row() -> Row:
    states = attempt("systemctl", "is-enabled", *units.ENABLED).stdout.split()
    off = [name for name, state in zip(units.ENABLED, states, strict=False) if state != "enabled"]
    if off:
        fix = f"systemctl enable {' '.join(off)}"
        return Row("start with the machine", is_ok=False, detail=f"off: {', '.join(off)}", fix=fix)
    return Row("start with the machine", is_ok=True, detail=f"{len(states)} units enabled")


def _directory_rows(places: Places) -> Iterator[Row]:
    modes = ((places.state, 0o2770), (places.runtime, 0o2770), (places.configuration, 0o750))
    for path, mode in modes:
        found = stat.S_IMODE(path.stat().st_mode) if path.is_dir() else 0
        detail = f"mode {found:o}, expected {mode:o}" if found != mode else f"mode {mode:o}"
        fix = f"systemd-tmpfiles --create {places.tmpfiles}" if found != mode else ""
        yield Row(str(path), is_ok=found == mode, detail=detail, fix=fix)


def _process_rows(release: Path) -> Iterator[Row]:
    for name in SERVICES:
        pid = units.process_of(name)
        if not pid:
            yield Row(service(name), is_ok=True, detail="not running")
        elif runs_from(Path(f"/proc/{pid}/maps"), release):
            yield Row(service(name), is_ok=True, detail=f"runs the current release, pid {pid}")
        else:
            fix = f"systemctl restart {service(name)}"
            yield Row(service(name), is_ok=False, detail="runs another release", fix=fix)


def runs_from(maps: Path, release: Path) -> bool:
    """Return whether a process has libraries of a release in its memory (proc(5), maps)."""
    try:
        return f" {release}/" in maps.read_text("utf-8", errors="replace")
    except OSError:
        return False
