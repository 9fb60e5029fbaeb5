"""The first machine: installed by the README, looked at, killed, rebooted, alarmed, uninstalled."""

import re
import signal
import time
from typing import Final

from tests.system.chat_server import ChatServer
from tests.system.figures import Figures
from tests.system.installed_floor import PROCESSES, InstalledFloor
from tests.system.machine import Machine, MachineError
from tests.system.newcomer import bring_clone, follow_readme, log_in, refused
from tests.unit.test_service_units import rows_of_page

# What a unit says in `systemctl status`; each is a sentence about the work, not about the process.
SENTENCES: Final = {
    "simulator": r"windows open, synthetic",
    "trader": r"orders? open, book [0-9.]+ s old; \d windows?",
    "tracker": r"\d+ events stored, \d+ windows not settled",
    "reflector": r"\d+ reflections recorded",
    "watchdog": r"all processes alive",
}
READY_S: Final = 0.6
BOOT_S: Final = 3.0
PSS_MB: Final = 200.0
PSS_WINDOWS: Final = 20
TIMED_KILLS: Final = 7


def install_as_a_newcomer(machine: Machine, figures: Figures) -> None:
    """Follow the README."""
    bring_clone(machine)
    began = time.monotonic()
    shown = follow_readme(machine)
    figures.add("README's lines, from nothing to running", time.monotonic() - began)
    print(shown, flush=True)


def look(machine: Machine, figures: Figures) -> None:
    """Start from cold, read the status sentences, and look as root, as a member, as a stranger."""
    floor = InstalledFloor(machine)
    log_in(machine, "cd / && polybot stop")
    began = time.monotonic()
    log_in(machine, "systemctl start polybot.target")
    figures.add("systemctl start polybot.target, all READY", time.monotonic() - began, limit=BOOT_S)
    if not floor.all_ready():
        raise MachineError(f"not all were READY when start returned\n{floor.journal()}")
    floor.wait("a sentence of each about its work", lambda: _speak(floor))
    floor.wait("all alive", floor.all_alive)
    _look_as_others(machine)
    _look_at_exposure(machine)


def _speak(floor: InstalledFloor) -> bool:
    told = {process: floor.show(process, "StatusText") for process in SENTENCES}
    return all(re.search(sentence, told[process]) for process, sentence in SENTENCES.items())


def _look_as_others(machine: Machine) -> None:
    log_in(
        machine,
        """
        useradd --create-home --groups polybot member
        useradd --create-home stranger
        cd /
        runuser -u member -- polybot status >/dev/null
        runuser -u member -- polybot windows >/dev/null
        runuser -u member -- polybot stopentry --reason 'a member tries'
        runuser -u member -- polybot resume --yes || runuser -u member -- polybot resume
        """,
    )
    said = refused(machine, "cd / && runuser -u stranger -- polybot status")
    if "group polybot" not in said or len(said.splitlines()) != 1:
        raise MachineError(f"expected one line about the group polybot, was {said!r}")
    foreign = InstalledFloor(machine).free_of("polybot")
    if [path for path in foreign if "member" not in path and path]:
        owners = machine.ask("find /var/lib/polybot ! -user polybot -printf '%u %m %p\\n'")
        if "root" in owners.split():
            raise MachineError(f"files of root in the state directory:\n{owners}")


def _look_at_exposure(machine: Machine) -> None:
    """Compare what systemd says of each loaded unit with docs/reference/units.md."""
    for unit, row in rows_of_page().items():
        name = unit.replace("@", "@polybot-trader")
        told = machine.ask(f"systemd-analyze security --no-pager {name} | tail -1")
        found = re.search(r"Overall exposure level for \S+: (\d+\.\d)", told)
        if found is None or found[1] != row[-1]:
            raise MachineError(f"{unit}: expected exposure {row[-1]} as the page says, was: {told}")
        print(f"exposure of {unit}: {found[1]}", flush=True)


def time_kills(machine: Machine, figures: Figures) -> None:
    """Kill the trader again and again: how soon is it READY?"""
    floor = InstalledFloor(machine)
    # The third crash in a minute would wait on purpose, and stop the entries.
    log_in(
        machine,
        """
        cp -p /etc/polybot/polybot.toml ~/as-it-was.toml
        cd /etc/polybot
        sed -i 's/^# crashes = 3$/crashes = 0/' polybot.toml
        sed -i 's/^# flapping_restarts = 3$/flapping_restarts = 99/' polybot.toml
        systemctl restart polybot-watchdog polybot-trader
        """,
    )
    floor.wait("a graded window", floor.windows, timeout_s=90)
    for _ in range(TIMED_KILLS):
        floor.wait("all alive", floor.all_alive)
        since = floor.signal("trader", signal.SIGKILL)
        took = floor.ready_again_s("trader", since, timeout_s=30)
        figures.add("kill -9 to READY, trader", took, limit=READY_S)
    # From here on nothing is known of these kills, and the rules hold.
    log_in(
        machine,
        """
        systemctl stop polybot-trader
        rm /var/lib/polybot/trader/starts.json
        mv ~/as-it-was.toml /etc/polybot/polybot.toml
        systemctl restart polybot-watchdog
        systemctl start polybot-trader
        """,
    )
    floor.wait("all alive", floor.all_alive)
    floor.judge()


def kill_each(machine: Machine, figures: Figures) -> None:
    """Kill every process with SIGKILL while windows run, and compare the books after each."""
    floor = InstalledFloor(machine)
    for process in PROCESSES:
        others = [(each, floor.pid_of(each)) for each in PROCESSES if each != process]
        since = floor.signal(process, signal.SIGKILL)
        took = floor.ready_again_s(process, since, timeout_s=30)
        figures.add(f"kill -9 to READY, {process}, others busy", took)
        if others != [(each, floor.pid_of(each)) for each, _ in others]:
            raise MachineError(f"{process} took another process with it\n{floor.journal()}")
        floor.wait("all alive", floor.all_alive)
        floor.judge()


def reboot(machine: Machine, figures: Figures) -> None:
    """Reboot in mid-window, then kill PID 1: each time it goes on where it was."""
    floor = InstalledFloor(machine)
    for what, again in (("reboot", machine.reboot), ("PID 1 killed", machine.crash)):
        before = floor.orders_posted()
        graded = len(floor.windows())
        began = time.monotonic()
        again()
        floor.wait("all READY after it booted", floor.all_ready)
        figures.add(f"{what}: until all READY, with the boot", time.monotonic() - began)
        floor.wait("all alive", floor.all_alive)
        if floor.orders_posted() < before or len(floor.windows()) < graded:
            raise MachineError(f"{what}: orders or windows were lost")
        floor.wait_for_order(before)
        floor.judge()


def weigh(machine: Machine, figures: Figures) -> None:
    """Weigh the memory once enough windows were graded."""
    floor = InstalledFloor(machine)
    floor.wait(
        f"{PSS_WINDOWS} graded windows", lambda: len(floor.windows()) >= PSS_WINDOWS, timeout_s=300
    )
    name = f"PSS of all services after {PSS_WINDOWS} windows"
    figures.add(name, floor.pss_mb(), unit="MB", limit=PSS_MB)


def alarm(machine: Machine, figures: Figures) -> None:
    """Let a unit reach its start limit: the chat hears of it, the others go on."""
    floor = InstalledFloor(machine)
    chat = ChatServer()
    try:
        log_in(machine, f"printf %s {chat.url} | polybot secret set slack_webhook_url --stdin")
        log_in(machine, "systemctl restart polybot-watchdog")
        log_in(
            machine,
            r"""
            mkdir -p /run/systemd/system/polybot-reflector.service.d
            printf '[Service]\nExecStart=\nExecStart=/bin/false\n' \
              >/run/systemd/system/polybot-reflector.service.d/50-broken.conf
            systemctl daemon-reload
            systemctl restart polybot-reflector || true
            """,
        )
        began = time.monotonic()
        floor.wait(
            "the chat to hear of the start limit", lambda: chat.heard("polybot-reflector"), 120
        )
        figures.add("start limit reached to the chat", time.monotonic() - began)
        state = floor.show("reflector", "ActiveState")
        if state != "failed":
            raise MachineError(f"expected a unit that was given up, was {state}\n{floor.journal()}")
        print(f"the chat heard: {chat.heard('polybot-reflector')}", flush=True)
        log_in(
            machine,
            """
            rm /run/systemd/system/polybot-reflector.service.d/50-broken.conf
            systemctl daemon-reload
            systemctl reset-failed polybot-reflector
            systemctl start polybot-reflector
            """,
        )
        floor.wait("all alive", floor.all_alive)
        log_in(machine, "systemctl start polybot-report.service")
        if not chat.heard("runs: "):
            raise MachineError(f"expected the report in the chat, was {chat.texts}")
        log_in(machine, "polybot secret remove slack_webhook_url")
        log_in(machine, "systemctl restart polybot-watchdog")
        floor.wait("all alive", floor.all_alive)
    finally:
        chat.close()
    _bad_configuration(machine)


def _bad_configuration(machine: Machine) -> None:
    """Break the configuration: the unit ends with 78 and is not tried for ever."""
    floor = InstalledFloor(machine)
    log_in(
        machine,
        """
        cp -p /etc/polybot/polybot.toml ~/good.toml
        printf '\\n[trader]\\nseries = ["nonsense"]\\n' >>/etc/polybot/polybot.toml
        systemctl restart polybot-reflector || true
        """,
    )
    floor.wait(
        "the reflector to give up", lambda: floor.show("reflector", "ActiveState") == "failed", 30
    )
    if floor.show("reflector", "ExecMainStatus") != "78":
        raise MachineError(f"expected exit code 78\n{floor.journal()}")
    log_in(machine, "cp -p ~/good.toml /etc/polybot/polybot.toml")
    log_in(machine, "systemctl reset-failed polybot-reflector; systemctl start polybot-reflector")
    floor.wait("all alive", floor.all_alive)


def back_up_and_restore(machine: Machine, figures: Figures) -> None:
    """Back up while it runs, restore into an empty state directory, and audit."""
    floor = InstalledFloor(machine)
    log_in(machine, "systemctl start polybot-backup.service polybot-cleanup.service")
    floor.judge()
    shown = log_in(
        machine,
        """
        cd /
        polybot stop
        polybot backup create --out ~/floor.tar.zst
        polybot backup verify ~/floor.tar.zst
        mv /var/lib/polybot ~/old-state
        systemd-tmpfiles --create
        polybot backup restore ~/floor.tar.zst
        systemctl start polybot.target
        """,
    )
    print(shown, flush=True)
    floor.wait("all alive", floor.all_alive)
    before = floor.orders_posted()
    floor.wait_for_order(before)
    floor.judge()
    if floor.free_of("polybot"):
        raise MachineError(f"not the service's: {floor.free_of('polybot')}")
    figures.add("graded windows in all", len(floor.windows()), unit="")


def uninstall(machine: Machine, figures: Figures) -> None:
    """Uninstall: state and configuration stay; install again goes on; PURGE=1 leaves nothing."""
    floor = InstalledFloor(machine)
    graded = len(floor.windows())
    print(log_in(machine, "cd polybot && make uninstall"), flush=True)
    log_in(
        machine,
        """
        test -d /var/lib/polybot/trader
        test -f /etc/polybot/polybot.toml
        test ! -e /opt/polybot
        find /usr/local/bin -name 'polybot*' | grep . && exit 1
        systemctl cat polybot.target 2>/dev/null && exit 1
        pgrep -u polybot && exit 1
        true
        """,
    )
    began = time.monotonic()
    log_in(machine, "cd polybot && make install && systemctl start polybot.target")
    figures.add("install again", time.monotonic() - began)
    floor.wait("all alive", floor.all_alive)
    if len(floor.windows()) < graded:
        raise MachineError("windows were lost by make uninstall and make install")
    floor.judge()
    print(log_in(machine, "cd polybot && make verify"), flush=True)
    print(log_in(machine, "cd polybot && PURGE=1 make uninstall"), flush=True)
    log_in(
        machine,
        """
        test ! -e /var/lib/polybot
        test ! -e /etc/polybot
        test ! -e /opt/polybot
        getent passwd polybot && exit 1
        true
        """,
    )
