"""The backups a floor makes by itself: dated files in its state directory, the newest kept."""

import re
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from polybot.bootstrap.backup.manifest import BACKUPS_NAME, SUFFIX

_FORM = "%Y-%m-%dT%H%M%SZ"
_NS = 1_000_000_000


class DatedBackup(msgspec.Struct, frozen=True):
    """One dated file; `made_ns` is the wall time its name says, in whole seconds."""

    path: Path
    made_ns: int


def dated_path(state_dir: Path, floor: str, now_ns: int) -> Path:
    """Return the path of a backup that is made at a wall time."""
    when = datetime.fromtimestamp(now_ns // _NS, UTC).strftime(_FORM)
    return state_dir / BACKUPS_NAME / f"polybot-{floor}-{when}{SUFFIX}"


def dated_backups(state_dir: Path, floor: str) -> list[DatedBackup]:
    """Return a floor's dated backups, oldest first; other files are none of them."""
    name = re.compile(
        rf"polybot-{re.escape(floor)}-(\d{{4}}-\d\d-\d\dT\d{{6}}Z){re.escape(SUFFIX)}"
    )
    named = (
        (path, name.fullmatch(path.name)) for path in (state_dir / BACKUPS_NAME).glob(f"*{SUFFIX}")
    )
    found = [
        DatedBackup(path, made_ns)
        for path, told in named
        if told and (made_ns := _moment_ns(told[1]))
    ]
    return sorted(found, key=lambda backup: backup.made_ns)


def beyond(backups: list[DatedBackup], keep: int) -> list[DatedBackup]:
    """Return those that are not among the newest so many; none where `keep` is 0."""
    return backups[:-keep] if keep else []


def _moment_ns(text: str) -> int:
    try:
        return int(datetime.strptime(text, _FORM).replace(tzinfo=UTC).timestamp()) * _NS
    except ValueError:
        # Digits that are no date: a person's own name for a file.
        return 0
