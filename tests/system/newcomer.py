"""What a newcomer does: the README's lines for a server, as they are written there."""

import re
import shlex
import subprocess
from pathlib import Path
from typing import Final

from tests.system.machine import Machine, MachineError

ROOT: Final = Path(__file__).resolve().parents[2]
# The README's stand-in for the address a person clones from.
ADDRESS_NAME: Final = "POLYBOT_URL"
CLONE_AT: Final = "/srv/polybot.git"
MOST_LINES: Final = 8
_FENCE: Final = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def readme_lines(readme: str) -> list[str]:
    """Return the lines of the README's block for a server; raises MachineError without one."""
    for block in _FENCE.findall(readme):
        if re.search(r"^make install\b", block, re.MULTILINE):
            return [line for line in block.splitlines() if line.strip()]
    raise MachineError("expected a sh block with `make install` in README.md, was none")


def bring_clone(machine: Machine) -> None:
    """Put this repository where the machine can clone it from."""
    target = machine.disk / CLONE_AT.lstrip("/")
    subprocess.run(
        ["git", "clone", "--quiet", "--bare", "--no-hardlinks", str(ROOT), str(target)], check=True
    )
    machine.ask(f"git config --system --add safe.directory {CLONE_AT} 2>/dev/null || true")


def follow_readme(machine: Machine) -> str:
    """Run every line of the README's block in one shell and return what was shown."""
    lines = readme_lines((ROOT / "README.md").read_text())
    if len(lines) > MOST_LINES:
        raise MachineError(f"expected at most {MOST_LINES} lines in README.md, was {len(lines)}")
    # Each line is said before it runs; the first that fails ends it.
    script = "\n".join([f"export {ADDRESS_NAME}={CLONE_AT}", "set -ev", *lines])
    done = machine.log_in(script)
    if done.returncode != 0:
        raise MachineError(f"a line of the README failed ({done.returncode}):\n{done.stdout}")
    return done.stdout


def unpack_release(machine: Machine, commit: str, directory: str) -> None:
    """Unpack a commit's archive on the machine, as a release is unpacked: no clone."""
    archive = subprocess.run(
        ["git", "-C", str(ROOT), "archive", "--format=tar", commit], check=True, capture_output=True
    ).stdout
    target = machine.disk / directory.lstrip("/")
    target.mkdir(parents=True)
    subprocess.run(["tar", "-x", "--no-same-owner", "-C", str(target)], input=archive, check=True)


def log_in(machine: Machine, script: str, timeout_s: float = 600) -> str:
    """Run a person's script and return what was shown; raises MachineError when it fails."""
    done = machine.log_in(f"set -e\n{script}", timeout_s)
    if done.returncode != 0:
        raise MachineError(f"{script}\nended with {done.returncode}:\n{done.stdout}")
    return done.stdout


def refused(machine: Machine, script: str) -> str:
    """Run what must be refused and return the one line it says."""
    done = machine.log_in(script)
    if done.returncode == 0:
        raise MachineError(f"expected {shlex.quote(script)} to be refused, was done\n{done.stdout}")
    return done.stdout.strip()
