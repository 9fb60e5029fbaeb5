"""`polybot down`: stops every process of the floor, and makes sure that none is left."""

import signal
import time
from pathlib import Path

import typer

from polybot.cli.exits import Exit, Late
from polybot.cli.output import plural, say
from polybot.cli.processes import RUNNER, FloorProcess, floor_processes, send
from polybot.config.load import load

# Everything together ends within ten seconds: so long for a clean end, the rest for a hard one.
CLEAN_S = 7.5
HARD_S = 2.0
_POLL_S = 0.05


def down() -> None:
    """Stop the floor and wait until nothing of it runs any more, at most 10 seconds.

    Works with a broken configuration, and stops what a killed runner left behind. Exit code 3 when
    nothing runs, 5 when something would not end.
    """
    runtime_dir = load(join_floor=True, lenient=True).locations.runtime_dir
    raise typer.Exit(stop_floor(runtime_dir))


def stop_floor(runtime_dir: Path, *, clean_s: float = CLEAN_S, hard_s: float = HARD_S) -> Exit:
    """Stop what uses a runtime directory; raises Late when something is still there at the end."""
    running = floor_processes(runtime_dir)
    if not running:
        say(f"not running: no process of a floor uses {runtime_dir}")
        return Exit.NOT_RUNNING
    started = time.monotonic()
    # The runner stops the others in their order; without one they are told themselves.
    runners = [process for process in running if process.name == RUNNER]
    send(runners or running, signal.SIGTERM)
    left = _wait_for_end(runtime_dir, clean_s)
    killed = left
    if left:
        # The runner first, or it would start the others again.
        send(left, signal.SIGKILL)
        left = _wait_for_end(runtime_dir, hard_s)
    took = time.monotonic() - started
    if left:
        message = f"expected an end within {took:.1f} s, was still running: {_named(left)}"
        raise Late(message)
    say(f"stopped {plural(len(running), 'process')} in {took:.1f} s: {_named(running)}")
    if killed:
        say(f"killed, because it did not end by itself: {_named(killed)}")
    say("nothing of the floor is running any more")
    return Exit.OK


def _wait_for_end(runtime_dir: Path, seconds: float) -> list[FloorProcess]:
    """Return what still runs after waiting until nothing does, or for so long."""
    deadline = time.monotonic() + seconds
    left = floor_processes(runtime_dir)
    while left and time.monotonic() < deadline:
        time.sleep(_POLL_S)
        left = floor_processes(runtime_dir)
    return left


def _named(processes: list[FloorProcess]) -> str:
    return ", ".join(f"{process.name} ({process.pid})" for process in processes)
