"""`polybot backup`: a floor's whole state in one file, taken while it runs, and the way back."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from polybot.adapters.clock import SystemClock
from polybot.cli.exits import CommandError, Exit, Refused, Usage
from polybot.cli.identity import give_back, is_service_floor
from polybot.cli.options import Json, examples
from polybot.cli.output import moment, plural, say, show_json, warn
from polybot.cli.processes import floor_processes, floor_runs, how_to_start
from polybot.config.load import LoadedConfig, load
from polybot.ports import Clock

if TYPE_CHECKING:
    from polybot.bootstrap.backup.manifest import Manifest

app = typer.Typer(rich_markup_mode="markdown", no_args_is_help=True)

_MEBIBYTE = 1 << 20
# Somebody who waits longer than this wants to know how far it is.
_TELL_NS = 2_000_000_000
_LEFT_OUT = ("tape", "archive", "requests")

File = Annotated[Path, typer.Argument(help="The backup's file.", show_default=False)]


@app.command(
    epilog=examples(
        "polybot backup create",
        "polybot backup create --out /mnt/usb/before-upgrade.tar.zst",
        "polybot backup create --without tape --without archive --keep 30",
    )
)
def create(
    *,
    out: Annotated[
        Path | None, typer.Option(help="The file; default a dated one in STATE/backups.")
    ] = None,
    without: Annotated[
        list[str] | None,
        typer.Option(help="Leave out what only looks back: tape, archive or requests."),
    ] = None,
    keep: Annotated[
        int | None,
        typer.Option(
            help="Of the dated files keep the newest so many; 0: all. [default: backup.keep, 7]",
            min=0,
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Back up the floor's state, running or not, to one file for this user alone.

    Database, journals, checkpoints, fence and play wallet, and the configuration for reference. A
    private key in `.env` is not in it. The file is read back and checked before the command ends;
    while it is not fit, no older one is removed.
    """
    from polybot.bootstrap.backup.create import Source, create  # noqa: PLC0415
    from polybot.bootstrap.backup.dated import beyond, dated_backups, dated_path  # noqa: PLC0415

    loaded = load(join_floor=True, keyless=True)
    left_out = frozenset(without or ())
    if unknown := left_out - set(_LEFT_OUT):
        raise Usage(f"expected --without {', '.join(_LEFT_OUT)}, was {', '.join(sorted(unknown))}")
    clock = SystemClock()
    state_dir, floor = loaded.locations.state_dir, loaded.locations.floor
    target = out or dated_path(state_dir, floor, clock.now_ns())
    if target.exists():
        raise Usage(f"expected no file at {target}, there is one; name another")
    source = Source(
        state_dir=_state(loaded),
        floor=loaded.locations.floor,
        config=loaded.locations.config_path,
        without=left_out,
    )
    with _given_back(loaded):
        manifest = create(source, target, clock, _Progress(clock, "read"))
        found = _examined(target, clock)
    # An unfit one must not push out an older one that is fit.
    if out is None and not found:
        kept = loaded.config.backup.keep if keep is None else keep
        for older in beyond(dated_backups(state_dir, floor), kept):
            older.path.unlink(missing_ok=True)
    _say_made(target, manifest, found, as_json=as_json)
    if found:
        raise typer.Exit(Exit.ERROR)


@app.command(epilog=examples("polybot backup verify polybot-live-2026-11-21T0215Z.tar.zst"))
def verify(file: File, *, as_json: Json = False) -> None:
    """Read a backup to its end, and say whether a floor could go on from it.

    Every byte is held against the manifest, every journal and the database are checked, as a
    restore does; nothing is kept. Exit code 1 when it is not fit.
    """
    from polybot.bootstrap.backup.restore import examine  # noqa: PLC0415

    clock = SystemClock()
    examined = examine(_existing(file), _Progress(clock, "checked"))
    if as_json:
        show_json({**_document(file, examined.manifest), "problems": list(examined.problems)})
    else:
        say(_sentence(examined.manifest))
        for problem in examined.problems:
            say(problem)
        say("not fit to go on from" if examined.problems else "whole: a floor can go on from it")
    if examined.problems:
        raise typer.Exit(Exit.ERROR)


@app.command(
    epilog=examples(
        "polybot backup restore polybot-live-2026-11-21T0215Z.tar.zst",
        "POLYBOT_STATE_DIR=~/elsewhere polybot backup restore last.tar.zst",
    )
)
def restore(file: File, *, as_json: Json = False) -> None:
    """Put a backup into this floor's state directory, which must be empty and unused.

    The configuration stays as it is, and the floor is not armed. What the wallet did since the
    backup was made counts as somebody else's; orders of that time that still rest halt trading
    until `polybot adopt` or `polybot cancel-all --all-wallet`.
    """
    from polybot.bootstrap.backup.restore import restore  # noqa: PLC0415

    loaded = load(keyless=True)
    if floor_runs(loaded.locations.runtime_dir):
        raise Refused("expected no floor to run here, one does; run: polybot stop")
    if is_service_floor(loaded.locations) and floor_processes(loaded.locations.runtime_dir):
        raise Refused("expected no service to run, some do; run: polybot stop")
    state_dir = loaded.locations.state_dir
    clock = SystemClock()
    with _given_back(loaded):
        manifest = restore(_existing(file), state_dir, _Progress(clock, "restored"))
    if manifest.floor != loaded.locations.floor:
        warn(
            f"the backup is of a {manifest.floor} floor, this configuration says "
            f"{loaded.locations.floor}: the start is refused until they agree"
        )
    if as_json:
        show_json({**_document(file, manifest), "state_dir": str(state_dir)})
        return
    say(_sentence(manifest))
    say(f"restored into {state_dir}; not armed")
    say(f"next: {how_to_start()}, then polybot status and polybot audit")


@contextmanager
def _given_back(loaded: LoadedConfig) -> Iterator[None]:
    """Let root work in the service's state directory: what it leaves there is the service's.

    Root stays root for a backup whose file a person named: only root may get at that.
    """
    try:
        yield
    finally:
        if is_service_floor(loaded.locations):
            give_back(loaded.locations.state_dir)


class _Progress:
    """Says now and then how many bytes went through."""

    def __init__(self, clock: Clock, verb: str) -> None:
        self._clock, self._verb = clock, verb
        self._next_ns = clock.monotonic_ns() + _TELL_NS

    def __call__(self, size_bytes: int) -> None:
        now = self._clock.monotonic_ns()
        if now >= self._next_ns:
            self._next_ns = now + _TELL_NS
            warn(f"{self._verb} {size_bytes // _MEBIBYTE:,} MiB")


def _examined(target: Path, clock: Clock) -> tuple[str, ...]:
    from polybot.bootstrap.backup.restore import examine  # noqa: PLC0415

    return examine(target, _Progress(clock, "checked")).problems


def _state(loaded: LoadedConfig) -> Path:
    state_dir = loaded.locations.state_dir
    if not loaded.locations.journals():
        raise CommandError(f"expected a floor's state in {state_dir}, was none; nothing to back up")
    return state_dir


def _existing(file: Path) -> Path:
    if not file.is_file():
        raise Usage(f"expected a backup at {file}, was none")
    return file


def _say_made(target: Path, manifest: "Manifest", found: tuple[str, ...], *, as_json: bool) -> None:
    if as_json:
        show_json({**_document(target, manifest), "problems": list(found)})
        return
    packed = target.stat().st_size / _MEBIBYTE
    say(f"{target}: {packed:.1f} MiB, {_sentence(manifest)}")
    for problem in found:
        say(problem)
    if found:
        say("not fit to go on from; no older backup was removed")
    else:
        say("read back and checked: a floor can go on from it")


def _sentence(manifest: "Manifest") -> str:
    size = sum(file.size_bytes for file in manifest.files) / _MEBIBYTE
    return (
        f"{plural(len(manifest.files), 'file')} ({size:,.1f} MiB) of a {manifest.floor} floor, "
        f"made {moment(manifest.created_ns)} by polybot {manifest.program}"
    )


def _document(file: Path, manifest: "Manifest") -> dict[str, Any]:
    return {
        "file": str(file),
        "created_ns": manifest.created_ns,
        "program": manifest.program,
        "floor": manifest.floor,
        "files": len(manifest.files),
        "size_bytes": sum(each.size_bytes for each in manifest.files),
        "packed_bytes": file.stat().st_size,
    }
