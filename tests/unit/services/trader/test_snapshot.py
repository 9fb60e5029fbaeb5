"""A checkpoint holds the whole state, and one from before a field was there is still read."""

import msgspec

from polybot.messages.trading import AgentResult
from polybot.services.trader.snapshot import Snapshot
from polybot.services.trader.state import TraderState
from tests.story import AGENT, bought, opening, slug_at


def a_state() -> TraderState:
    state = TraderState()
    for event in (opening(), *bought()):
        state.apply(event)
    state.apply(AgentResult(agent=AGENT, slug=slug_at(), pnl_usdc=-5, day="2026-08-20", wall_ns=7))
    return state


def test_a_snapshot_travels_as_json_and_brings_the_state_back() -> None:
    state = a_state()
    data = msgspec.json.encode(state.to_snapshot({}))
    assert TraderState.from_snapshot(msgspec.json.decode(data, type=Snapshot)) == state


def test_a_checkpoint_without_the_newer_fields_is_read() -> None:
    told = msgspec.json.decode(msgspec.json.encode(a_state().to_snapshot({})))
    for name in ("earned", "not_ours", "split"):
        del told[name]
    for order in told["orders"]:
        for name in ("failed_shares", "failed_usdc", "placed"):
            del order[name]
    state = TraderState.from_snapshot(msgspec.convert(told, Snapshot))
    assert state.earned.results == {}
    assert state.results == {(AGENT, slug_at())}
    assert [order.failed_shares for order in state.orders.values()] == [0]
