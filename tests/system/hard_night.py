"""What nobody wants at night: every process hangs, the disk is full."""

import signal
import time
from typing import Final

from tests.system.figures import Figures
from tests.system.installed_floor import InstalledFloor
from tests.system.machine import Machine, MachineError
from tests.system.newcomer import log_in

# WatchdogSec of each unit (tests/unit/test_service_units.py holds the page and the units to them).
WATCHDOG_S: Final = {
    "reflector": 120,
    "tracker": 60,
    "simulator": 60,
    "watchdog": 60,
    "trader": 45,
}
MORE_S: Final = 1.0
SMALL_DISK: Final = "400m"


def hang_each(machine: Machine, figures: Figures) -> None:
    """Stop every process with SIGSTOP: systemd aborts it, shows its stack, and starts another."""
    floor = InstalledFloor(machine)
    # A floor of its own: machines of one host share its network, and with it who trades a wallet.
    log_in(
        machine,
        """
        polybot stop || [ $? = 3 ]
        find /var/lib/polybot -mindepth 1 -delete
        systemctl reset-failed 'polybot-*' 2>/dev/null || true
        systemctl start polybot.target
        """,
    )
    floor.wait("all alive", floor.all_alive)
    floor.wait_for_order(0)
    # The slow ones hang beside each other; the two that guard each other hang alone.
    for together in (("reflector", "tracker", "simulator"), ("watchdog",), ("trader",)):
        stopped = {each: floor.signal(each, signal.SIGSTOP) for each in together}
        for process in sorted(together, key=lambda each: WATCHDOG_S[each]):
            limit = WATCHDOG_S[process] + MORE_S
            took = floor.ready_again_s(process, stopped[process], timeout_s=limit + 30)
            figures.add(f"SIGSTOP to READY, {process}", took, limit=limit)
        floor.wait("all alive", floor.all_alive, timeout_s=90)
    _see_stacks(floor)
    log_in(machine, "polybot resume --yes || polybot resume || true")
    before = floor.orders_posted()
    floor.wait_for_order(before)
    floor.judge()


def crash_again_and_again(machine: Machine, figures: Figures) -> None:
    """Kill the trader three times in a minute: it comes back without entries, and is told of."""
    floor = InstalledFloor(machine)
    took = 0.0
    for _ in range(3):
        since = floor.signal("trader", signal.SIGKILL)
        took = floor.ready_again_s("trader", since, timeout_s=30)
    figures.add("third kill -9 in a minute to READY, trader", took)
    floor.wait_for_words("trader", "starting without entries")
    floor.wait_for_words("watchdog", "trader keeps crashing")
    state = floor.polybot("status")["trading_state"]
    if state != "REDUCING":
        raise MachineError(f"expected REDUCING after three crashes in a minute, was {state}")
    floor.judge()


def _see_stacks(floor: InstalledFloor) -> None:
    for process in ("reflector", "tracker", "simulator", "watchdog"):
        said = floor.machine.ask(f"journalctl -u polybot-{process} --no-pager -o cat -n 400")
        if "Fatal Python error: Aborted" not in said:
            raise MachineError(f"expected the stack of {process} in the journal\n{said[-3000:]}")


def fill_the_disk(machine: Machine, figures: Figures) -> None:
    """Fill the disk of the state directory under a floor that trades, then free it."""
    floor = InstalledFloor(machine)
    log_in(
        machine,
        f"""
        cd /
        polybot stop
        mkdir ~/moved
        cp -a /var/lib/polybot/. ~/moved/
        mount -t tmpfs -o size={SMALL_DISK},mode=2770,uid=polybot,gid=polybot tmpfs /var/lib/polybot
        cp -a ~/moved/. /var/lib/polybot/
        systemctl start polybot.target
        """,
    )
    floor.wait("all alive on a small disk", floor.all_alive)
    before = floor.orders_posted()
    floor.wait_for_order(before)
    began = time.monotonic()
    machine.shell("dd if=/dev/zero of=/var/lib/polybot/filler bs=1M 2>/dev/null; true")
    machine.shell("dd if=/dev/zero of=/var/lib/polybot/filler2 bs=4k 2>/dev/null; true")
    floor.wait("entries to be stopped", lambda: _says_no_entries(floor), timeout_s=120)
    figures.add("disk full: until entries are stopped", time.monotonic() - began)
    floor.pid_of("trader")
    machine.ask("rm /var/lib/polybot/filler /var/lib/polybot/filler2")
    floor.wait("all alive after space was freed", floor.all_alive, timeout_s=240)
    log_in(machine, "polybot resume --yes || polybot resume || true")
    before = floor.orders_posted()
    floor.wait_for_order(before)
    floor.judge()
    # Back to the disk of before: what comes next must not meet a disk of its own there.
    log_in(
        machine,
        """
        cd /
        polybot stop
        rm -rf ~/moved
        cp -a /var/lib/polybot ~/moved
        umount /var/lib/polybot
        find /var/lib/polybot -mindepth 1 -delete
        cp -a ~/moved/. /var/lib/polybot/
        systemctl start polybot.target
        """,
    )
    floor.wait("all alive on the disk of before", floor.all_alive)
    floor.judge()


def _says_no_entries(floor: InstalledFloor) -> bool:
    done = floor.machine.shell("polybot status --json")
    return '"ACTIVE"' not in done.stdout and "disk" in done.stdout + floor.journal("-n 300")
