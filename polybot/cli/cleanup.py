"""`polybot cleanup`: removes what is safe to remove from the state, beside a running floor."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from polybot.adapters.clock import SystemClock
from polybot.cli.exits import CommandError, Exit, Refused
from polybot.cli.options import Json
from polybot.cli.output import plural, say, show_json, warn
from polybot.config.load import load

if TYPE_CHECKING:
    from polybot.bootstrap.cleanup.cleaner import Cleaned

EXAMPLES = ("polybot cleanup --dry-run", "polybot cleanup", "polybot cleanup --json")

_MEBIBYTE = 1 << 20
_TELL_BYTES = 1 << 30
_NAMES = {
    "archive": "archived journal segment",
    "backup": "backup",
    "requests": "request log",
    "tape": "tape",
    "unfinished": "unfinished file",
}

DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be removed.")]


def cleanup(*, dry_run: DryRun = False, as_json: Json = False) -> None:
    """Remove what is safe to remove from the state directory; the floor may run meanwhile.

    Archived journal that a whole backup holds byte for byte, dated backups beyond `backup.keep`,
    tapes and request logs over their caps, what killed processes left half written; the database's
    log is written back. Journals, checkpoints and wallet are never touched. Exit code 1 when
    something could not be removed, or the directory is not this user's to change.
    """
    from polybot.bootstrap.cleanup.cleaner import NotOurs, clean  # noqa: PLC0415

    loaded = load(join_floor=True, keyless=True)
    try:
        cleaned = clean(
            loaded, now_ns=SystemClock().now_ns(), dry_run=dry_run, told=_Progress().told
        )
    except NotOurs as error:
        raise Refused(str(error)) from error
    except OSError as error:
        raise CommandError(f"cannot look through {loaded.locations.state_dir}: {error}") from error
    if as_json:
        show_json(as_document(cleaned, dry_run=dry_run))
    else:
        _say(cleaned, dry_run=dry_run)
    for problem in cleaned.problems:
        warn(f"polybot: {problem}")
    if cleaned.problems:
        raise typer.Exit(Exit.ERROR)


def as_document(cleaned: "Cleaned", *, dry_run: bool) -> dict[str, Any]:
    """Return a cleanup as JSON values."""
    return {
        "dry_run": dry_run,
        "removed": [
            {
                "kind": finding.kind,
                "path": str(finding.path),
                "size_bytes": finding.size_bytes,
                "why": finding.why,
            }
            for finding in cleaned.removed
        ],
        "log_bytes": cleaned.log_bytes,
        "freed_bytes": cleaned.freed_bytes,
        "notes": list(cleaned.notes),
        "problems": list(cleaned.problems),
    }


class _Progress:
    """Says now and then how much of a backup was read."""

    def __init__(self) -> None:
        self._next = _TELL_BYTES

    def told(self, size_bytes: int) -> None:
        """Hear the bytes read so far; a next backup begins at none again."""
        if size_bytes < self._next - _TELL_BYTES:
            self._next = _TELL_BYTES
        if size_bytes >= self._next:
            self._next = size_bytes + _TELL_BYTES
            warn(f"read {size_bytes // _MEBIBYTE:,} MiB of a backup")


def _say(cleaned: "Cleaned", *, dry_run: bool) -> None:
    from polybot.bootstrap.cleanup.cleaner import by_kind  # noqa: PLC0415

    verb = "would remove" if dry_run else "removed"
    for finding in cleaned.removed:
        say(f"{verb}  {finding.path}  {_mebibytes(finding.size_bytes)}: {finding.why}")
    for note in cleaned.notes:
        say(note)
    if cleaned.log_bytes:
        say(f"the database's log is {_mebibytes(cleaned.log_bytes)} shorter")
    kinds = [plural(count, _NAMES[kind]) for kind, count, _ in by_kind(cleaned.removed)]
    what = ", ".join(kinds) or "nothing"
    say(f"{verb} {what}; {_mebibytes(cleaned.freed_bytes)} {'to free' if dry_run else 'freed'}")


def _mebibytes(size_bytes: int) -> str:
    return f"{size_bytes / _MEBIBYTE:.1f} MiB"
