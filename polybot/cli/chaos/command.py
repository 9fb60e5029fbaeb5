"""`polybot chaos`: every kind of fault on a paper floor of its own, and what became of it."""

import os
import secrets
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer

from polybot.adapters.clock import SystemClock
from polybot.bootstrap.chaos.plan import SCENARIOS, Wish, read_scenarios, share_s
from polybot.cli.exits import Exit, Refused, Usage
from polybot.cli.options import Json
from polybot.cli.output import clock_time, plural, say, show_json, warn
from polybot.config.load import load
from polybot.errors import InvalidValue

EXAMPLES = (
    "polybot chaos",
    "polybot chaos --scenario kill,429 --minutes 2",
    "polybot chaos --scenario disk-full --minutes 1 --seed 7 --keep",
)
# What a shell reports for a program that was interrupted.
INTERRUPTED = 130
_SEEDS = 1_000_000


def chaos(
    scenario: Annotated[
        str,
        typer.Option(
            help=f"Which, with commas: {', '.join(SCENARIOS)}. All without it.", metavar="LIST"
        ),
    ] = "",
    minutes: Annotated[
        float, typer.Option(help="Minutes of faults in all, shared equally.", min=0)
    ] = 10.0,
    seed: Annotated[
        int | None, typer.Option(help="Plays the same strikes again; printed by each run.", min=0)
    ] = None,
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep the run's directory, to look into it.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Try on this machine whether a floor survives frozen streams, kills, a full disk and more.

    Starts a floor of its own on a synthetic market, with play money, in directories of its own; the
    floor that runs here and its wallet are not touched. Exit code 0 when everything passed, 1 when
    not, 130 when interrupted; refuses (6) where the configuration or the running floor is live.
    """
    wish = _wish(scenario, minutes, seed, keep=keep)
    _refuse_live()
    # A run needs a good part of the program; the other commands do without it.
    from polybot.cli.chaos.report import as_document, say_report  # noqa: PLC0415
    from polybot.cli.chaos.run import run  # noqa: PLC0415

    clock = SystemClock()

    def tell(line: str) -> None:
        (warn if as_json else say)(f"{clock_time(clock.now_ns())[:8]} {line}")

    count = plural(len(wish.scenarios), "scenario")
    tell(f"chaos: {count} in {wish.minutes:g} minutes, seed {wish.seed}")
    with _interruptible():
        report = run(wish, tell)
    if as_json:
        show_json(as_document(report))
    else:
        say_report(report)
    if report.interrupted:
        raise typer.Exit(INTERRUPTED)
    raise typer.Exit(Exit.OK if report.passed else Exit.ERROR)


def _wish(scenario: str, minutes: float, seed: int | None, *, keep: bool) -> Wish:
    try:
        names = read_scenarios(scenario)
        share_s(names, minutes)
    except InvalidValue as error:
        raise Usage(str(error)) from error
    drawn = secrets.randbelow(_SEEDS) if seed is None else seed
    return Wish(names, minutes, drawn, keep)


def _refuse_live() -> None:
    """Raise Refused on a machine that trades for real, by its configuration or its running floor.

    What chaos does stays on its own floor, but the processors, the memory and the disk that a live
    trader needs in that moment are shared.
    """
    configured = load(dict(os.environ), keyless=True)
    running = load(dict(os.environ), join_floor=True, keyless=True)
    if "live" in (configured.config.mode, running.config.mode):
        raise Refused(
            "expected a configuration that is not live, was mode = live: chaos takes processor, "
            "memory and disk from a trader with real money; run it on paper (mode = paper or "
            f"synthetic in {configured.locations.config_path}), or on another machine"
        )


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let an end from outside be one from the keyboard: the floor is stopped, and reported on."""

    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    before = {each: signal.signal(each, interrupt) for each in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
