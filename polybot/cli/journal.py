"""`polybot journal`: verify a process's journal, show what is in it, and export it."""

import json
from collections import deque
from pathlib import Path
from typing import Annotated, Any

import typer

from polybot.adapters.clock import SystemClock
from polybot.cli.exits import Exit, Unknown, Usage
from polybot.cli.journal_events import SHORTEST_ID, Choice, event_of, newest_seq, read_records
from polybot.cli.journal_export import Exported, export, new_file, standard_output
from polybot.cli.options import Json, Process, examples
from polybot.cli.output import moment, plural, say, shortened, show_json
from polybot.config.load import LoadedConfig, load
from polybot.config.locations import PROCESSES
from polybot.errors import InvalidValue
from polybot.runtime.journal_head import HeadCheck, RememberedHead, check_head, parse_head
from polybot.runtime.journal_history import JournalHistory
from polybot.runtime.journal_verify import VerifyReport
from polybot.runtime.journal_verify import verify as verify_journal

app = typer.Typer(
    help="Verify a process's journal, show what is in it, or export it.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)

_BODY_WIDTH = 120

Kind = Annotated[str, typer.Option("--type", help="Only events of this type.")]
Session = Annotated[str, typer.Option(help="Only events of this session (one life of a process).")]
Order = Annotated[str, typer.Option(help="Only events that name this order; its id's beginning.")]
Window = Annotated[str, typer.Option(help="Only events that name this window, by its slug.")]
Until = Annotated[int, typer.Option("--to", help="Last seq; without it the newest.", min=0)]


@app.command(
    epilog=examples(
        "polybot journal verify",
        "polybot journal verify trader",
        "polybot journal verify trader --head 5120:9f86d081884c7d65",
    )
)
def verify(
    process: Annotated[
        str | None, typer.Argument(help="One process; without it every journal there is.")
    ] = None,
    head: Annotated[
        list[str] | None,
        typer.Option(help="A head from the log, SEQ:HASH, which must still be there."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Check every record, the chain of their hashes, and the space made ahead for more.

    Exit code 1 when a record was changed, is missing, or is not the one that --head remembers; 2
    when a head is older than what is kept. A changed byte in unused space is said; it does no harm.
    """
    if head and process is None:
        raise Usage("expected the process whose head it is, such as: polybot journal verify trader")
    loaded = load(join_floor=True, keyless=True)
    chosen = _chosen(loaded, process)
    # Whoever asks for the simulator means its exchange's books too.
    books = {name: path for name, path in loaded.locations.journals().items() if "/" in name}
    also = books if process in (None, "simulator") else {}
    reports = {name: verify_journal(path) for name, path in (chosen | also).items()}
    checks = [check_head(chosen[process], _head(text)) for text in head or () if process]
    if as_json:
        show_json([_document(name, report, checks) for name, report in reports.items()])
    else:
        for name, report in reports.items():
            say(f"{name}: {'ok' if report.ok else 'DAMAGED'}")
            for line in report.lines():
                say(f"  {line}")
        for check in checks:
            say(f"  head {check.head.seq}: {_VERDICTS[check.fits]}: {check.detail}")
    if not all(report.ok for report in reports.values()) or any(c.fits is False for c in checks):
        raise typer.Exit(Exit.ERROR)
    if any(check.fits is None for check in checks):
        raise typer.Exit(Exit.NOT_FOUND)


def _head(text: str) -> RememberedHead:
    try:
        return parse_head(text)
    except InvalidValue as error:
        raise Usage(str(error)) from error


_VERDICTS = {True: "fits", False: "DOES NOT FIT", None: "cannot be told"}


def _document(name: str, report: VerifyReport, checks: list[HeadCheck]) -> dict[str, Any]:
    return {
        "process": name,
        "ok": report.ok,
        "records": report.records,
        "first_seq": report.first_seq,
        "last_seq": report.last_seq,
        "head": report.last_hash.hex(),
        "problems": [str(problem) for problem in report.problems],
        "torn_tail": str(report.torn_tail) if report.torn_tail else None,
        "unused": [str(damage) for damage in report.unused],
        "damage": [
            {
                "kind": damage.kind.value,
                "file": str(damage.path),
                "offset": damage.offset,
                "seq": damage.seq,
                "changed_at": damage.changed_at,
            }
            for damage in (*report.problems, *report.unused)
        ],
        "heads": [
            {"seq": check.head.seq, "fits": check.fits, "detail": check.detail} for check in checks
        ],
    }


@app.command(
    epilog=examples(
        "polybot journal show trader",
        "polybot journal show trader --type OrderSubmitted --from 1",
        "polybot journal show trader --from 1 --order 0x9f86d0",
        "polybot journal show trader --from 1 --window btc-updown-5m-1763700000",
    )
)
def show(
    process: Process,
    *,
    since: Annotated[
        int, typer.Option("--from", help="First seq to show; 1: from the archive on.", min=0)
    ] = 0,
    until: Until = 0,
    last: Annotated[
        int, typer.Option(help="Show the last so many when --from is not given.", min=1)
    ] = 20,
    kind: Kind = "",
    session: Session = "",
    order: Order = "",
    window: Window = "",
    as_json: Json = False,
) -> None:
    """Show a process's durable events, oldest first."""
    directory = _directory(process)
    choice = _choice(
        since=since, until=until, kind=kind, session=session, order=order, window=window
    )
    newest = newest_seq(directory)
    # The archive is read only when --from reaches into it: the last events are never there.
    first = since or JournalHistory(directory).first_live_seq()
    records = read_records(directory, first, min(until or newest, newest))
    chosen = (event for event in map(event_of, records) if choice.takes(event))
    events = list(chosen) if since else list(deque(chosen, maxlen=last))
    if as_json:
        show_json(events)
        return
    for event in events:
        body = shortened(json.dumps(event["body"], separators=(",", ":")), _BODY_WIDTH)
        say(f"{event['seq']} {moment(event['ts_init'])} {event['type']} {body}")


@app.command(
    "export",
    epilog=examples(
        "polybot journal export trader > trader.jsonl",
        "polybot journal export trader --session 0c5be2f3a9d1 --out session.jsonl",
    ),
)
def export_command(
    process: Process,
    *,
    out: Annotated[Path | None, typer.Option(help="Write to this file, mode 600.")] = None,
    since: Annotated[int, typer.Option("--from", help="First seq.", min=0)] = 0,
    until: Until = 0,
    kind: Kind = "",
    session: Session = "",
    order: Order = "",
    window: Window = "",
    force: Annotated[bool, typer.Option(help="Replace the file when it is there.")] = False,
    as_json: Json = False,
) -> None:
    """Write a process's durable events as JSON lines, oldest first, to standard output or a file.

    It only reads: the process goes on undisturbed, and what it writes meanwhile is left out. Each
    line has the record's hash, which covers the lines before it. --json tells what was written to
    a file.
    """
    directory = _directory(process)
    choice = _choice(
        since=since, until=until, kind=kind, session=session, order=order, window=window
    )
    clock = SystemClock()
    if out is None:
        export(directory, choice, standard_output(), clock)
        return
    with new_file(out, force=force) as file:
        done = export(directory, choice, file, clock)
    _say_exported(out, done, as_json=as_json)


def _say_exported(path: Path, done: Exported, *, as_json: bool) -> None:
    if as_json:
        show_json(
            {
                "file": str(path),
                "from": done.first_seq,
                "to": done.last_seq,
                "records": done.records,
                "events": done.events,
            }
        )
        return
    say(
        f"wrote {plural(done.events, 'event')} of {plural(done.records, 'record')} "
        f"({done.first_seq} to {done.last_seq}) to {path}"
    )


def _choice(**wishes: Any) -> Choice:
    choice = Choice(**wishes)
    if choice.until and choice.until < choice.since:
        raise Usage(f"expected --to of at least {choice.since}, was {choice.until}")
    if choice.order and len(choice.order) < SHORTEST_ID:
        raise Usage(f"expected at least {SHORTEST_ID} characters of an id, was {choice.order!r}")
    return choice


def _directory(process: str) -> Path:
    (directory,) = _chosen(load(join_floor=True, keyless=True), process).values()
    return directory


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
