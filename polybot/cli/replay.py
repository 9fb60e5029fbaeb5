"""`polybot replay`: a session's decisions again, from tape and journal, compared byte for byte."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from polybot.adapters.clock import SystemClock
from polybot.cli.exits import CommandError, Exit, Unknown
from polybot.cli.options import Json, examples
from polybot.cli.output import moment, plural, say, shortened, show_json, show_table, span
from polybot.config.load import load

if TYPE_CHECKING:
    from polybot.bootstrap.replay.difference import Difference
    from polybot.bootstrap.replay.session import Outcome
    from polybot.bootstrap.replay.tape import Batch

app = typer.Typer(rich_markup_mode="markdown", invoke_without_command=True)

_INPUT_WIDTH = 160
_VALUE_WIDTH = 300
EXAMPLES = (
    "polybot replay --session 3f9a1c22b0d4",
    "polybot replay --diff",
    "polybot replay list",
)


@app.callback(epilog=examples(*EXAMPLES))
def replay(
    context: typer.Context,
    session: Annotated[
        str, typer.Option(help="The session, or the beginning of its name; without it the newest.")
    ] = "",
    diff: Annotated[
        bool, typer.Option("--diff", help="Show the first difference and what the turn took.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Recompute the trader's decisions in a session and compare them with its journal.

    Runs the same trader over its taped inputs, without a network and without the key. Exit code 1
    when an event comes out differently, or when the tape cannot be compared to its end.
    """
    if context.invoked_subcommand is not None:
        return
    # The trader and all that it needs: only this command loads it.
    from polybot.bootstrap.replay.sessions import find_session, open_session  # noqa: PLC0415

    directory = _trader_directory()
    found = find_session(directory, session)
    if not found:
        _without_tape(directory, session, as_json=as_json)
        return
    clock = SystemClock()
    began_ns = clock.monotonic_ns()
    outcome = open_session(directory, found).run()
    took_s = (clock.monotonic_ns() - began_ns) / 1e9
    if as_json:
        show_json(as_document(outcome, took_s))
    else:
        _say(outcome, took_s, diff=diff)
    if not outcome.complete:
        raise typer.Exit(Exit.ERROR)


@app.command("list", epilog=examples("polybot replay list"))
def list_sessions(as_json: Json = False) -> None:
    """List the trader's sessions on tape, oldest first, and which of them can be replayed."""
    from polybot.bootstrap.replay.sessions import taped_sessions  # noqa: PLC0415

    sessions = taped_sessions(_trader_directory())
    if as_json:
        show_json(
            [
                {
                    "session": told.session,
                    "began_ns": told.began_ns,
                    "after_seq": told.after_seq,
                    "program": told.program,
                    "files": told.files,
                    "size_bytes": told.size_bytes,
                    "problem": told.problem or None,
                }
                for told in sessions
            ]
        )
        return
    show_table(
        ("session", "began", "after event", "tape", "problem"),
        [
            (
                told.session,
                moment(told.began_ns) if told.began_ns else "",
                str(told.after_seq),
                f"{told.size_bytes / 1e6:.1f} MB",
                told.problem,
            )
            for told in sessions
        ],
        right="after event,tape",
    )


def as_document(outcome: "Outcome", took_s: float) -> dict[str, Any]:
    """Return what a replay came to as JSON values."""
    return {
        "session": outcome.session,
        "program": outcome.program,
        "identical": outcome.identical,
        "complete": outcome.complete,
        "events": outcome.events,
        "decisions": outcome.decisions,
        "batches": outcome.batches,
        "began_ns": outcome.began_ns,
        "ended_ns": outcome.ended_ns,
        "took_s": round(took_s, 3),
        "stopped": outcome.stopped or None,
        "off_tape": {
            "events": outcome.off_tape_events,
            "decisions": outcome.off_tape_decisions,
        },
        "difference": (
            None
            if outcome.difference is None
            else _difference_document(outcome.difference, outcome.batch)
        ),
    }


def _trader_directory() -> Path:
    return load(join_floor=True, keyless=True).locations.process_dir("trader")


def _without_tape(directory: Path, session: str, *, as_json: bool) -> None:
    """Answer for a session that is in the journal at most: fine if it never came to decide."""
    from polybot.bootstrap.replay.sessions import untaped_events  # noqa: PLC0415

    events, decisions = untaped_events(directory, session) if session else (0, 0)
    if not events:
        raise Unknown(
            f"expected a session with a tape in {directory}, was {session or 'none'}; "
            "see: polybot replay list"
        )
    if decisions:
        raise CommandError(
            f"expected a tape of session {session}, was none: its {plural(decisions, 'decision')} "
            "cannot be recomputed (a kill before the first block, or above trader.tape_cap_mb)"
        )
    if as_json:
        off_tape = {"events": events, "decisions": 0}
        show_json({"session": session, "identical": True, "complete": True, "off_tape": off_tape})
        return
    say(f"session {session} has no tape: it ended with its start, and decided nothing")


def _say(outcome: "Outcome", took_s: float, *, diff: bool) -> None:
    hours = (outcome.ended_ns - outcome.began_ns) / 3.6e12
    pace = f", {took_s / hours:.1f} s for an hour of it" if hours else ""
    say(
        f"session {outcome.session} of polybot {outcome.program}: began "
        f"{moment(outcome.began_ns)}, {span(hours * 3600)} on tape"
    )
    say(
        f"{plural(outcome.decisions, 'decision')} and {plural(outcome.events, 'event')} in all "
        f"came out byte for byte ({outcome.batches} batches, replayed in {took_s:.1f} s{pace})"
    )
    if outcome.off_tape_events:
        say(
            f"not on the tape: the journal's last {plural(outcome.off_tape_events, 'event')}, "
            f"{plural(outcome.off_tape_decisions, 'decision')} among them"
        )
    if outcome.stopped:
        say(f"NOT COMPARED from here on: {outcome.stopped}")
    if outcome.difference is not None:
        _say_difference(outcome.difference, outcome.batch, diff=diff)
    elif not outcome.stopped:
        say("identical")


def _say_difference(difference: "Difference", batch: "Batch | None", *, diff: bool) -> None:
    say(f"DIFFERENT from event {difference.seq} on ({difference.type}): {_kind_of(difference)}")
    if not diff:
        say("see it with: --diff")
        return
    for field in difference.fields:
        say(f"  {field.path}")
        say(f"    journal: {_value(field.recorded)}")
        say(f"    replay:  {_value(field.recomputed)}")
    for name, event in (("journal", difference.recorded), ("replay", difference.recomputed)):
        say(f"{name}: {'nothing' if event is None else json.dumps(_event(event))}")
    if batch is not None:
        say(f"batch {batch.number} took, at {moment(batch.begin.wall_ns)}:")
        for told in _inputs(batch):
            say(f"  {told['kind']}: {shortened(told['data'], _INPUT_WIDTH)}")


def _kind_of(difference: "Difference") -> str:
    if difference.recorded is None:
        return "the session did not have it"
    if difference.recomputed is None:
        return "the replay does not have it"
    if difference.recorded.type != difference.recomputed.type:
        return f"the replay has a {difference.recomputed.type} there"
    names = [field.path for field in difference.fields]
    return f"{plural(len(names), 'field')}: {shortened(', '.join(names), _VALUE_WIDTH)}"


def _difference_document(difference: "Difference", batch: "Batch | None") -> dict[str, Any]:
    return {
        "seq": difference.seq,
        "type": difference.type,
        "fields": [
            {"path": f.path, "recorded": f.recorded, "recomputed": f.recomputed}
            for f in difference.fields
        ],
        "recorded": None if difference.recorded is None else _event(difference.recorded),
        "recomputed": None if difference.recomputed is None else _event(difference.recomputed),
        "batch": None
        if batch is None
        else {
            "number": batch.number,
            "wall_ns": batch.begin.wall_ns,
            "market_ns": batch.market_ns,
            "inputs": _inputs(batch),
        },
    }


def _inputs(batch: "Batch") -> list[dict[str, str]]:
    from polybot.services.trader.tape_records import KIND_NAMES  # noqa: PLC0415

    told = [
        {"kind": KIND_NAMES[frame.kind], "data": frame.data.decode(errors="replace")}
        for frame in batch.frames
    ]
    if batch.begin.command:
        told.insert(0, {"kind": batch.begin.command, "data": batch.begin.body.decode()})
    return told


def _event(event: Any) -> dict[str, Any]:
    from polybot.bootstrap.replay.difference import plain  # noqa: PLC0415

    return plain(event)


def _value(value: Any) -> str:
    return shortened(json.dumps(value), _VALUE_WIDTH)
