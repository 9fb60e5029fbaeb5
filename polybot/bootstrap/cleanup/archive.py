"""Which archived journal a backup holds: the same bytes, in a file that was read to its end."""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

from polybot.bootstrap.backup.contents import LEDGER
from polybot.bootstrap.backup.dated import dated_backups
from polybot.bootstrap.backup.manifest import BackupDamaged, Manifest
from polybot.bootstrap.backup.unpack import read_manifest
from polybot.bootstrap.cleanup.findings import Finding
from polybot.config.load import LoadedConfig
from polybot.runtime.journal_archive import archived_segments

# What is in none of the newest few is in none that is worth reading for it.
_MOST_READ = 3


def archived(
    loaded: LoadedConfig, told: Callable[[int], None], notes: list[str]
) -> Iterator[Finding]:
    """Yield the archived segments that a whole backup holds byte for byte, with the database.

    Only backups that stay are asked, newest first. `notes` gets a sentence about what is kept.
    """
    state_dir = loaded.locations.state_dir
    waiting = {
        segment.path.relative_to(state_dir).as_posix(): segment.path
        for directory in loaded.locations.journals().values()
        for segment in archived_segments(directory)
    }
    if not waiting:
        return
    if (loaded.locations.ledger_path.parent / "rebuilding").exists():
        notes.append("the archive is kept whole: the database is being rebuilt from it")
        return
    for backup, manifest in _whole_backups(loaded, told, notes):
        listed = {file.path: file for file in manifest.files}
        if LEDGER not in listed:
            continue
        for name, path in sorted(waiting.items()):
            if name in listed and _is_same(path, listed[name].sha256):
                del waiting[name]
                why = f"the backup {backup.name} holds it"
                yield Finding("archive", path, listed[name].size_bytes, why)
    if waiting:
        size = sum(path.stat().st_size for path in waiting.values() if path.exists())
        notes.append(
            f"{len(waiting)} archived journal segments ({size / (1 << 20):.1f} MiB) stay: no whole "
            "backup holds them; run: polybot backup create"
        )


def _whole_backups(
    loaded: LoadedConfig, told: Callable[[int], None], notes: list[str]
) -> Iterator[tuple[Path, Manifest]]:
    """Yield the newest backups of this floor that are whole, with what they say of themselves."""
    floor = loaded.locations.floor
    keep = loaded.config.backup.keep
    found = dated_backups(loaded.locations.state_dir, floor)
    stays = found[-keep:] if keep else found
    for backup in stays[: -_MOST_READ - 1 : -1]:
        try:
            manifest = read_manifest(backup.path, told)
        except BackupDamaged as error:
            notes.append(f"a backup is worth nothing: {error}")
            continue
        if manifest.floor == floor:
            yield backup.path, manifest


def _is_same(path: Path, sha256: str) -> bool:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == sha256
    except FileNotFoundError:
        # Over the cap meanwhile.
        return False
