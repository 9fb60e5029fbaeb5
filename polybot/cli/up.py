"""`polybot up`: checks everything, then becomes the supervisord that keeps the floor running."""

import fcntl
import os
import pwd
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from polybot import CODENAME, __version__
from polybot.adapters.clock import SystemClock
from polybot.cli.directories import claim_state, make_private
from polybot.cli.exits import CommandError, Refused, Usage
from polybot.cli.leave import leave_of
from polybot.cli.listening import refuse_taken_port
from polybot.cli.output import moment, say, warn
from polybot.cli.processes import RUNNER, floor_processes, how_to_start, start_time
from polybot.cli.wallet_taken import refuse_taken_wallet
from polybot.config.feed import feed_name
from polybot.config.floor import FloorRecord, write_floor
from polybot.config.keys import all_keys, override_name
from polybot.config.load import LoadedConfig, load
from polybot.config.locations import (
    ALLOCATOR,
    CONFIG_NAME,
    INSTALLED_RUNTIME,
    INSTALLED_STATE,
    RUNNER_NAME,
    RUNTIME_NAME,
    STATE_NAME,
    Installation,
    absolute,
)
from polybot.config.schema import SIMULATED_MODES, Config

RUNNER_CONFIG = "supervisord.conf"

# What a service manager told this terminal's shell is not meant for the floor's processes.
_MANAGER_NAMES = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_FDS", "LISTEN_PID")

_GOES_ON = "continues where the last run ended; remove the directory to begin anew"

Execute = Callable[[str, list[str], dict[str, str]], None]


class Wishes(msgspec.Struct, frozen=True):
    """What the command line asks for, over what the configuration says; None leaves it alone."""

    recordings: str | None = None
    speed: float | None = None
    seed: int | None = None


def up(
    recordings: Annotated[
        str | None,
        typer.Option(help="Replay the recorded markets of this directory.", metavar="DIR"),
    ] = None,
    speed: Annotated[
        float | None, typer.Option(help="Market seconds per wall second of the simulated market.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the synthetic market.")] = None,
) -> None:
    """Start the whole floor in the foreground; Ctrl-C or `polybot stop` stops it.

    Checks the configuration first and lists every problem of it. Real orders are sent only in live
    mode, and only after `polybot arm`.
    """
    start_floor(Wishes(recordings, speed, seed), dict(os.environ), os.execve)


def start_floor(wishes: Wishes, environ: dict[str, str], execute: Execute) -> None:
    """Start a floor with an environment; `execute` replaces this process and does not return."""
    environ = {**environ, **overrides(wishes)}
    loaded = load(environ)
    refuse_service_floor(loaded)
    refuse_meaningless(wishes, loaded)
    refuse_second(loaded)
    refuse_taken_wallet(loaded)
    if loaded.config.mode in SIMULATED_MODES:
        refuse_taken_port(loaded.config.simulator.listen)
    runner_config = find_runner_config(loaded)
    for directory in (loaded.locations.state_dir, loaded.locations.runtime_dir):
        make_private(directory)
    claim_state(loaded.locations)
    # The last run's: its port belongs to nobody now.
    loaded.locations.simulator_path.unlink(missing_ok=True)
    write_floor(_record(loaded))
    say(greeting(loaded))
    for warning in (*loaded.warnings, exposed_key(loaded, environ)):
        if warning:
            warn(f"warning: {warning}")
    prepare_output()
    command = runner_command(runner_config)
    execute(command[0], command, floor_environment(loaded, environ))


def overrides(wishes: Wishes) -> dict[str, str]:
    """Return the environment that stands for the command line's wishes."""
    wanted = {}
    if wishes.recordings is not None:
        wanted["mode"] = "replay"
        wanted["simulator.recordings"] = str(absolute(wishes.recordings))
    if wishes.speed is not None:
        wanted["simulator.speed"] = str(wishes.speed)
    if wishes.seed is not None:
        wanted["simulator.seed"] = str(wishes.seed)
    return {override_name(path): value for path, value in wanted.items()}


def refuse_meaningless(wishes: Wishes, loaded: LoadedConfig) -> None:
    """Refuse a speed or a seed for a real market, which has its own time and its own course."""
    mode = loaded.config.mode
    for option, wish in (("--speed", wishes.speed), ("--seed", wishes.seed)):
        if mode in ("paper", "live") and wish is not None:
            message = (
                f"expected no {option} in {mode} mode (a real market has its own), was {wish:g}"
            )
            raise Usage(message)


def refuse_service_floor(loaded: LoadedConfig) -> None:
    """Refuse to start what systemd keeps: the two would start each other's processes again."""
    locations = loaded.locations
    if not locations.is_clone and (
        locations.state_dir == INSTALLED_STATE or locations.runtime_dir == INSTALLED_RUNTIME
    ):
        home = Installation(root=locations.root, is_clone=False)
        raise Refused(
            f"expected systemd to start the floor of {locations.state_dir}; run: "
            f"{how_to_start(home)} "
            f"(or set {STATE_NAME} and {RUNTIME_NAME} to directories of another floor)"
        )


def refuse_second(loaded: LoadedConfig) -> None:
    """Refuse a second floor over the same sockets."""
    running = floor_processes(loaded.locations.runtime_dir)
    if not running:
        return
    named = ", ".join(f"{process.name} (pid {process.pid})" for process in running)
    what = "a floor" if running[0].name == RUNNER else "what a killed floor left behind"
    message = (
        f"{what} is already running here: {named}; `polybot stop` stops it "
        f"({loaded.locations.runtime_dir})"
    )
    raise Refused(message)


def find_runner_config(loaded: LoadedConfig) -> Path:
    """Return supervisord's configuration: beside the installed one, else the program's own."""
    path = loaded.locations.root / RUNNER_CONFIG
    if loaded.locations.is_clone:
        path = loaded.locations.root / "config" / RUNNER_CONFIG
    elif not path.is_file():
        # An installed release keeps it as a clone does.
        path = Path(__file__).resolve().parents[2] / "config" / RUNNER_CONFIG
    if not path.is_file():
        message = f"expected supervisord's configuration at {path}, was none"
        raise CommandError(message)
    return path


def runner_command(runner_config: Path) -> list[str]:
    """Return the command that becomes the runner."""
    command = [sys.executable, "-P", "-m", "supervisor.supervisord", "-n", "-c", str(runner_config)]
    if os.getuid() == 0:
        # Without a name supervisord warns about being root at every start.
        command += ["-u", pwd.getpwuid(0).pw_name]
    return command


def floor_environment(loaded: LoadedConfig, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of every process: all places and the mode are named outright."""
    config, locations = loaded.config, loaded.locations
    named = {
        STATE_NAME: str(locations.state_dir),
        RUNTIME_NAME: str(locations.runtime_dir),
        override_name("mode"): config.mode,
        override_name("simulator.recordings"): config.simulator.recordings,
        "POLYBOT_FLOOR_PYTHON": sys.executable,
        # supervisord takes over this process, and its pid.
        RUNNER_NAME: str(os.getpid()),
        **ALLOCATOR,
        "POLYBOT_FLOOR_SIMULATOR": "false" if config.mode == "live" else "true",
    }
    if locations.config_path.is_file():
        named[CONFIG_NAME] = str(locations.config_path)
    left_out = set(_MANAGER_NAMES)
    if config.mode in SIMULATED_MODES:
        # A real key has no business there; every process would carry it.
        left_out.update(key_names())
    kept = {name: value for name, value in environ.items() if name not in left_out}
    return kept | named


def key_names() -> tuple[str, ...]:
    """Return the environment's names of the wallet's private key."""
    path = "wallet.private_key"
    return (override_name(path), *all_keys()[path].environment_names)


def exposed_key(loaded: LoadedConfig, environ: Mapping[str, str]) -> str:
    """Return a warning when real trading's key is in the environment that all processes share."""
    named = [name for name in key_names() if environ.get(name)]
    if loaded.config.mode in SIMULATED_MODES or not named:
        return ""
    env = loaded.locations.config_path.parent / ".env"
    return (
        f"{named[0]} is in the environment, which every process of the floor inherits; unset it "
        f"and keep it in {env} (mode 600)"
    )


def greeting(loaded: LoadedConfig) -> str:
    """Say what is about to run, where its state is, and what to try in a second terminal."""
    config, locations = loaded.config, loaded.locations
    market = {
        "synthetic": f"a synthetic market, seed {config.simulator.seed}",
        "replay": f"the recorded markets of {config.simulator.recordings}",
        "paper": f"the mirrored market of {feed_name(config.feed)}, simulated fills",
        "live": "REAL orders with real money",
    }[config.mode]
    command = own_command()
    goes_on = (locations.state_dir / "trader").is_dir()
    return "\n".join(
        [
            f'polybot {__version__} "{CODENAME}": {config.mode} mode, {market}',
            *_leave_line(loaded),
            f"speed    {_speed(config)}",
            f"state    {locations.state_dir}",
            f"         {_GOES_ON if goes_on else 'a new one: nothing was there yet'}",
            f"sockets  {locations.runtime_dir}",
            f"look     {command} status, in a second terminal (also windows, trades, pnl, why)",
            f"stop     Ctrl-C here, or `{command} stop`",
        ]
    )


def _leave_line(loaded: LoadedConfig) -> list[str]:
    """Say loudly whether real orders are allowed, and until when."""
    leave = leave_of(loaded, SystemClock().now_ns())
    if leave is None:
        return []
    if not leave.allows_entries:
        return [f"NOT ARMED {leave.advice}; only what reduces risk is sent"]
    expires_ns = leave.arming.expires_ns if leave.arming is not None else 0
    until = f"until {moment(expires_ns)}" if expires_ns else "until `polybot disarm`"
    return [f"ARMED    {until} ({leave.detail})"]


def _speed(config: Config) -> str:
    if config.mode == "live":
        return "the real market's own"
    if config.mode == "paper":
        return "the mirrored market's own"
    return f"{config.simulator.speed:g} market seconds per second"


def own_command() -> str:
    """Return what to type for this command: its name where the shell finds it, else its path."""
    path = Path(sys.executable).with_name("polybot")
    if shutil.which("polybot") == str(path):
        return "polybot"
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def prepare_output() -> None:
    """Make standard output something supervisord can open again by name, and append to."""
    mode = os.fstat(1).st_mode
    if stat.S_ISREG(mode):
        # Every process opens the file anew: without this they overwrite each other's lines.
        fcntl.fcntl(1, fcntl.F_SETFL, fcntl.fcntl(1, fcntl.F_GETFL) | os.O_APPEND)
    elif stat.S_ISSOCK(mode):
        # A socket cannot be opened by name, a pipe can; cat ends with the last writer.
        reading, writing = os.pipe()
        sys.stdout.flush()
        subprocess.Popen(["cat"], stdin=reading, start_new_session=True)  # noqa: S607
        os.close(reading)
        os.dup2(writing, 1)
        os.close(writing)


def _record(loaded: LoadedConfig) -> FloorRecord:
    """Describe the floor; supervisord takes over this process, so its pid is this one's."""
    config, locations = loaded.config, loaded.locations
    return FloorRecord(
        pid=os.getpid(),
        pid_start=start_time(os.getpid()),
        mode=config.mode,
        state_dir=str(locations.state_dir),
        runtime_dir=str(locations.runtime_dir),
        config=str(locations.config_path) if locations.config_path.is_file() else "",
        recordings=config.simulator.recordings,
        # A mirror takes over the market time of its feed.
        speed=1.0 if config.mode in ("paper", "live") else config.simulator.speed,
        started_ns=SystemClock().now_ns(),
    )
