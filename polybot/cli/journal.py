"""`polybot journal`: verify a process's journal, and show what is in it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from polybot.cli.exits import Exit, Unknown
from polybot.cli.options import Json, Process, examples
from polybot.cli.output import moment, say, shortened, show_json
from polybot.config.load import LoadedConfig, load
from polybot.config.locations import PROCESSES
from polybot.errors import ProtocolError
from polybot.messages.codec import decode_envelope
from polybot.runtime.journal_format import JournalRecord
from polybot.runtime.journal_reader import JournalReader
from polybot.runtime.journal_verify import verify as verify_journal

app = typer.Typer(
    help="Verify a process's journal, or show what is in it.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)

_BATCH = 500
_BODY_WIDTH = 120


@app.command(epilog=examples("polybot journal verify", "polybot journal verify trader"))
def verify(
    process: Annotated[
        str | None, typer.Argument(help="One process; without it every journal there is.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Check every record and the chain of their hashes; exit code 1 when something was changed."""
    loaded = load(join_floor=True, keyless=True)
    chosen = _chosen(loaded, process)
    # Whoever asks for the simulator means its exchange's books too.
    books = {name: path for name, path in loaded.locations.journals().items() if "/" in name}
    also = books if process in (None, "simulator") else {}
    reports = {name: verify_journal(path) for name, path in (chosen | also).items()}
    if as_json:
        show_json(
            [
                {
                    "process": name,
                    "ok": report.ok,
                    "records": report.records,
                    "first_seq": report.first_seq,
                    "last_seq": report.last_seq,
                    "head": report.last_hash.hex(),
                    "problems": [str(problem) for problem in report.problems],
                    "torn_tail": str(report.torn_tail) if report.torn_tail else None,
                }
                for name, report in reports.items()
            ]
        )
    else:
        for name, report in reports.items():
            say(f"{name}: {'ok' if report.ok else 'DAMAGED'}")
            for line in report.lines():
                say(f"  {line}")
    if not all(report.ok for report in reports.values()):
        raise typer.Exit(Exit.ERROR)


@app.command(
    epilog=examples(
        "polybot journal show trader",
        "polybot journal show trader --type OrderSubmitted --from 1",
    )
)
def show(
    process: Process,
    since: Annotated[int, typer.Option("--from", help="First seq to show.", min=0)] = 0,
    last: Annotated[int, typer.Option(help="Show the last so many when --from is not given.")] = 20,
    kind: Annotated[str, typer.Option("--type", help="Only events of this type.")] = "",
    as_json: Json = False,
) -> None:
    """Show a process's durable events, oldest first."""
    loaded = load(join_floor=True, keyless=True)
    (directory,) = _chosen(loaded, process).values()
    events = _events(JournalReader(directory), since, kind)
    chosen = list(events) if since else list(events)[-last:]
    if as_json:
        show_json(chosen)
        return
    for event in chosen:
        body = shortened(json.dumps(event["body"], separators=(",", ":")), _BODY_WIDTH)
        say(f"{event['seq']} {moment(event['ts_init'])} {event['type']} {body}")


def _chosen(loaded: LoadedConfig, process: str | None) -> dict[str, Path]:
    """Return the processes' journals that are asked for; raises Unknown for one without any."""
    journals = loaded.locations.journals()
    with_journal = {name: path for name, path in journals.items() if name in PROCESSES}
    if process is None and with_journal:
        return with_journal
    if process in with_journal:
        return {process: with_journal[process]}
    named = ", ".join(with_journal) or "none yet"
    raise Unknown(
        f"expected a process with a journal under {loaded.locations.state_dir} ({named}), "
        f"was {process or 'none'}"
    )


def _events(reader: JournalReader, since: int, kind: str) -> Iterator[dict[str, Any]]:
    seq = max(since, reader.first_seq)
    while records := reader.read_from(seq, _BATCH):
        for record in records:
            event = _event(record)
            if not kind or event["type"] == kind:
                yield event
        seq = records[-1].seq + 1


def _event(record: JournalRecord) -> dict[str, Any]:
    try:
        envelope = decode_envelope(record.payload)
    except ProtocolError as error:
        return {"seq": record.seq, "type": "unreadable", "ts_init": 0, "body": str(error)}
    return {
        "seq": record.seq,
        "type": envelope.type,
        "session": envelope.session,
        "ts_event": envelope.ts_event,
        "ts_init": envelope.ts_init,
        "correlation_id": envelope.correlation_id,
        "hash": record.hash.hex(),
        "body": json.loads(bytes(envelope.body)),
    }
