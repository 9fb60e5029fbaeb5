"""A floor of shell scripts under the real supervisord, in a directory with a blank in its name."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from polybot.cli.processes import FloorProcess, floor_processes
from polybot.config.locations import PROCESSES

# Stands for the interpreter: <it> -P -m polybot.cli.run <process>. The listener ends, as the real
# one does, with the supervisord that speaks to it.
LISTENER = '[ "$3" != polybot.cli.notify_bridge ] || exec cat > /dev/null\n'
POLITE = f"""#!/bin/sh
{LISTENER}echo "$4 started in $POLYBOT__MODE mode"
trap 'echo "$4 stopped"; exit 0' TERM
while :; do sleep 0.05; done
"""
STUBBORN = f"""#!/bin/sh
{LISTENER}trap '' TERM
while :; do sleep 0.05; done
"""


def fake_python(directory: Path, script: str = POLITE) -> Path:
    """Write an interpreter that only waits; its directory has a blank in its name."""
    path = directory / "a clone" / "python"
    path.parent.mkdir(exist_ok=True)
    path.write_text(script)
    path.chmod(0o755)
    return path


@contextmanager
def running(command: list[str], environ: dict[str, str], output: Path) -> Iterator[int]:
    """Run supervisord as `polybot up` would become it; whatever is left is killed at the end."""
    # To append is what `polybot up` makes of a plain redirection.
    with output.open("ab") as file:
        runner = subprocess.Popen(command, env=environ, stdout=file, stderr=subprocess.STDOUT)
    runtime_dir = Path(environ["POLYBOT_RUNTIME_DIR"])
    try:
        yield runner.pid
    finally:
        for process in floor_processes(runtime_dir):
            os.kill(process.pid, signal.SIGKILL)
        runner.wait(timeout=20)


def wait_for_floor(runtime_dir: Path, names: tuple[str, ...] = PROCESSES) -> list[FloorProcess]:
    """Wait until the runner and these processes run."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        found = floor_processes(runtime_dir)
        if {process.name for process in found} == {"runner", *names}:
            return found
        time.sleep(0.05)
    raise AssertionError(f"expected the runner and {names}, was {floor_processes(runtime_dir)}")
