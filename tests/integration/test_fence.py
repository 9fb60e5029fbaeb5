"""A trader that stood still behind the watchdog's fence posts nothing, whatever it had in hand."""

import json
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from polybot.domain.trading_state import TradingState
from polybot.messages.safety import (
    FenceCleared,
    FencedOrdersCanceled,
    FencedTraderEnded,
    FenceRaised,
    TradingStateChanged,
)
from polybot.messages.trading import OrderStatusChanged, OrderSubmitted, ReconcileFinished
from polybot.services.trader.fence_watch import FENCE
from tests.integration.children import Children

pytestmark = pytest.mark.floor

ROOT = Path(__file__).resolve().parents[2]
FENCE_S = 5
ARRIVAL_S = 0.5
UNARMED = "tests.integration.unarmed_watchdog"
POST = "POST /order"
# The exchange's own dead man's switch is off: whatever is canceled here, the watchdog canceled.
TOML = f"""
[trader]
series = ["btc-updown-5m", "eth-updown-5m"]
checkpoint_s = 1
reconcile_s = 2
unknown_grace_s = 2
exchange_heartbeat = false
[simulator]
series = ["btc-updown-5m", "eth-updown-5m"]
speed = {{speed}}
[watchdog]
late_s = 2
dead_s = 3
fence_s = {FENCE_S}
[risk]
max_orders_per_minute = 2400
max_open_orders = 1000
max_order_usdc = 1000
max_window_usdc = 100000
max_deployed_usdc = 100000
max_daily_loss_usdc = 100000
[[agents]]
name = "drill"
strategy = "drill"
capital_usdc = 500
[agents.parameters]
order_type = "GTC"
aim = "rest"
behind_ticks = {{behind_ticks}}
every_s = {{every_s}}
rest_s = 3600
"""


@pytest.fixture
def floor(tmp_path: Path) -> Iterator[Children]:
    """Return a floor that orders about twice a second."""
    children = Children(tmp_path, TOML.format(speed=4, every_s=4, behind_ticks=0))
    yield children
    children.close()


@pytest.fixture
def deep_floor(tmp_path: Path) -> Iterator[Children]:
    """Return a floor whose orders rest too far from the market to be filled within the test."""
    children = Children(tmp_path, TOML.format(speed=1, every_s=0.2, behind_ticks=20))
    yield children
    children.close()


def begin(floor: Children, *, watchdog: str = "polybot.cli.run") -> None:
    """Start a floor, and wait until it trades."""
    floor.start("simulator")
    floor.start("tracker")
    floor.start("watchdog", module=watchdog)
    floor.start("trader")
    floor.wait("orders at the exchange", lambda: len(posts(floor)) > 1, 60)


def posts(floor: Children, since_ns: int = 0) -> list[dict[str, Any]]:
    """Return the orders that arrived at the exchange since a moment of wall time."""
    rows = [row for row in floor.requests() if row["request"] == POST]
    return [row for row in rows if row["wall_ns"] > since_ns]


def resting(floor: Children) -> set[str]:
    """Return the ids of the orders that rest at the exchange."""
    ledger = floor.ledger()
    return {row["order_id"] for row in ledger["orders"] if row["state"] == "LIVE"}


def said(floor: Children, process: str, kind: type) -> list[Any]:
    """Return the durable events of one kind of a process, oldest first."""
    return [body for _, body in floor.events(process) if isinstance(body, kind)]


def submitted(floor: Children) -> dict[str, str]:
    """Return the orders the trader journaled: the POST's body by the order's id."""
    return {s.order.venue_order_id: s.body for s in said(floor, "trader", OrderSubmitted)}


def unsent(floor: Children) -> list[str]:
    """Return the orders that are journaled and never arrived at the exchange."""
    arrived = {json.dumps(json.loads(row["body"]), sort_keys=True) for row in posts(floor)}
    return [
        order_id
        for order_id, body in submitted(floor).items()
        if json.dumps(json.loads(body), sort_keys=True) not in arrived
    ]


def fence_of(floor: Children) -> dict[str, Any]:
    """Return the fence as it is kept."""
    fence: dict[str, Any] = json.loads((floor.state / "fence.json").read_text())
    return fence


def newest_ns(floor: Children) -> int:
    """Return when the newest request reached the exchange."""
    return max(int(row["wall_ns"]) for row in floor.requests())


def comes_back(floor: Children, since_ns: int) -> None:
    """Start the trader as a service manager does, and see it reconcile and trade by itself."""
    reconciles = len(said(floor, "trader", ReconcileFinished))
    floor.start("trader")
    floor.wait("a new order", lambda: posts(floor, since_ns), 60)
    assert len(said(floor, "trader", ReconcileFinished)) > reconciles
    arrived = [json.loads(row["body"])["order"]["salt"] for row in posts(floor)]
    assert len(arrived) == len(set(arrived)), "an order was posted twice"


@pytest.mark.parametrize("point", ["order.unsent", "orders.sending"])
def test_a_stopped_trader_with_an_order_in_its_hand_wakes_behind_the_fence_and_posts_nothing(
    floor: Children, point: str
) -> None:
    begin(floor, watchdog=UNARMED)
    stop_with_an_order_in_hand(floor, point)
    stopped_ns = newest_ns(floor)
    (in_hand,) = unsent(floor)
    floor.wait(
        "the fence, and that nobody may kill",
        lambda: said(floor, "watchdog", FencedTraderEnded),
        FENCE_S + 20,
    )
    (ended,) = said(floor, "watchdog", FencedTraderEnded)
    assert not ended.is_over
    assert fence_of(floor)["epoch"] == 1
    assert floor.is_stopped("trader")

    floor.go_on("trader")

    assert floor.exit_code("trader", 20) == 1
    late = posts(floor, stopped_ns)
    assert late == [], (stopped_ns, in_hand, unsent(floor))
    critical = [line for line in floor.log("trader").splitlines() if "CRITICAL" in line]
    assert len(critical) == 1, critical
    assert "shut out: the watchdog raised the fence to epoch 1" in critical[0]
    comes_back(floor, stopped_ns)
    floor.wait("its end", lambda: status_of(floor, in_hand) == "NOT_PLACED", 60)
    assert in_hand in unsent(floor)


def stop_with_an_order_in_hand(floor: Children, point: str) -> None:
    """Stop the trader where a journaled order has not left; other requests pass that point too."""
    for _ in range(20):
        floor.stand_still_at("trader", f"{point}#1")
        # What left just before is written down by the exchange a moment later.
        time.sleep(ARRIVAL_S)
        if len(unsent(floor)) == 1:
            return
        floor.go_on("trader")
    raise AssertionError(f"no order was in hand at {point}")


def status_of(floor: Children, order_id: str) -> str:
    """Return the newest status of an order in the trader's journal, "" when it has none."""
    found = [e for e in said(floor, "trader", OrderStatusChanged) if e.venue_order_id == order_id]
    return str(found[-1].status.value) if found else ""


def test_a_stopped_trader_is_killed_and_what_it_left_at_the_exchange_is_canceled(
    deep_floor: Children,
) -> None:
    floor = deep_floor
    begin(floor)
    floor.wait("orders that rest", lambda: len(resting(floor)) > 2, 60)
    floor.stop("trader")
    stopped_ns = newest_ns(floor)
    left = resting(floor)

    assert floor.exit_code("trader", FENCE_S + 20) == -signal.SIGKILL
    # The service manager is quick: the next trader is there while the orders are still canceled.
    floor.start("trader")
    floor.wait("the fence to be cleared", lambda: said(floor, "watchdog", FenceCleared), 40)

    (raised,) = said(floor, "watchdog", FenceRaised)
    assert raised.epoch == 1
    assert not left & resting(floor)
    canceled = {i for e in said(floor, "watchdog", FencedOrdersCanceled) for i in e.order_ids}
    assert left <= canceled
    (cleared,) = said(floor, "watchdog", FenceCleared)
    assert cleared.canceled == len(canceled)
    assert seconds_of_empty_listings(floor, cleared_ns(floor)) >= 5
    floor.wait("a new order", lambda: posts(floor, stopped_ns), 60)
    assert posts(floor, stopped_ns)[0]["wall_ns"] > cleared_ns(floor)
    assert fence_of(floor)["is_cleared"]
    held = [
        [claim.state for claim in event.claims if claim.source == FENCE]
        for event in said(floor, "trader", TradingStateChanged)
    ]
    assert [TradingState.REDUCING] in held
    assert held[-1] == []


def test_the_program_of_last_resort_cancels_what_a_dead_trader_left(deep_floor: Children) -> None:
    floor = deep_floor
    begin(floor)
    floor.wait("orders that rest", lambda: len(resting(floor)) > 2, 60)
    floor.stop("watchdog")
    floor.stop("trader")
    left = resting(floor)
    # The system's own Python, and nothing of this environment.
    where = ["--state-dir", str(floor.state), "--runtime-dir", str(floor.runtime)]
    guard = [str(ROOT / "bin" / "polybot-guard"), "cancel-all", *where]
    environ = {"PATH": "/usr/bin:/bin", "POLYBOT_CONFIG": str(floor.root / "polybot.toml")}

    planned = subprocess.run([*guard, "--dry-run"], env=environ, capture_output=True, check=True)
    assert left <= resting(floor)
    subprocess.run(guard, env=environ, capture_output=True, check=True, timeout=60)

    assert planned.stdout.count(b"would cancel") >= len(left)
    assert not resting(floor) & left


def cleared_ns(floor: Children) -> int:
    """Return when the fence was cleared, in wall time."""
    (told,) = [
        envelope for envelope, body in floor.events("watchdog") if isinstance(body, FenceCleared)
    ]
    return int(told.ts_init)


def seconds_of_empty_listings(floor: Children, until_ns: int) -> float:
    """Return the time between the first listing after the last cancel and the last one."""
    before = [row for row in floor.requests() if row["wall_ns"] < until_ns]
    canceled_ns = max(row["wall_ns"] for row in before if row["request"] == "DELETE /orders")
    listed = [row["wall_ns"] for row in before if row["request"] == "GET /data/orders"]
    first = min(at for at in listed if at > canceled_ns)
    return float(max(listed) - first) / 1e9
