"""One trader per wallet: a second floor is refused, and whoever else trades the wallet halts it."""

import json
import shutil
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.integration.floor import Floor
from tests.integration.trading_client import TradingClient

pytestmark = pytest.mark.floor

SHARES = 5_000_000
NewFloor = Callable[..., Floor]


def started(new_floor: NewFloor, **settings: str) -> Floor:
    """Start a floor on slow market time and wait until it trades."""
    floor = new_floor(**{"POLYBOT__SIMULATOR__SPEED": "1", **settings})
    floor.start_alive(timeout_s=90)
    floor.wait("trading", lambda: state_of(floor) == "ACTIVE", timeout_s=60)
    return floor


def state_of(floor: Floor) -> str:
    status = floor.json("status")
    return str(status["trading_state"]) if status else ""


def share_wallet(first: Floor, second: Floor, *names: str) -> None:
    """Give a floor that was never started files of another one's wallet."""
    wallet = second.root / "state" / "wallet"
    wallet.mkdir(mode=0o700, parents=True)
    (second.root / "state").chmod(0o700)
    for name in names:
        shutil.copy(first.root / "state" / "wallet" / name, wallet / name)


def ended(floor: Floor) -> bool:
    return floor.left_running() == []


class Stranger:
    """Somebody else with the floor's own key."""

    def __init__(self, floor: Floor) -> None:
        self.floor = floor
        endpoints = json.loads((floor.runtime / "simulator.json").read_text())
        key = (floor.root / "state" / "wallet" / "key").read_text().strip()
        self.client = TradingClient(endpoints["url"], key)
        self.client.login()

    def order(self) -> str:
        """Place an order that rests far from the market, and return its id."""
        token_id = self.floor.wait("an open window", self._open_token, timeout_s=60)
        status, answer = self.client.limit(token_id, 100, SHARES)
        assert (status, answer["success"]) == (200, True), answer
        return self.client.known[-1]

    def _open_token(self) -> str:
        rows = self.floor.json("markets") or []
        found = [row["token_ids"] for row in rows if row["status"] == "open" and row["token_ids"]]
        return str(next(iter(found[0].values()))) if found else ""

    def beat(self) -> None:
        """Send a heartbeat, with the id that the exchange says it expects."""
        _, answer = self.client.call("POST", "/v1/heartbeats", {"heartbeat_id": ""})
        following = {"heartbeat_id": answer["heartbeat_id"]}
        status, _ = self.client.call("POST", "/v1/heartbeats", following)
        assert status == 200


def is_halted(floor: Floor) -> bool:
    return state_of(floor) == "HALTED"


def reasons(floor: Floor) -> dict[str, str]:
    told: list[dict[str, Any]] = floor.json("status")["reasons"]
    return {claim["source"]: claim["reason"] for claim in told}


def test_a_second_floor_on_the_same_wallet_is_refused_whatever_its_directories(
    new_floor: NewFloor,
) -> None:
    first = started(new_floor)
    trader = first.pid_of("trader")

    second = new_floor()
    share_wallet(first, second, "key", "credentials.json")
    refused = second.command("up")
    assert refused.returncode == 6, refused.stdout + refused.stderr
    assert f"process {trader}," in refused.stderr
    assert f"state {first.root / 'state'}, sockets {first.runtime}" in refused.stderr

    # With the key alone only the trader can know: it stops its floor, and nothing tries again.
    third = new_floor()
    share_wallet(first, third, "key")
    third.start()
    deadline = time.monotonic() + 60
    while "must not start" not in third.log_tail(2000) and time.monotonic() < deadline:
        time.sleep(0.2)
    while not ended(third) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert ended(third), third.log_tail()
    log = third.log_tail(2000)
    assert log.count("trader must not start") == 1
    assert f"process {trader}," in log

    other = started(new_floor)
    assert first.pid_of("trader") == trader
    assert state_of(first) == "ACTIVE"
    assert state_of(other) == "ACTIVE"


@pytest.fixture
def halted(new_floor: NewFloor) -> tuple[Floor, Stranger, str]:
    """Return a floor halted by an order of a stranger, the stranger, and the order."""
    floor = started(new_floor, POLYBOT__TRADER__RECONCILE_S="2")
    stranger = Stranger(floor)
    order_id = stranger.order()
    floor.wait("a halt", lambda: is_halted(floor), timeout_s=20)
    return floor, stranger, order_id


def test_an_order_nobody_here_signed_halts_until_a_person_decides(
    halted: tuple[Floor, Stranger, str],
) -> None:
    floor, stranger, first = halted
    assert first in reasons(floor)["foreign_writer"]
    assert "polybot adopt" in reasons(floor)["foreign_writer"]

    killed = floor.kill("trader")
    floor.wait("a new trader", lambda: floor.pid_of("trader") not in (0, killed), timeout_s=60)
    floor.wait("the halt over a restart", lambda: is_halted(floor), timeout_s=30)

    adopted = floor.command("adopt", first[:12], "--json")
    assert adopted.returncode == 0, adopted.stderr
    assert json.loads(adopted.stdout)["adopted"] == [first]
    floor.wait("trading again", lambda: state_of(floor) == "ACTIVE", timeout_s=30)
    time.sleep(5)
    assert state_of(floor) == "ACTIVE", "the same order halted again"
    assert first in {row["order_id"] for row in floor.json("orders") if not row["ours"]}

    second = stranger.order()
    floor.wait("a halt by the next one", lambda: is_halted(floor), timeout_s=20)
    assert second in reasons(floor)["foreign_writer"]
    assert first not in reasons(floor)["foreign_writer"]
    assert floor.command("resume", "--reason", "both are mine").returncode == 0
    floor.wait("trading again", lambda: state_of(floor) == "ACTIVE", timeout_s=30)
    time.sleep(5)
    assert state_of(floor) == "ACTIVE"
    assert floor.command("adopt", "0xdeadbeef").returncode == 2


def test_a_heartbeat_somebody_else_sends_halts_until_a_person_decides(new_floor: NewFloor) -> None:
    floor = started(new_floor)
    stranger = Stranger(floor)
    # The chain proves something once it is this trader's own.
    time.sleep(12)
    assert state_of(floor) == "ACTIVE"
    stranger.beat()
    floor.wait("a halt", lambda: is_halted(floor), timeout_s=20)
    assert "polybot resume" in reasons(floor)["foreign_heartbeat"]
    assert floor.command("resume", "--reason", "that was me").returncode == 0
    floor.wait("trading again", lambda: state_of(floor) == "ACTIVE", timeout_s=30)
    time.sleep(12)
    assert state_of(floor) == "ACTIVE"
