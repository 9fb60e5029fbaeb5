"""`polybot doctor`: everything that could keep a floor from working, with what to do about it."""

from collections.abc import Iterable, Iterator

import typer

from polybot.adapters.clock import SystemClock
from polybot.cli.checks import CheckStatus, Row, host_checks
from polybot.cli.conversation import conversation
from polybot.cli.exits import Exit
from polybot.cli.glance import Glance, take_glance
from polybot.cli.options import Json
from polybot.cli.output import console, plural, say, show_json
from polybot.cli.processes import floor_runs
from polybot.config.load import LoadedConfig, load
from polybot.errors import ConfigError

_COLORS = {
    CheckStatus.OK: "green",
    CheckStatus.WARN: "yellow",
    CheckStatus.FAIL: "red",
    CheckStatus.SKIP: "dim",
}


def doctor(as_json: Json = False) -> None:
    """Check machine, configuration, files and, when it runs, the floor; say how to mend each.

    Exit code 1 when a check fails, 4 when it is the configuration. It changes nothing.
    """
    try:
        loaded = load(join_floor=floor_runs(load(lenient=True).locations.runtime_dir))
    except ConfigError as error:
        _show(
            [Row("configuration", CheckStatus.FAIL, each, "mend it") for each in error.problems],
            as_json,
        )
        raise typer.Exit(Exit.CONFIG) from error
    rows = [*configuration_rows(loaded), *host_checks(loaded)]
    with conversation(loaded.locations.runtime_dir) as talk:
        rows += floor_rows(take_glance(loaded, talk, SystemClock()))
    _show(rows, as_json)
    if any(row.status is CheckStatus.FAIL for row in rows):
        raise typer.Exit(Exit.ERROR)


def configuration_rows(loaded: LoadedConfig) -> Iterator[Row]:
    """Yield what loading the configuration found."""
    path = loaded.locations.config_path
    where = str(path) if path.is_file() else "defaults, no file"
    detail = f"{loaded.config.mode} mode, {where}, hash {loaded.hash[:12]}"
    yield Row("configuration", CheckStatus.OK, detail)
    for warning in loaded.warnings:
        yield Row("configuration", CheckStatus.WARN, warning)


def floor_rows(glance: Glance) -> Iterator[Row]:
    """Yield what the running floor says; one skipped row when none runs."""
    if not glance.running:
        yield Row("floor", CheckStatus.SKIP, "not running", "polybot up")
        return
    for process in glance.processes:
        alive = process.verdict == "alive"
        fix = "" if alive else "see its log; a service manager starts it again by itself"
        status = CheckStatus.OK if alive else CheckStatus.FAIL
        yield Row(process.name, status, f"{process.verdict}: {process.status}", fix)
    if not glance.watched:
        yield Row("watchdog's verdicts", CheckStatus.FAIL, "the watchdog does not answer")
    for alert in glance.alerts:
        yield Row("alert", CheckStatus.WARN, alert)
    yield _trading(glance)


def _trading(glance: Glance) -> Row:
    if glance.trading_state == "ACTIVE":
        return Row("trading", CheckStatus.OK, "ACTIVE")
    reasons = "; ".join(f"{claim.source}: {claim.reason}" for claim in glance.books.claims)
    detail = f"{glance.trading_state}: {reasons or 'no reason is known'}"
    fix = "polybot resume, when the reason is gone" if glance.trading_state == "HALTED" else ""
    return Row("trading", CheckStatus.WARN, detail, fix)


def _show(rows: Iterable[Row], as_json: bool) -> None:
    shown = list(rows)
    if as_json:
        show_json(
            [
                {
                    "check": row.check,
                    "status": row.status.value,
                    "detail": row.detail,
                    "fix": row.fix,
                }
                for row in shown
            ]
        )
        return
    target = console()
    width = max(len(row.check) for row in shown)
    for row in shown:
        target.print(row.status.value.ljust(5), style=_COLORS[row.status], end="")
        say(f"{row.check:<{width}}  {row.detail}")
        if row.fix and row.status is not CheckStatus.OK:
            say(f"{'':<{width + 7}}to do: {row.fix}")
    failed = sum(row.status is CheckStatus.FAIL for row in shown)
    say(f"{plural(len(shown), 'check')}, {failed} failed")
