"""Which files of a state directory belong to a backup, in the order that keeps them consistent.

The floor may run meanwhile, so what refers to something is copied before that: the database before
the journals whose events it holds, checkpoints before the journals they continue, and the simulated
exchange's books after the trader's, as the real one is always ahead of a backup.
"""

from collections.abc import Iterator
from pathlib import Path

from polybot.bootstrap.backup.manifest import BACKUPS_NAME

LEDGER = "tracker/ledger.sqlite"
# Made again at each start, or part of the database, which is copied by its own means.
_MADE_AGAIN = (
    "journal.spare",
    "journal.reserve",
    "journal.lock",
    "fence.spare",
    "starts.json",
    "ledger.sqlite-wal",
    "ledger.sqlite-shm",
)
_UNFINISHED = (".tmp", ".part")
# What a person may leave out: large, and needed to look back, not to go on.
OPTIONAL = {
    "tape": ("trader/tape/",),
    "archive": ("/archive/",),
    "requests": ("simulator/requests",),
}


def files_in_order(state_dir: Path, without: frozenset[str]) -> Iterator[str]:
    """Yield the paths to copy after the database, relative to the state directory.

    Each group is listed when the one before it is done: what came meanwhile is seen.
    """
    yield from sorted(_checkpoints(state_dir))
    journals = sorted(_journals(state_dir))
    yield from (path for path in journals if not path.startswith("simulator/"))
    yield from (path for path in journals if path.startswith("simulator/"))
    done = {LEDGER, *_checkpoints(state_dir), *_journals(state_dir)}
    for path in sorted(_relative(state_dir, state_dir.rglob("*"))):
        if path not in done and not _is_left_out(path, without):
            yield path


def _checkpoints(state_dir: Path) -> set[str]:
    return set(_relative(state_dir, state_dir.rglob("checkpoint-*.json")))


def _journals(state_dir: Path) -> set[str]:
    return set(_relative(state_dir, state_dir.rglob("journal-*.log")))


def _relative(state_dir: Path, found: Iterator[Path]) -> Iterator[str]:
    for path in found:
        name = path.relative_to(state_dir).as_posix()
        # Drafts that a killed backup or restore left are worth nothing.
        is_draft = any(part.startswith(".") for part in name.split("/"))
        is_backup = name.split("/", 1)[0] == BACKUPS_NAME
        if not is_draft and not is_backup and path.is_file() and not path.is_symlink():
            yield name


def _is_left_out(path: str, without: frozenset[str]) -> bool:
    name = path.rpartition("/")[2]
    if name in _MADE_AGAIN or name.endswith(_UNFINISHED):
        return True
    return any(part in f"/{path}" for kind in without for part in OPTIONAL[kind])
