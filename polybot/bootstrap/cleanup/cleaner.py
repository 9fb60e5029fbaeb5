"""Carries a cleanup out: finds, removes one thing after the other, and tells what came of it."""

import os
import pwd
import shutil
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path

import msgspec

from polybot.adapters.storage.upkeep import tidy
from polybot.bootstrap.cleanup.archive import archived
from polybot.bootstrap.cleanup.findings import (
    Finding,
    old_backups,
    old_request_logs,
    old_tapes,
    unfinished,
)
from polybot.config.load import LoadedConfig
from polybot.errors import PolybotError, StorageError
from polybot.runtime.disk import storage_error, sync_directory

_FLOOR_NAME = "floor"


class NotOurs(PolybotError):
    """A directory that a cleanup must not touch: another user's, or another floor's."""


class Cleaned(msgspec.Struct, frozen=True, kw_only=True):
    """What was removed, or would be; `log_bytes` is what the database's log became shorter.

    `notes` are sentences about what was kept, and `problems` about what could not be done.
    """

    removed: tuple[Finding, ...] = ()
    log_bytes: int = 0
    notes: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()

    @property
    def freed_bytes(self) -> int:
        """The space that is free now."""
        return self.log_bytes + sum(finding.size_bytes for finding in self.removed)


def clean(
    loaded: LoadedConfig, *, now_ns: int, dry_run: bool, told: Callable[[int], None]
) -> Cleaned:
    """Remove what is safe to remove, beside a running floor or without one.

    With `dry_run` nothing changes. `told` hears the bytes read of a backup. One thing that cannot
    be removed is a problem and keeps nothing else. Raises NotOurs, StorageError when the state
    directory is not this user's to change.
    """
    state_dir = loaded.locations.state_dir
    _require_own(loaded)
    if not loaded.locations.journals():
        return Cleaned(notes=(f"nothing to clean up: no floor has run in {state_dir} yet",))
    notes: list[str] = []
    problems: list[str] = []
    # Drafts first, then backups: only those that stay may stand for the archive.
    found = chain(
        unfinished(state_dir, now_ns),
        old_backups(loaded),
        old_tapes(loaded),
        old_request_logs(loaded),
        archived(loaded, told, notes),
    )
    removed = tuple(finding for finding in found if dry_run or _is_removed(finding, problems))
    log_bytes = 0 if dry_run else _tidied(loaded.locations.ledger_path, problems)
    return Cleaned(
        removed=removed, log_bytes=log_bytes, notes=tuple(notes), problems=tuple(problems)
    )


def _require_own(loaded: LoadedConfig) -> None:
    state_dir = loaded.locations.state_dir
    if not state_dir.is_dir():
        return
    owner = state_dir.stat().st_uid
    if owner != os.geteuid():
        name = _user_name(owner)
        raise NotOurs(
            f"expected {state_dir} to belong to this user, was {name}'s; run: "
            f"sudo -u {name} polybot cleanup"
        )
    if not os.access(state_dir, os.W_OK | os.X_OK, effective_ids=True):
        raise StorageError(
            f"cannot write {state_dir}: it is read-only; make it writable for this user, or mount "
            "its disk writable (see `dmesg` for why it is not)"
        )
    told = state_dir / _FLOOR_NAME
    floor = told.read_text("utf-8").strip() if told.is_file() else ""
    if floor and floor != loaded.locations.floor:
        raise NotOurs(
            f"expected {state_dir} to hold the state of a {loaded.locations.floor} floor, was that "
            f"of {floor}; nothing was removed"
        )


def _user_name(user_id: int) -> str:
    try:
        return pwd.getpwuid(user_id).pw_name
    except KeyError:
        return f"#{user_id}"


def _is_removed(finding: Finding, problems: list[str]) -> bool:
    try:
        if finding.path.is_dir():
            shutil.rmtree(finding.path)
        else:
            finding.path.unlink()
        sync_directory(finding.path.parent)
    except FileNotFoundError:
        # Its owner was faster.
        return False
    except OSError as error:
        problems.append(f"not removed: {storage_error(error, finding.path)}")
        return False
    return True


def _tidied(ledger: Path, problems: list[str]) -> int:
    if not ledger.exists() or (ledger.parent / "rebuilding").exists():
        return 0
    try:
        return tidy(ledger)
    except StorageError as error:
        problems.append(str(error))
        return 0


def by_kind(removed: tuple[Finding, ...]) -> Iterator[tuple[str, int, int]]:
    """Yield each kind with how many of it were removed, and their bytes."""
    for kind in dict.fromkeys(finding.kind for finding in removed):
        sizes = [finding.size_bytes for finding in removed if finding.kind == kind]
        yield kind, len(sizes), sum(sizes)
