"""A whole trader: frames in, one signed order out after the sync; a start picks up its state."""

import asyncio

import msgspec
import pytest

from polybot.domain.market import Outcome
from polybot.domain.order import OrderStatus, OrderTrigger, OrderType, Side
from polybot.domain.trading_state import TradingState
from polybot.errors import ProtocolError, Unauthorized
from polybot.messages.commands import GetStatus, HaltTrading, ResumeTrading, StopEntries
from polybot.messages.lifecycle import MarketTimeChanged
from polybot.messages.trading import (
    AgentResult,
    DecisionMade,
    FillMatched,
    OrderStatusChanged,
    OrderSubmitted,
    ReconcileFinished,
    WindowSummarized,
)
from polybot.services.trader.snapshot import Snapshot
from polybot.strategies.base import Decision, Intent, View
from polybot.strategies.registry import build
from tests.story import CLOSE_NS, SHARES, market_at, settled
from tests.unit.services.trader import frames
from tests.unit.services.trader.fakes_exchange import (
    HOLD,
    ScriptedStrategy,
    accepted,
    looked_up,
    trade_frame,
)
from tests.unit.services.trader.whole_trader import S, WholeTrader

ENTRY = Intent(
    outcome=Outcome.UP,
    side=Side.BUY,
    order_type=OrderType.GTC,
    price_bps=9400,
    size_shares=SHARES,
    purpose="entry",
)


def enters_once(view: View) -> Decision:
    return HOLD if view.orders or not view.up.bid_bps else Decision("enter", "entry", (ENTRY,))


def trading() -> WholeTrader:
    trader = WholeTrader(ScriptedStrategy(enters_once)).ready()
    trader.market.put(frames.books())
    return trader


def statuses(trader: WholeTrader) -> list[OrderStatus]:
    return [order.status for order in trader.state.orders.values()]


def test_a_start_waits_for_the_user_stream_then_reconciles_then_trades() -> None:
    trader = WholeTrader(ScriptedStrategy(enters_once))
    asyncio.run(trader.service.start())
    trader.market.connect()
    trader.turn()
    assert trader.gateway.snapshots == []
    trader.user.connect()
    trader.turn()
    assert len(trader.gateway.snapshots) == 1
    trader.market.put(frames.books())
    trader.turn()
    assert trader.strategy.views == []
    assert trader.service.vitals().trading_state == "RECONCILING"
    trader.gateway.answers.append(trader.gateway.snapshot())
    trader.turn()
    assert trader.service.vitals().trading_state == "ACTIVE"
    assert len(trader.gateway.posted) == 1


def test_frames_in_one_signed_order_out_after_its_record_is_durable() -> None:
    trader = trading()
    trader.turn()
    (submitted,) = trader.outbox.events(OrderSubmitted)
    assert trader.gateway.ids() == [submitted.order.venue_order_id]
    trader.gateway.answers.append(accepted(submitted.order.venue_order_id))
    trader.user.put(trade_frame(submitted.order))
    trader.turn()
    assert statuses(trader) == [OrderStatus.FILLED]
    assert len(trader.outbox.events(FillMatched)) == 1
    for _ in range(5):
        trader.turn()
    assert len(trader.gateway.posted) == 1


def test_the_99c_capture_enters_once_on_the_exchange_s_frames() -> None:
    trader = WholeTrader(build("capture_99c", {}))
    trader.market_clock.market_ns = CLOSE_NS - 75 * S
    trader.ready()
    for _ in range(20):
        trader.market.put(frames.books(bids=(("0.96", "500"),), asks=(("0.97", "500"),)))
        trader.turn()
    (submitted,) = trader.outbox.events(OrderSubmitted)
    assert trader.gateway.ids() == [submitted.order.venue_order_id]
    assert submitted.order.order_type is OrderType.FAK
    assert submitted.order.budget_usdc == 24_250_000
    entered = next(d for d in trader.outbox.events(DecisionMade) if d.action == "enter")
    assert entered.decision_id == submitted.decision_id


def test_a_window_from_entry_to_result() -> None:
    trader = trading()
    trader.turn()
    order = next(iter(trader.state.orders.values()))
    trader.gateway.answers.append(accepted(order.venue_order_id))
    trader.user.put(trade_frame(order, status="CONFIRMED"))
    while trader.market_clock.market_ns < CLOSE_NS + 5 * S:
        trader.turn()
    (summary,) = trader.outbox.events(WindowSummarized)
    assert summary.entered
    assert summary.looks >= 20
    trader.inbox.put(settled(), source="tracker")
    trader.turn()
    (result,) = trader.outbox.events(AgentResult)
    assert result.pnl_usdc > 0
    assert trader.state.inbox == {"tracker": 1}
    assert trader.state.witnesses == trader.inbox.witnesses()
    assert trader.state.witnesses["tracker"].seq == 1


def test_an_outcome_that_waits_is_heard_again_after_a_restart() -> None:
    trader = trading()
    trader.turn()
    order = next(iter(trader.state.orders.values()))
    trader.inbox.put(settled(), source="tracker")
    trader.turn()
    assert trader.state.inbox == {"tracker": 0}
    trader.user.put(trade_frame(order, status="CONFIRMED"))
    trader.turn()
    assert trader.state.inbox == {"tracker": 1}
    assert len(trader.outbox.events(AgentResult)) == 1


def test_a_restored_order_without_an_answer_is_looked_up_never_posted() -> None:
    trader = trading()
    trader.turn()
    (posted,) = trader.gateway.ids()
    trader.build()
    assert statuses(trader) == [OrderStatus.SUBMITTED]
    trader.ready()
    assert statuses(trader) == [OrderStatus.UNKNOWN]
    moved = trader.outbox.events(OrderStatusChanged)[-1]
    assert (moved.trigger, moved.code) == (OrderTrigger.LOSE_ANSWER, "restart")
    order = trader.state.orders[posted]
    for _ in range(12):
        trader.turn()
        if posted in trader.gateway.looked_up:
            trader.gateway.answers.append(looked_up(order, None))
        trader.gateway.answers.append(trader.gateway.snapshot())
    assert statuses(trader) == [OrderStatus.NOT_PLACED]
    assert trader.gateway.ids() == [posted]


def test_a_restored_cancel_without_an_answer_leaves_the_order_s_fate_open() -> None:
    trader = trading()
    trader.turn()
    order = next(iter(trader.state.orders.values()))
    trader.gateway.answers.append(accepted(order.venue_order_id))
    trader.turn()
    parts = trader.service._parts  # noqa: SLF001
    parts.desk.cancel(trader.state.orders[order.venue_order_id], "late")
    trader.outbox.commit()
    trader.build()
    asyncio.run(trader.service.start())
    assert statuses(trader) == [OrderStatus.UNKNOWN]


def test_the_agent_still_knows_after_a_restart_that_it_entered() -> None:
    trader = trading()
    trader.turn()
    trader.build()
    asyncio.run(trader.service.start())
    assert trader.agent.summary(market_at().slug).entered


def test_restarting_at_each_turn_gives_the_same_state_and_posts_nothing_twice() -> None:
    trader = trading()
    for number in range(45):
        if number == 3:
            order = next(iter(trader.state.orders.values()))
            trader.gateway.answers.append(accepted(order.venue_order_id))
            trader.user.put(trade_frame(order, status="CONFIRMED"))
        if number == 40:
            trader.inbox.put(settled(), source="tracker")
        trader.turn()
        before = msgspec.to_builtins(trader.state.to_snapshot({}))
        trader.build()
        after = msgspec.to_builtins(trader.state.to_snapshot({}))
        # How far a peer was heard is only as new as the checkpoint: it is heard again.
        for name in ("inbox", "witnesses"):
            del before[name], after[name]
        assert after == before, f"after turn {number}"
        trader.ready()
    assert len(set(trader.gateway.ids())) == len(trader.gateway.posted) == 1
    assert len(trader.outbox.events(AgentResult)) == 1


def test_memories_come_back_from_the_checkpoint() -> None:
    trader = trading()
    for _ in range(9):
        trader.turn()
    seq, data, _ = trader.checkpoints.saved
    assert 0 < seq <= trader.outbox.last_seq()
    memories = msgspec.json.decode(data, type=Snapshot).memories
    trader.build()
    trader.ready()
    looks = trader.agent.memory(market_at().slug).looks
    assert looks >= msgspec.json.decode(memories[f"capture/{market_at().slug}"])["looks"] > 1


def test_a_loop_that_stood_still_reconciles_before_it_sends_anything() -> None:
    trader = trading()
    trader.turn(seconds=2.1)
    assert trader.gateway.posted == []
    assert trader.service.vitals().trading_state == "RECONCILING"
    trader.gateway.answers.append(trader.gateway.snapshot())
    trader.turn()
    assert trader.outbox.events(ReconcileFinished)[-1].trigger == "stalled loop"
    assert len(trader.gateway.posted) == 1


def test_orders_that_became_durable_too_late_are_not_sent() -> None:
    trader = trading()
    slow_sync = trader.outbox.commit

    def commit() -> None:
        if trader.outbox.events(OrderSubmitted) or any(
            isinstance(event, OrderSubmitted) for _, event in trader.outbox.uncommitted
        ):
            trader.clock.advance(2.5)
        slow_sync()

    trader.outbox.commit = commit
    trader.turn()
    assert trader.gateway.posted == []
    assert statuses(trader) == [OrderStatus.NOT_PLACED]
    assert trader.outbox.uncommitted == []


def test_a_failed_turn_sends_nothing_of_its_own_later_and_reconciles() -> None:
    trader = trading()

    def commit() -> None:
        raise OSError("disk")

    works = trader.outbox.commit
    trader.outbox.commit = commit
    with pytest.raises(OSError, match="disk"):
        trader.turn()
    trader.outbox.commit = works
    trader.turn()
    assert trader.gateway.posted == []
    assert statuses(trader) == [OrderStatus.NOT_PLACED]
    assert trader.service.vitals().trading_state == "RECONCILING"


def test_a_lost_user_stream_stops_entries_and_sweeps_go_on() -> None:
    trader = WholeTrader(ScriptedStrategy(enters_once)).ready()
    trader.user.disconnect()
    trader.market.put(frames.books())
    trader.turn()
    assert trader.service.vitals().trading_state == "REDUCING"
    assert trader.gateway.posted == []
    for _ in range(10):
        trader.turn()
    assert len(trader.gateway.snapshots) == 2


def test_refused_credentials_are_renewed() -> None:
    trader = WholeTrader().ready()
    for _ in range(9):
        trader.turn()
    trader.gateway.answers.append(trader.gateway.snapshot(error=Unauthorized("no", status=401)))
    trader.turn()
    assert trader.access.renewed == 1


def test_without_credentials_nothing_is_asked_or_sent() -> None:
    trader = WholeTrader(ScriptedStrategy(enters_once))
    trader.access.is_ready = False
    trader.start()
    for _ in range(5):
        trader.market.put(frames.books())
        trader.turn()
    gateway = trader.gateway
    assert (gateway.snapshots, gateway.posted, gateway.beats) == ([], [], 0)
    assert trader.service.status() == "logging in at the exchange"


def test_before_market_time_is_known_it_only_listens() -> None:
    trader = WholeTrader()
    trader.market_clock.known = False
    trader.start()
    trader.turn()
    assert trader.catalog.asked == []
    assert "waiting for market time" in trader.service.status()
    trader.inbox.put_volatile(
        MarketTimeChanged(origin_mono_ns=0, origin_market_ns=CLOSE_NS - 20 * S, speed=1.0),
        source="simulator",
    )
    trader.turn()
    assert trader.market_clock.accepted


def test_the_status_says_what_is_traded() -> None:
    trader = trading()
    trader.turn()
    trader.market.age = 0.25
    assert trader.service.status() == (
        f"ACTIVE; 1 order open, book 0.2 s old; 1 window: {market_at().slug}"
    )


def test_the_vitals_tell_the_age_of_each_feed_and_count_its_work() -> None:
    trader = trading()
    before = trader.service.vitals()
    assert before.ages_s == {"market": -1.0, "reference": -1.0}
    trader.turn()
    after = trader.service.vitals()
    assert after.progress == before.progress + 2 + 1
    assert after.market_ns == trader.market_clock.market_ns


@pytest.mark.parametrize(
    ("pace", "expected_s"), [(0.0, 0.25), (1.0, 0.25), (20.0, 0.025), (1000.0, 0.005)]
)
def test_the_loop_looks_twice_in_a_market_second(pace: float, expected_s: float) -> None:
    trader = WholeTrader()
    trader.market_clock.pace = pace
    assert trader.service.next_wake_s() == expected_s


def test_commands_change_the_trading_state_durably_and_wake_the_loop() -> None:
    trader = WholeTrader().ready()
    done = trader.service.handle("StopEntries", StopEntries(source="watchdog", reason="disk"))
    assert done.detail == "trading is REDUCING: disk"
    assert trader.outbox.uncommitted == []
    assert trader.wake.is_set()
    trader.service.handle("HaltTrading", HaltTrading(source="operator", reason="lunch"))
    assert trader.service.vitals().trading_state == "HALTED"
    resume = ResumeTrading(source="operator", reason="back")
    assert trader.service.handle("ResumeTrading", resume).detail == "trading is REDUCING: disk"
    assert "nothing to resume" in trader.service.handle("ResumeTrading", resume).detail
    resume = ResumeTrading(source="watchdog", reason="space again")
    assert trader.service.handle("ResumeTrading", resume).detail == "trading is ACTIVE"


def test_a_command_it_does_not_know_is_refused() -> None:
    with pytest.raises(ProtocolError, match="GetStatus"):
        WholeTrader().service.handle("GetStatus", GetStatus())


def test_a_halt_survives_a_restart_with_its_first_time() -> None:
    trader = WholeTrader().ready()
    trader.service.handle("HaltTrading", HaltTrading(source="operator", reason="lunch"))
    (claim,) = trader.state.claims
    trader.clock.advance(1000)
    trader.build()
    trader.ready()
    assert claim in trader.state.claims
    assert trader.service.vitals().trading_state == TradingState.HALTED.value


def test_stopping_saves_a_last_checkpoint_and_closes_everything() -> None:
    trader = trading()
    trader.turn()
    asyncio.run(trader.service.stop())
    seq, _, _ = trader.checkpoints.saved
    assert seq == trader.outbox.last_seq()
    assert not any(s.running for s in (trader.market, trader.user, trader.price))
    assert trader.tape.closed
