"""What a cleanup may remove, found by rules that hold while the floor runs.

Journals, checkpoints, the fence, the wallet's files and the database are never named here: each
rule looks for the names of its own kind of file only.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import msgspec

from polybot.bootstrap.backup.dated import beyond, dated_backups
from polybot.config.load import LoadedConfig
from polybot.runtime.tape import list_tapes
from polybot.simulator.api.request_log import FILE_NAME, OLDER_NAME

MEBIBYTE = 1 << 20
# Nobody takes longer over one file: a backup of gigabytes is written in minutes.
UNFINISHED_NS = 6 * 3600 * 1_000_000_000

# Drafts of journal, checkpoint, archive and backup, and of `config.private_files`.
_UNFINISHED = re.compile(r".+\.(tmp|part)|\..+\.[0-9a-f]{16}")
# Directories that an interrupted backup, restore or upgrade (`cli.trial`) leaves.
_DRAFTS = (".backup-", ".restoring-", ".trial-")


class Finding(msgspec.Struct, frozen=True):
    """A file, or a draft's directory, that may go; `why` in words."""

    kind: str
    path: Path
    size_bytes: int
    why: str


def unfinished(state_dir: Path, now_ns: int) -> Iterator[Finding]:
    """Yield what a killed process left half written, unless somebody may still be at it."""
    for path in sorted(state_dir.rglob("*")):
        is_draft = path.is_dir() and path.name.startswith(_DRAFTS)
        if path.is_symlink() or any(part.name.startswith(_DRAFTS) for part in path.parents):
            continue
        if not is_draft and not (path.is_file() and _UNFINISHED.fullmatch(path.name)):
            continue
        size_bytes, touched_ns = _measure(path)
        if now_ns - touched_ns >= UNFINISHED_NS:
            yield Finding("unfinished", path, size_bytes, "left half written by a killed process")


def old_backups(loaded: LoadedConfig) -> Iterator[Finding]:
    """Yield the dated backups beyond those that are kept."""
    keep = loaded.config.backup.keep
    found = dated_backups(loaded.locations.state_dir, loaded.locations.floor)
    for backup in beyond(found, keep):
        why = f"older than the newest {keep} (backup.keep)"
        yield Finding("backup", backup.path, _size(backup.path), why)


def old_tapes(loaded: LoadedConfig) -> Iterator[Finding]:
    """Yield the oldest tapes above the cap; the newest, which may be written, stays."""
    cap_mb = loaded.config.trader.tape_cap_mb
    tapes = list_tapes(loaded.locations.process_dir("trader") / "tape")
    sizes = {path: _size(path) for path in tapes}
    total = sum(sizes.values())
    for path in tapes[:-1]:
        if total <= cap_mb * MEBIBYTE:
            return
        total -= sizes[path]
        why = f"the tape is over its {cap_mb} MiB (trader.tape_cap_mb)"
        yield Finding("tape", path, sizes[path], why)


def old_request_logs(loaded: LoadedConfig) -> Iterator[Finding]:
    """Yield journals of requests that nobody writes any more, or that are over their cap."""
    directory = loaded.locations.process_dir("simulator")
    cap_mb = loaded.config.simulator.request_log_mb
    paths = [path for name in (OLDER_NAME, FILE_NAME) if (path := directory / name).is_file()]
    if loaded.config.mode == "live" or not cap_mb:
        for path in paths:
            why = "no simulated exchange writes it in this configuration"
            yield Finding("requests", path, _size(path), why)
        return
    older = directory / OLDER_NAME
    if older in paths and sum(map(_size, paths)) > cap_mb * MEBIBYTE:
        why = f"the requests are over their {cap_mb} MiB (simulator.request_log_mb)"
        yield Finding("requests", older, _size(older), why)


def _measure(path: Path) -> tuple[int, int]:
    """Return the size and the newest change of a file, or of a directory with all it holds."""
    size_bytes = touched_ns = 0
    for each in (path, *path.rglob("*")) if path.is_dir() else (path,):
        try:
            told = each.lstat()
        except FileNotFoundError:
            continue
        touched_ns = max(touched_ns, told.st_mtime_ns)
        size_bytes += 0 if each.is_dir() else told.st_size
    return size_bytes, touched_ns


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        # Its owner removed it meanwhile.
        return 0
