"""The third machine: what an install refuses, a release unpacked, an upgrade while windows run."""

import signal
import subprocess
import time
from typing import Final

from tests.system.figures import Figures
from tests.system.installed_floor import PROCESSES, InstalledFloor
from tests.system.machine import Machine, MachineError
from tests.system.newcomer import ROOT, bring_clone, log_in, refused, unpack_release

RELEASE: Final = "/srv/polybot-before"
BEFORE: Final = "HEAD~1"

# What a person gets wrong, how it is brought about, and a word of the line that must answer it.
REFUSED: Final = {
    "not root": ("runuser -u nobody -- make install", "root"),
    "no systemd": (
        "unshare --mount sh -c 'mount -t tmpfs tmpfs /run/systemd && make install'",
        "systemd",
    ),
    "no space": (
        "unshare --mount sh -c 'mount -t tmpfs -o size=50m tmpfs /opt && make install'",
        "MB",
    ),
    "unsupported image": (
        """
        sed s/^ID=.*/ID=plan9/ /etc/os-release >/srv/os-release
        unshare --mount sh -c 'mount --bind /srv/os-release /etc/os-release && make install'
        """,
        "plan9",
    ),
    "a configuration that fails the check": (
        """
        mkdir -p /etc/polybot
        printf '[trader]\\nseries = ["nonsense"]\\n' >/etc/polybot/polybot.toml
        make install
        """,
        "nonsense",
    ),
}


def refuse(machine: Machine, figures: Figures) -> None:
    """Show every bad start: one clear line, nothing half done."""
    bring_clone(machine)
    log_in(
        machine,
        "apt-get update -qq && apt-get install -y -qq --no-install-recommends git make >/dev/null"
        " && git clone -q /srv/polybot.git /srv/polybot"
        " && git config --system --add safe.directory '*'",
    )
    for what, (script, word) in REFUSED.items():
        said = refused(machine, f"cd /srv/polybot\n{script}")
        told = [line for line in said.splitlines() if word in line]
        if not told:
            raise MachineError(f"{what}: expected a line with {word!r}, was:\n{said}")
        left = machine.shell("ls -A /opt/polybot 2>/dev/null; ls /usr/local/bin/polybot").stdout
        if left.strip():
            raise MachineError(f"{what}: something was half done: {left}")
        print(f"{what}: {told[0]}", flush=True)
    log_in(machine, "rm -rf /etc/polybot /opt/polybot")


def upgrade(machine: Machine, figures: Figures) -> None:
    """Install the commit before from its archive, then upgrade to this one while windows run."""
    floor = InstalledFloor(machine)
    unpack_release(machine, _before(), RELEASE)
    # A release is known by its content: a commit may have changed nothing of it.
    log_in(machine, f"echo >>{RELEASE}/CHANGELOG.md")
    log_in(machine, f"cd {RELEASE} && make install && systemctl start polybot.target")
    floor.wait("a graded window", floor.windows, timeout_s=120)
    first = machine.ask("readlink -f /opt/polybot/current")
    since = time.monotonic_ns()
    print(log_in(machine, "cd /srv/polybot && make upgrade"), flush=True)
    for process in PROCESSES:
        floor.ready_again_s(process, since, timeout_s=60)
    if machine.ask("readlink -f /opt/polybot/current") == first:
        raise MachineError("make upgrade left the old release in use")
    _go_on(floor)
    for process in PROCESSES:
        killed = floor.signal(process, signal.SIGKILL)
        took = floor.ready_again_s(process, killed, timeout_s=30)
        if process == "trader":
            figures.add("kill -9 to READY, trader, after the upgrade", took)
    _go_on(floor)
    _downgrade(floor, first)


def _downgrade(floor: InstalledFloor, release: str) -> None:
    """Go back to the release before, beside a running floor too."""
    print(log_in(floor.machine, "cd /srv/polybot && make rollback"), flush=True)
    now = floor.machine.ask("readlink -f /opt/polybot/current")
    if now != release:
        raise MachineError(f"expected {release} in use after make rollback, was {now}")
    _go_on(floor)


def _go_on(floor: InstalledFloor) -> None:
    floor.wait("all alive", floor.all_alive, timeout_s=90)
    before = floor.orders_posted()
    floor.wait_for_order(before)
    floor.judge()


def _before() -> str:
    """Return the commit before this one, or this one where the history is not here."""
    asked = ["git", "-C", str(ROOT), "rev-parse", "--verify", "--quiet", BEFORE]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise MachineError(f"expected the commit {BEFORE} in this clone, was none: git fetch it")
    return done.stdout.strip()
