"""`polybot simulator`: the simulated exchange alone, for scripts, tests and other programs."""

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated

import typer

from polybot.cli.up import Wishes, overrides
from polybot.config.keys import override_name
from polybot.config.load import LoadedConfig, load
from polybot.config.locations import STATE_NAME, absolute
from polybot.config.schema import SimulatorConfig
from polybot.errors import ConfigError

EXAMPLES = (
    "polybot simulator --listen 127.0.0.1:8080",
    "polybot simulator --recordings ~/recordings --speed 100 --state ~/exchange",
)

# Takes the configuration, where the books are kept (None: nowhere) and what prints the JSON line.
RunAlone = Callable[[SimulatorConfig, Path | None, Callable[[str], None]], int]


def simulator(
    listen: Annotated[
        str | None, typer.Option(help="Address of this machine and port; port 0 is a free one.")
    ] = None,
    recordings: Annotated[
        str | None,
        typer.Option(help="Replay the recorded markets of this directory.", metavar="DIR"),
    ] = None,
    speed: Annotated[float | None, typer.Option(help="Market seconds per wall second.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the synthetic market.")] = None,
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
    loaded = settings(Wishes(recordings, speed, seed), listen, dict(os.environ))
    raise typer.Exit(_runner()(loaded.config.simulator, books_dir(state, os.environ), _announce))


def settings(wishes: Wishes, listen: str | None, environ: dict[str, str]) -> LoadedConfig:
    """Return the configuration with the command line's wishes in it.

    Only what the simulator needs must be right; raises ConfigError with what of that is wrong.
    """
    alone = {override_name("mode"): "synthetic", override_name("simulator.recordings"): ""}
    if listen is not None:
        alone[override_name("simulator.listen")] = listen
    loaded = load({**environ, **alone, **overrides(wishes)}, lenient=True)
    problems = [warning for warning in loaded.warnings if warning.startswith("simulator.")]
    if problems:
        raise ConfigError(problems)
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
    from polybot.runtime.logs import configure_logging  # noqa: PLC0415

    configure_logging("simulator", level="warning", stream=sys.stderr)
    return run_alone
