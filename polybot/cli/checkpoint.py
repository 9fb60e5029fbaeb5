"""`polybot checkpoint`: what a process would restart from."""

import json
from pathlib import Path
from typing import Annotated

import typer

from polybot.cli.exits import CommandError, Unknown
from polybot.cli.options import Json, Process, examples
from polybot.cli.output import moment, say, show_json
from polybot.config.load import load
from polybot.config.locations import PROCESSES
from polybot.runtime.checkpoint import Checkpoint, read_checkpoint

app = typer.Typer(
    help="See what a process would restart from.", no_args_is_help=True, rich_markup_mode="markdown"
)


@app.command(epilog=examples("polybot checkpoint show trader"))
def show(
    process: Process,
    all_kept: Annotated[bool, typer.Option("--all", help="Every kept one, newest first.")] = False,
    as_json: Json = False,
) -> None:
    """Show the newest checkpoint of a process; a damaged one is named, the one before is used."""
    locations = load(join_floor=True, keyless=True).locations
    # What the simulator restarts from is its exchange's books.
    directory = locations.books_dir if process == "simulator" else locations.process_dir(process)
    paths = sorted(directory.glob("checkpoint-*.json"), key=_seq_of, reverse=True)
    if process not in PROCESSES or not paths:
        raise Unknown(f"expected a process with checkpoints, was {process!r} ({directory})")
    read = [(path, read_checkpoint(path)) for path in paths]
    usable = [(path, found) for path, found in read if isinstance(found, Checkpoint)]
    if as_json:
        show_json([_described(path, found) for path, found in (read if all_kept else usable[:1])])
    else:
        for path, found in read:
            if isinstance(found, str):
                say(f"unusable: {found}")
            elif all_kept or path == usable[0][0]:
                _say_one(path, found)
    if not usable:
        raise CommandError(f"expected a usable checkpoint in {directory}, was none")


def _say_one(path: Path, found: Checkpoint) -> None:
    say(f"{path.name}: seq {found.seq}, schema {found.schema}, saved {moment(found.saved_ns)}")
    say(json.dumps(json.loads(found.state), indent=2, ensure_ascii=False))


def _described(path: Path, found: Checkpoint | str) -> dict[str, object]:
    if isinstance(found, str):
        return {"path": str(path), "problem": found}
    return {
        "path": str(path),
        "seq": found.seq,
        "schema": found.schema,
        "saved_ns": found.saved_ns,
        "state": json.loads(found.state),
    }


def _seq_of(path: Path) -> int:
    number = path.stem.rpartition("-")[2]
    return int(number) if number.isdecimal() else -1
