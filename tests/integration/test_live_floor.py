"""Live mode from a private key to a trade, on a second simulator that stands for production."""

import json
import secrets
import subprocess
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from polybot.exchange.signing import OrderSigner
from polybot.exchange.wallet_addresses import deposit_wallet, proxy_wallet, safe_wallet
from tests.integration.floor import POLYBOT, Floor
from tests.integration.production import Elsewhere, live_configuration
from tests.integration.simulator_process import SimulatorProcess
from tests.integration.test_synthetic_floor import is_new

pytestmark = [pytest.mark.floor, pytest.mark.timeout(300)]


@pytest.fixture
def elsewhere() -> Iterator[Elsewhere]:
    made = Elsewhere()
    yield made
    made.close()


@pytest.fixture
def production(tmp_path: Path) -> Iterator[SimulatorProcess]:
    """Run a simulator whose market time is wall time, as the real exchange's is."""
    made = SimulatorProcess(tmp_path / "production", start="now", speed=1)
    made.start()
    yield made
    made.stop()


class Operator:
    """A person with a made-up key, and a floor in live mode against the second simulator."""

    def __init__(self, floor: Floor, production: SimulatorProcess, elsewhere: Elsewhere) -> None:
        self.floor = floor
        self.key = "0x" + secrets.token_hex(32)
        self.address = OrderSigner(self.key).address
        self.config = floor.root / "polybot.toml"
        self.config.write_text(live_configuration(production, elsewhere))

    def init(self, *options: str, key: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run `polybot init` with the key on standard input."""
        return subprocess.run(
            [POLYBOT, "init", "--key-stdin", *options],
            env=self.floor.environ,
            input=f"{key or self.key}\n",
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def doctor(self) -> tuple[int, dict[str, dict[str, str]]]:
        """Run `polybot doctor --live` and return its exit code and its rows by name."""
        # Between two windows it waits for a book to open.
        done = self.floor.command("doctor", "--live", "--yes", "--json", timeout_s=150)
        return done.returncode, {row["check"]: row for row in json.loads(done.stdout)}

    def state(self) -> str:
        return str((self.floor.json("status") or {}).get("trading_state"))


@pytest.fixture
def operator(
    new_floor: Callable[..., Floor], production: SimulatorProcess, elsewhere: Elsewhere
) -> Operator:
    return Operator(new_floor(), production, elsewhere)


def four_alive(floor: Floor) -> bool:
    processes = floor.processes()
    return len(processes) == 4 and all(p["verdict"] == "alive" for p in processes.values())


def test_from_a_key_to_a_trade_and_back(operator: Operator, production: SimulatorProcess) -> None:
    floor = operator.floor
    done = operator.init()
    assert done.returncode == 0, done.stderr
    assert "polybot doctor --live" in done.stdout
    assert operator.key[2:] not in done.stdout + done.stderr + operator.config.read_text()
    code, rows = operator.doctor()
    assert code == 0, [row for row in rows.values() if row["status"] == "fail"]
    assert rows["live order"]["status"] == "ok"
    assert rows["wallet"]["detail"].startswith("deposit wallet")
    (order,) = production.fetch("/simulator/ledger")["orders"]
    assert order["state"] == "CANCELED"

    floor.start()
    floor.wait("four processes alive", lambda: four_alive(floor), timeout_s=60)
    floor.wait("no entries", lambda: operator.state() == "REDUCING", timeout_s=30)
    assert floor.json("status")["arming"]["state"] == "not_armed"
    assert "NOT ARMED" in floor.log_tail(2000)

    armed = floor.command("arm", "--ttl", "2h", "--yes", "--json")
    assert armed.returncode == 0, armed.stdout + armed.stderr
    told = json.loads(armed.stdout)
    assert "armed" in told["trader"]
    floor.wait("real trading", lambda: operator.state() == "ACTIVE", timeout_s=10)
    floor.wait("a trade", lambda: floor.json("trades"), timeout_s=200)

    killed = floor.kill("trader")
    floor.wait("a new trader", lambda: is_new(floor, "trader", killed), timeout_s=30)
    floor.wait("trading again", lambda: operator.state() == "ACTIVE", timeout_s=30)
    status = floor.json("status")
    assert status["arming"]["expires_ns"] == told["expires_ns"]
    assert status["arming"]["armed_ns"] == told["armed_ns"]
    assert "STILL IN FORCE: ARMED: orders are real since" in floor.log_tail(2000)

    assert floor.command("disarm").returncode == 0
    assert operator.state() == "REDUCING"
    before = entries(production)
    threading.Event().wait(5)
    assert entries(production) == before
    audit = floor.command("audit", "--json")
    assert json.loads(audit.stdout)["agrees"], audit.stdout
    assert operator.key[2:] not in floor.log_tail(100_000)
    floor.stop()


def entries(production: SimulatorProcess) -> int:
    """Return how many BUYs the exchange's own books hold."""
    orders = production.fetch("/simulator/ledger")["orders"]
    return sum(order["side"] == "BUY" for order in orders)


def orders_at(production: SimulatorProcess) -> list[Any]:
    found: list[Any] = production.fetch("/simulator/ledger")["orders"]
    return found


def set_wallet(operator: Operator, **values: str | int) -> None:
    """Change what init wrote about the wallet, as a person does by mistake."""
    lines = operator.config.read_text().splitlines()
    kept = [line for line in lines if line.partition(" =")[0] not in values]
    place = kept.index("[wallet]") + 1
    kept[place:place] = [f"{name} = {json.dumps(value)}" for name, value in values.items()]
    operator.config.write_text("\n".join(kept) + "\n")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"funder": "0x" + "12" * 20}, "does not belong to the key"),
        ({"signature_type": 1}, "means e-mail wallet"),
        ({"signature_type": 0}, "means key's own address"),
    ],
    ids=["another's funder", "a kind of proxy", "the key's own kind"],
)
def test_a_wrong_funder_or_kind_fails_and_no_order_is_sent(
    operator: Operator, production: SimulatorProcess, values: dict[str, Any], words: str
) -> None:
    assert operator.init().returncode == 0
    set_wallet(operator, **values)
    code, rows = operator.doctor()
    assert code == 1
    assert rows["wallet"]["status"] == "fail"
    assert words in rows["wallet"]["detail"]
    assert rows["wallet"]["fix"]
    assert rows["live order"]["status"] == "skip"
    assert operator.floor.command("arm", "--yes").returncode == 6
    assert orders_at(production) == []


def test_a_key_changed_after_arming_sends_nothing(
    operator: Operator, production: SimulatorProcess
) -> None:
    floor = operator.floor
    assert operator.init().returncode == 0
    assert floor.command("arm", "--yes").returncode == 0
    env = floor.root / ".env"
    env.write_text(env.read_text().replace(operator.key, "0x" + secrets.token_hex(32)))
    floor.start()
    floor.wait("four processes alive", lambda: four_alive(floor), timeout_s=60)
    floor.wait("no entries", lambda: operator.state() == "REDUCING", timeout_s=30)
    assert floor.json("status")["arming"]["state"] == "refused"
    threading.Event().wait(5)
    assert [order["state"] for order in orders_at(production)] == ["CANCELED"]
    assert "is not one of the key of" in floor.log_tail(100_000)
    assert floor.command("arm", "--yes").returncode == 6
    floor.stop()


def test_every_kind_of_wallet_is_proven_by_an_order_of_its_own(
    operator: Operator, production: SimulatorProcess
) -> None:
    wallets = {
        0: operator.address,
        1: proxy_wallet(operator.address),
        2: safe_wallet(operator.address),
        3: deposit_wallet(operator.address),
    }
    for number, funder in enumerate(wallets.values(), start=1):
        done = operator.init("--funder", funder)
        assert done.returncode == 0, done.stderr
        code, rows = operator.doctor()
        assert (code, rows["live order"]["status"]) == (0, "ok"), rows["live order"]
        assert len(orders_at(production)) == number
    proofs = json.loads((operator.floor.root / "state" / "live-orders.json").read_text())
    assert sorted(proof["signature_type"] for proof in proofs) == [0, 1, 2, 3]
    assert all(proof["order_id"] == proof["order_hash"] for proof in proofs)


def test_a_keys_own_address_without_gas_fails(operator: Operator, elsewhere: Elsewhere) -> None:
    elsewhere.gas_wei = 0
    assert operator.init("--funder", operator.address).returncode == 0
    code, rows = operator.doctor()
    assert (code, rows["gas"]["status"]) == (1, "fail")


def test_a_blocked_place_keeps_a_wallet_out(
    operator: Operator, production: SimulatorProcess, elsewhere: Elsewhere
) -> None:
    assert operator.init().returncode == 0
    elsewhere.blocked = True
    code, rows = operator.doctor()
    assert (code, rows["geoblock"]["status"]) == (1, "fail")
    assert orders_at(production) == []


def test_another_key_is_not_put_in_place_of_the_first(operator: Operator) -> None:
    assert operator.init().returncode == 0
    env = (operator.floor.root / ".env").read_text()
    other = "0x" + secrets.token_hex(32)
    refused = operator.init(key=other)
    assert refused.returncode == 6
    assert "--force" in refused.stderr
    assert (operator.floor.root / ".env").read_text() == env
    replaced = operator.init("--force", "--json", key=other)
    told = json.loads(replaced.stdout)
    assert told["address"] == OrderSigner(other).address
    assert (told["signature_type"], told["wallet"]) == (3, "deposit wallet")
    assert told["balance_usdc"] == "1000"
    assert told["next"] == ["polybot doctor --live"]
    assert other[2:] not in replaced.stdout
    assert other in (operator.floor.root / ".env").read_text()


def test_while_the_exchange_is_away_nothing_is_stored(
    operator: Operator, production: SimulatorProcess
) -> None:
    production.stop()
    done = operator.init()
    assert done.returncode == 1
    assert "nothing was stored" in done.stderr
    assert not (operator.floor.root / ".env").exists()
    assert not (operator.floor.root / "state" / "wallet").exists()


def show_faults(production: SimulatorProcess, *rules: dict[str, Any]) -> None:
    """Let the exchange show these faults from now on, and no others."""
    body = json.dumps({"rules": list(rules)}).encode()
    request = urllib.request.Request(f"{production.url}/simulator/faults", data=body)  # noqa: S310
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        assert answer.status == 200


def test_a_clock_a_minute_off_stops_everything_before_an_order(
    operator: Operator, production: SimulatorProcess
) -> None:
    off = {"fault": "clock_skew", "skew_s": 60, "seconds": 3600}
    show_faults(production, off)
    production.wait_until("/time", lambda told: abs(told - time.time()) > 30)
    done = operator.init()
    assert done.returncode == 1
    assert "60 s behind the exchange's" in done.stderr
    assert "timedatectl" in done.stderr
    assert not (operator.floor.root / ".env").exists()
    show_faults(production)
    production.wait_until("/time", lambda told: abs(told - time.time()) < 30)
    assert operator.init().returncode == 0
    show_faults(production, off)
    production.wait_until("/time", lambda told: abs(told - time.time()) > 30)
    code, rows = operator.doctor()
    assert (code, rows["clock skew"]["status"]) == (1, "fail")
    assert "timedatectl" in rows["clock skew"]["fix"]
    assert operator.floor.command("arm", "--yes").returncode == 6
    assert orders_at(production) == []


def test_an_answer_that_never_comes_leaves_no_order_and_no_proof(
    operator: Operator, production: SimulatorProcess
) -> None:
    assert operator.init().returncode == 0
    lost = {"fault": "withheld_after", "endpoint": "POST /order", "nth": 1, "seconds": 12}
    show_faults(production, lost)
    code, rows = operator.doctor()
    assert (code, rows["live order"]["status"]) == (1, "fail")
    assert "it was taken back" in rows["live order"]["detail"]
    (order,) = orders_at(production)
    assert order["state"] == "CANCELED"
    assert not (operator.floor.root / "state" / "live-orders.json").exists()
    assert operator.floor.command("arm", "--yes").returncode == 0
