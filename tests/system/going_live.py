"""Live mode on an installed machine, at a second simulator that stands for production."""

import json
import secrets
import tempfile
from pathlib import Path
from typing import Final

from polybot.exchange.signing import OrderSigner
from tests.integration.production import Elsewhere, live_configuration
from tests.integration.simulator_process import SimulatorProcess
from tests.system.figures import Figures
from tests.system.installed_floor import InstalledFloor
from tests.system.machine import Machine, MachineError
from tests.system.newcomer import log_in

LIVE: Final = ("trader", "tracker", "reflector", "watchdog")
_KEY_FILE: Final = "/etc/polybot/credentials/polymarket_private_key.cred"


def go_live(machine: Machine, figures: Figures) -> None:
    """Set up a wallet as root, have the doctor prove it, arm, and trade."""
    floor = InstalledFloor(machine)
    elsewhere = Elsewhere()
    with tempfile.TemporaryDirectory() as directory:
        production = SimulatorProcess(Path(directory) / "production", start="now", speed=1)
        production.start()
        try:
            key = "0x" + secrets.token_hex(32)
            _set_up(floor, live_configuration(production, elsewhere), key)
            _trade(floor, production)
            _look_for_the_key(floor, key)
        finally:
            log_in(machine, "polybot stop")
            production.stop()
            elsewhere.close()


def _set_up(floor: InstalledFloor, configuration: str, key: str) -> None:
    machine = floor.machine
    log_in(machine, "polybot stop || [ $? = 3 ]; find /var/lib/polybot -mindepth 1 -delete")
    (machine.disk / "etc/polybot/polybot.toml").write_text(configuration)
    # Not in the script: systemd logs what it runs.
    (machine.disk / "root/key").write_text(key)
    print(log_in(machine, "polybot init --key-stdin <~/key; rm ~/key"), flush=True)
    if (machine.disk / "var/lib/polybot/wallet/key").exists():
        raise MachineError("polybot init wrote the private key into the state directory")
    told = log_in(machine, "polybot doctor --live --yes", timeout_s=200)
    print(told, flush=True)
    log_in(machine, "systemctl start polybot.target")
    floor.wait("four processes alive", lambda: floor.are_alive(LIVE))
    if floor.show("simulator", "ActiveState") != "inactive":
        raise MachineError("expected no simulator in live mode, one runs")
    log_in(machine, "polybot arm --ttl 2h --yes")


def _trade(floor: InstalledFloor, production: SimulatorProcess) -> None:
    def bought() -> bool:
        # The first one is the doctor's.
        orders = production.fetch("/simulator/ledger")["orders"][1:]
        return any(order["side"] == "BUY" for order in orders)

    floor.wait("a real order", bought, timeout_s=240)
    audit = floor.polybot("audit")
    if not audit["agrees"]:
        raise MachineError(json.dumps(audit))


def _look_for_the_key(floor: InstalledFloor, key: str) -> None:
    """Only the trader has the key, and no log, file or argument shows it."""
    address = OrderSigner(key).address
    machine = floor.machine
    for process in LIVE:
        given = f"/run/credentials/polybot-{process}.service/polymarket_private_key"
        has = key in machine.shell(f"cat {given}").stdout
        if has != (process == "trader"):
            raise MachineError(f"{process}: private key given: {has} ({address})")
    shown = machine.shell(
        f"journalctl --no-pager -o json | grep -c {key[2:]};"
        f" grep -rl {key[2:]} /var/lib/polybot /etc/polybot /run/polybot; ls {_KEY_FILE}"
    ).stdout.split()
    if shown != ["0", _KEY_FILE]:
        raise MachineError(f"expected the key nowhere but encrypted, was {shown}")
