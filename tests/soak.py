"""`make soak`: hours of market time with every fault of the exchange, judged by its own books.

Runs one floor on the synthetic market, eight series side by side, faults from a file, far faster
than the clock; then turns the faults off, lets everything settle and compares: `polybot audit`
must agree, and the database must equal the simulated exchange's books to the micro-unit.
"""

import argparse
import json
import sqlite3
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any, Final

from tests.integration.books import differences
from tests.integration.floor import Floor

ROOT: Final = Path(__file__).resolve().parents[1]
SERIES: Final = tuple(
    f"{asset}-updown-{length}" for asset in ("btc", "eth", "sol", "xrp") for length in ("5m", "15m")
)
HOUR_NS: Final = 3_600_000_000_000
REPORT_S: Final = 30.0
SETTLE_S: Final = 240.0
# A day's orders are thousands, and the official client reads each that is not open by its id.
AUDIT_S: Final = 600.0
# Some refusals only a person may end (a region not served, a key not known), and this exchange
# shows them too: whoever looks after it comes after this many wall seconds.
PERSON_S: Final = 5.0

TOML: Final = """\
[trader]
series = {series}
tape_cap_mb = 256
[simulator]
series = {series}
speed = {speed}
seed = {seed}
protocol = "mixed"
faults = "{faults}"
opening_balance_usdc = 100000
[risk]
max_daily_loss_usdc = 100000
max_consecutive_losses = 1000
max_open_orders = 500
max_orders_per_minute = 2400
max_deployed_usdc = 10000
[[agents]]
name = "capture"
capital_usdc = 10000
[[agents]]
name = "early"
capital_usdc = 10000
[agents.parameters]
min_confidence = 0.7
max_spread = 0.1
filter_stable_price = 0.7
filter_max_jump = 0.3
filter_max_opponent = 0.45
[[agents]]
name = "patient"
capital_usdc = 10000
[agents.parameters]
entry_style = "resting"
entry_price = 0.8
min_confidence = 0.75
max_spread = 0.1
filter_stable_price = 0.75
filter_max_jump = 0.3
filter_max_opponent = 0.45
cancel_confidence = 0.5
"""


def main() -> int:
    """Run the soak and return 0 when both sides agree at the end."""
    wanted = _arguments()
    root = Path(wanted.directory or tempfile.mkdtemp(prefix="polybot-soak-"))
    root.mkdir(parents=True, exist_ok=True)
    toml = TOML.format(
        series=json.dumps(list(SERIES)),
        speed=float(wanted.speed),
        seed=wanted.seed,
        faults=Path(wanted.faults).resolve(),
    )
    floor = Floor(root, toml=toml)
    print(f"soak: {wanted.hours:g} market hours at speed {wanted.speed:g}, in {root}", flush=True)
    floor.start()
    try:
        floor.wait("five processes alive", floor.all_alive, timeout_s=120)
        _play(floor, wanted.hours)
        return _judge(floor)
    finally:
        floor.close()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--hours", type=float, default=24.0, help="market hours to play")
    parser.add_argument("--speed", type=float, default=60.0, help="market seconds per second")
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--faults", default=str(ROOT / "config" / "faults.toml"), metavar="FILE")
    parser.add_argument("--directory", metavar="DIR", help="where the floor keeps everything")
    return parser.parse_args()


def _play(floor: Floor, hours: float) -> None:
    began_ns, last_report = 0, 0.0
    person = Person(floor)
    while True:
        status = floor.json("status") or {}
        person.look(status)
        now_ns = int(status.get("now_ns") or 0)
        began_ns = began_ns or now_ns
        played_h = (now_ns - began_ns) / HOUR_NS
        if time.monotonic() - last_report >= REPORT_S or played_h >= hours:
            last_report = time.monotonic()
            print(
                f"{played_h:6.2f} h  {_figures(floor, status)}, {person.resumed} resumed",
                flush=True,
            )
        if played_h >= hours:
            return
        time.sleep(2.0)


class Person:
    """Who is called when trading stays stopped: looks, and says `polybot resume`."""

    def __init__(self, floor: Floor) -> None:
        self.resumed = 0
        self._floor = floor
        self._stopped_s: float | None = None

    def look(self, status: dict[str, Any]) -> None:
        """Resume when trading has been stopped for a while."""
        if status.get("trading_state") in ("ACTIVE", "RECONCILING"):
            self._stopped_s = None
        elif self._stopped_s is None:
            self._stopped_s = time.monotonic()
        elif time.monotonic() - self._stopped_s >= PERSON_S:
            self._floor.command("resume", "--reason", "looked at it during the soak")
            self._stopped_s = None
            self.resumed += 1


def _figures(floor: Floor, status: dict[str, Any]) -> str:
    ledger = _ask(floor, "/simulator/ledger")
    injected = _ask(floor, "/simulator/faults")
    memory = sum(_rss_mb(process["pid"]) for process in status.get("processes", []))
    verdicts = {p["name"]: p["verdict"] for p in status.get("processes", [])}
    late = [f"{name} {verdict}" for name, verdict in verdicts.items() if verdict != "alive"]
    return (
        f"{len(ledger['orders'])} orders, {len(ledger['executions'])} executions, "
        f"{injected['total']} faults, {memory} MiB, {status.get('trading_state')}"
        + (f"; {', '.join(late)}" if late else "")
    )


def _judge(floor: Floor) -> int:
    _ask(floor, "/simulator/faults", body={"rules": []})
    floor.command("stopentry", "--reason", "the soak is over")
    print("faults are off, nothing new is entered; letting everything settle", flush=True)
    deadline = time.monotonic() + SETTLE_S
    left: list[str] = ["not compared"]
    while left and time.monotonic() < deadline:
        time.sleep(5.0)
        left = differences(floor)
    audit = floor.command("audit", "--json", timeout_s=AUDIT_S)
    told = json.loads(audit.stdout) if audit.stdout else {"agrees": False}
    twice = _doubled_entries(floor)
    for line in left[:50]:
        print(f"difference: {line}")
    print(f"windows that an agent bought twice: {twice}")
    print(
        f"audit agrees: {told.get('agrees')} ({told.get('orders')} orders, "
        f"{told.get('fills')} fills, {told.get('windows')} windows)"
    )
    for line in (told.get("differences") or [])[:50]:
        print(f"audit: {line}")
    equal = not left and told.get("agrees") is True and audit.returncode == 0 and not twice
    print("soak: equal" if equal else "soak: NOT equal", flush=True)
    return 0 if equal else 1


def _doubled_entries(floor: Floor) -> int:
    """Count the windows in which more than one entry of an agent bought and kept what it bought."""
    path = floor.root / "state" / "tracker" / "ledger.sqlite"
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
        rows = connection.execute(
            "SELECT venue_order.agent, venue_order.slug FROM venue_order JOIN fill"
            " ON fill.venue_order_id = venue_order.venue_order_id"
            " WHERE venue_order.side = 'BUY' AND fill.status <> 'FAILED'"
            " GROUP BY venue_order.agent, venue_order.slug"
            " HAVING count(DISTINCT venue_order.venue_order_id) > 1"
        ).fetchall()
    return len(rows)


def _ask(floor: Floor, path: str, body: dict[str, Any] | None = None) -> Any:
    url = json.loads((floor.runtime / "simulator.json").read_text())["url"]
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(  # noqa: S310
        url + path, data=data, headers={"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
        return json.loads(answer.read())


def _rss_mb(pid: int | None) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) // 1024 for line in lines if line.startswith("VmRSS")), 0)


if __name__ == "__main__":
    sys.exit(main())
