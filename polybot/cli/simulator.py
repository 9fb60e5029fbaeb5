"""`polybot simulator`: the simulated exchange alone, for scripts, tests and other programs."""

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated

import typer

from polybot.cli import calibrate
from polybot.cli.options import examples
from polybot.cli.up import Wishes, overrides
from polybot.config.keys import override_name
from polybot.config.load import LoadedConfig, load
from polybot.config.locations import STATE_NAME, absolute
from polybot.config.schema import Config, SimulatorConfig
from polybot.errors import ConfigError

EXAMPLES = (
    "polybot simulator --listen 127.0.0.1:8080",
    "polybot simulator --recordings ~/recordings --speed 100 --state ~/exchange",
    "polybot simulator --faults config/faults.toml",
    "polybot simulator --mirror --state ~/mirror",
)

# Takes the configuration, where the books are kept (None: nowhere), what prints the JSON line, and
# the whole configuration where its feed is to be mirrored.
RunAlone = Callable[[SimulatorConfig, Path | None, Callable[[str], None], Config | None], int]


app = typer.Typer(rich_markup_mode="markdown")


@app.callback(invoke_without_command=True, epilog=examples(*EXAMPLES))
def simulator(
    context: typer.Context,
    *,
    listen: Annotated[
        str | None, typer.Option(help="Address of this machine and port; port 0 is a free one.")
    ] = None,
    recordings: Annotated[
        str | None,
        typer.Option(help="Replay the recorded markets of this directory.", metavar="DIR"),
    ] = None,
    speed: Annotated[float | None, typer.Option(help="Market seconds per wall second.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the synthetic market.")] = None,
    faults: Annotated[
        str | None,
        typer.Option(help="Show the faults this file tells of.", metavar="FILE"),
    ] = None,
    mirror: Annotated[
        bool,
        typer.Option(
            "--mirror", help="Mirror the exchange of [feed] (Polymarket when nothing is set there)."
        ),
    ] = False,
    state: Annotated[
        str | None,
        typer.Option(
            help="Keep the exchange's books here, so that it goes on after a crash; default "
            "POLYBOT_STATE_DIR/simulator, without that variable nowhere.",
            metavar="DIR",
        ),
    ] = None,
) -> None:
    """Run the simulated exchange alone; prints one JSON line with its URLs when it is ready.

    The market is synthetic unless recordings are given. Any key that logs in gets play money.
    """
    if context.invoked_subcommand is not None:
        return
    environ = dict(os.environ)
    if faults is not None:
        environ[override_name("simulator.faults")] = str(absolute(faults))
    if mirror and (recordings, speed, seed) != (None, None, None):
        message = "expected --mirror without --recordings, --speed and --seed: the feed has its own"
        raise typer.BadParameter(message)
    loaded = settings(Wishes(recordings, speed, seed), listen, environ, mirror=mirror)
    config = loaded.config
    mirrored = config if mirror else None
    run_alone = _runner()
    code = run_alone(config.simulator, books_dir(state, os.environ), _announce, mirrored)
    raise typer.Exit(code)


app.command("calibrate", epilog=examples(*calibrate.EXAMPLES))(calibrate.calibrate)


def settings(
    wishes: Wishes, listen: str | None, environ: dict[str, str], *, mirror: bool = False
) -> LoadedConfig:
    """Return the configuration with the command line's wishes in it.

    Only what the simulator needs must be right; raises ConfigError with what of that is wrong.
    """
    mode = "paper" if mirror else "synthetic"
    alone = {override_name("mode"): mode, override_name("simulator.recordings"): ""}
    if listen is not None:
        alone[override_name("simulator.listen")] = listen
    loaded = load({**environ, **alone, **overrides(wishes)}, lenient=True)
    needed = ("simulator.", "feed.") if mirror else ("simulator.",)
    problems = [warning for warning in loaded.warnings if warning.startswith(needed)]
    if problems:
        raise ConfigError(problems)
    if loaded.config.simulator.faults:
        # A mistake in it is the person's who typed the command, not a daemon's.
        from polybot.simulator.faults.plan import read_plan  # noqa: PLC0415

        read_plan(Path(loaded.config.simulator.faults))
    return loaded


def books_dir(state: str | None, environ: Mapping[str, str]) -> Path | None:
    """Return where the exchange's books are kept, None to forget them at the end."""
    if state is not None:
        return absolute(state)
    named = environ.get(STATE_NAME, "")
    return absolute(named) / "simulator" if named else None


def _announce(line: str) -> None:
    typer.echo(line)


def _runner() -> RunAlone:
    # The server's packages take longer to load than every other command takes to run.
    from polybot.bootstrap.simulator import run_alone  # noqa: PLC0415
    from polybot.runtime.logs import LogSettings, configure_logging  # noqa: PLC0415

    configure_logging("simulator", LogSettings(level="warning"), stream=sys.stderr)
    return run_alone
