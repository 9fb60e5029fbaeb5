"""What must wait is told why; exits wait less than entries, and entries leave them a reserve."""

import msgspec
import pytest

from polybot.domain.market import Outcome
from polybot.domain.order import OrderType, Side
from polybot.services.trader.order_gate import PROBE_NS, SLOW_NS, OrderGate, Pause, bucket_of
from polybot.strategies.base import Intent
from tests.story import market_at
from tests.unit.services.trader.books import Books
from tests.unit.services.trader.fakes_exchange import passed

S = 1_000_000_000
SLUG = market_at().slug
ENTRY = Intent(
    outcome=Outcome.UP,
    side=Side.BUY,
    order_type=OrderType.GTC,
    price_bps=9400,
    size_shares=10_000_000,
    purpose="entry",
)
EXIT = msgspec.structs.replace(ENTRY, side=Side.SELL, purpose="hard_stop")
QUOTE = msgspec.structs.replace(ENTRY, post_only=True)


def a_gate(rate: float = 8.0) -> OrderGate:
    books = Books()
    return OrderGate(
        bucket_of(rate), bucket_of(rate), passed(books.keeper, books.claims, market_at())
    )


def test_an_open_gate_lets_everything_through() -> None:
    gate = a_gate()
    assert [gate.why_wait(SLUG, intent, 0) for intent in (ENTRY, EXIT, QUOTE)] == ["", "", ""]


def test_a_window_without_a_verdict_takes_exits_only() -> None:
    gate = a_gate()
    assert "preflight" in gate.why_wait("another", ENTRY, 0)
    assert gate.why_wait("another", EXIT, 0) == ""


@pytest.mark.parametrize("scope", ["everything", "market"])
def test_entries_wait_out_a_pause_and_exits_only_to_the_next_probe(scope: str) -> None:
    gate = a_gate()
    pause = Pause("restarting", until_ns=10 * S, probe_ns=PROBE_NS)
    if scope == "everything":
        gate.pause_everything(pause)
    else:
        gate.pause_market(SLUG, pause)
    assert gate.why_wait(SLUG, EXIT, PROBE_NS - 1) == "restarting"
    assert gate.why_wait(SLUG, EXIT, PROBE_NS) == ""
    assert gate.why_wait(SLUG, ENTRY, 10 * S - 1) == "restarting"
    assert gate.why_wait(SLUG, ENTRY, 10 * S) == ""
    elsewhere = gate.why_wait("another", EXIT, 0)
    assert elsewhere == ("restarting" if scope == "everything" else "")


def test_in_post_only_mode_makers_pass_and_takers_wait() -> None:
    gate = a_gate()
    gate.pause_everything(Pause("post_only", until_ns=S, probe_ns=S, takers_only=True))
    assert gate.why_wait(SLUG, QUOTE, 0) == ""
    assert gate.why_wait(SLUG, ENTRY, 0) == "post_only"
    assert gate.why_wait(SLUG, EXIT, 0) == "post_only"


def test_a_released_market_goes_on_at_once() -> None:
    gate = a_gate()
    gate.pause_market(SLUG, Pause("short of funds", until_ns=S, probe_ns=S))
    gate.release(SLUG)
    gate.release(SLUG)
    assert gate.why_wait(SLUG, ENTRY, 0) == ""


def test_entries_leave_a_quarter_of_the_burst_to_exits() -> None:
    gate = a_gate(8.0)
    assert (gate.spare_orders(ENTRY, 0), gate.spare_orders(EXIT, 0)) == (9, 12)
    gate.orders.take(9, 0)
    assert (gate.spare_orders(ENTRY, 0), gate.spare_orders(EXIT, 0)) == (0, 3)


def test_the_exchange_s_own_count_and_warning_are_heeded() -> None:
    gate = a_gate(8.0)
    assert not gate.heard(remaining=2, warned=False, now_ns=0)
    assert gate.spare_orders(EXIT, 0) == 2
    assert gate.heard(remaining=None, warned=True, now_ns=0)
    assert not gate.heard(remaining=None, warned=True, now_ns=1)
    assert gate.spare_orders(EXIT, S) == 6
    assert gate.cancels.is_slow(SLOW_NS)
    assert not gate.cancels.is_slow(SLOW_NS + 1)
