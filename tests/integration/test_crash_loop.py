"""The third crash in a minute starts without entries; exits go on, and it comes back by itself."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from polybot.domain.order import Side
from polybot.messages.codec import decode_body, decode_envelope
from polybot.messages.safety import TradingStateChanged
from polybot.messages.trading import OrderSubmitted
from polybot.runtime.journal_reader import JournalReader
from polybot.services.trader.crash_brake import CRASH_LOOP
from tests.integration.floor import Floor
from tests.integration.test_synthetic_floor import is_new

pytestmark = pytest.mark.floor

QUIET_S = 20
# Restarts that the watchdog notices would stop entries too, by a claim of its own.
TOML = f"""
[crash_loop]
quiet_s = {QUIET_S}
[watchdog]
flapping_restarts = 100
[simulator]
speed = 4
[trader]
reconcile_s = 2
[[agents]]
name = "drill"
strategy = "drill"
capital_usdc = 500
[agents.parameters]
aim = "take"
every_s = 8
"""
BATCH = 1000


def test_a_trader_that_keeps_crashing_enters_nothing_exits_and_comes_back_by_itself(
    new_floor: Callable[..., Floor],
) -> None:
    floor = new_floor(toml=TOML)
    floor.start_alive()
    floor.wait("a position", lambda: floor.json("positions"), timeout_s=120)
    for _ in range(3):
        crash(floor)
    reason = floor.wait("no entries", lambda: crash_loop_of(floor), timeout_s=15)
    assert reason["state"] == "REDUCING"
    assert reason["reason"].startswith("3 crashes in ")
    log = floor.log_tail(100_000)
    assert "WARNING trader: 3 crashes in " in log
    assert "starting without entries, waiting 1 s; why: see what the trader logged" in log
    floor.wait("the alert", lambda: alert_of(floor, "trader keeps crashing: 3 cr"), timeout_s=15)

    sold = floor.command("flatten", "--yes", "--wait", "30")
    assert sold.returncode == 0, sold.stdout + sold.stderr
    sides = sides_in_the_loop(floor)
    assert Side.SELL in sides
    assert Side.BUY not in sides

    # A person says that it may go on; the loop is not over for all that.
    assert floor.command("resume", "--reason", "found it").returncode == 0
    floor.wait("trading", lambda: state_of(floor) == "ACTIVE", timeout_s=15)
    crash(floor)
    again = floor.wait("no entries again", lambda: crash_loop_of(floor), timeout_s=15)
    assert again["reason"].startswith("4 crashes in ")
    assert again["since_ns"] > reason["since_ns"]
    entries = len(entered(floor))
    floor.wait("trading again", lambda: state_of(floor) == "ACTIVE", timeout_s=QUIET_S + 30)
    floor.wait("entries", lambda: len(entered(floor)) > entries, timeout_s=60)
    assert Side.BUY not in sides_in_the_loop(floor)
    floor.wait(
        "the alert's end", lambda: not alert_of(floor, "trader keeps crashing"), timeout_s=15
    )


def crash(floor: Floor) -> None:
    """Kill the trader, and wait until another one is alive."""
    old = floor.kill("trader")
    floor.wait(f"a trader after {old}", lambda: is_new(floor, "trader", old), timeout_s=30)


def crash_loop_of(floor: Floor) -> dict[str, Any] | None:
    """Return what the status says of the crash loop, None when it says nothing."""
    reasons = (floor.json("status") or {"reasons": []})["reasons"]
    return next((reason for reason in reasons if reason["source"] == CRASH_LOOP), None)


def alert_of(floor: Floor, text: str) -> bool:
    """Return whether an open alert begins with a text."""
    return any(alert.startswith(text) for alert in floor.json("status")["alerts"])


def state_of(floor: Floor) -> str:
    """Return the trading state, as the trader says it."""
    status = floor.json("status")
    return str(status["trading_state"]) if status else ""


def events_of(floor: Floor) -> Iterator[Any]:
    """Yield the trader's durable events, oldest first."""
    journal = JournalReader(floor.root / "state" / "trader")
    seq = journal.first_seq
    while records := journal.read_from(seq, BATCH):
        for record in records:
            envelope = decode_envelope(record.payload)
            yield decode_body(envelope.type, envelope.body)
        seq = records[-1].seq + 1


def entered(floor: Floor) -> list[OrderSubmitted]:
    """Return the orders that bought."""
    submitted = (event for event in events_of(floor) if isinstance(event, OrderSubmitted))
    return [event for event in submitted if event.order.side is Side.BUY]


def sides_in_the_loop(floor: Floor) -> set[Side]:
    """Return the sides of the orders that were sent while the crash loop held entries back."""
    sides, is_held = set(), False
    for event in events_of(floor):
        if isinstance(event, TradingStateChanged):
            is_held = any(claim.source == CRASH_LOOP for claim in event.claims)
        elif isinstance(event, OrderSubmitted) and is_held:
            sides.add(event.order.side)
    return sides
