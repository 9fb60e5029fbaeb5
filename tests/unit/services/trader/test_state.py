"""The state is a fold over durable events: from any checkpoint, replayed, it is the same."""

from typing import Any

import msgspec
import pytest

from polybot.domain.fill import FillStatus
from polybot.domain.order import OrderStatus, OrderTrigger, Side
from polybot.domain.trading_state import Claim, TradingState
from polybot.errors import InvalidTransition
from polybot.messages.codec import encode
from polybot.messages.commands import Witness
from polybot.messages.safety import TradingStateChanged
from polybot.messages.trading import (
    AgentResult,
    CancelRequested,
    ExternalFlowBooked,
    FillMatched,
    FillStatusChanged,
    IntentDenied,
    PositionSettled,
    ReconcileFinished,
)
from polybot.services.trader.restore import restore
from polybot.services.trader.snapshot import Snapshot
from polybot.services.trader.state import FORGET_AFTER_NS, TraderState
from tests.fakes import make_envelope
from tests.story import (
    AGENT,
    CLOSE_NS,
    OPENING_USDC,
    SHARES,
    bought,
    fill_at,
    market_at,
    moved,
    opening,
    order_at,
    paid_out,
    reported,
)

CLAIM = Claim(source="watchdog", state=TradingState.REDUCING, reason="disk", since_ns=77)


def result(number: int, pnl_usdc: int, day: str = "2026-08-20") -> AgentResult:
    return AgentResult(
        agent=AGENT, slug=market_at(number).slug, pnl_usdc=pnl_usdc, day=day, wall_ns=number
    )


def a_session() -> list[Any]:
    """Return events of every kind the fold knows, over four windows."""
    third = order_at(2)
    return [
        opening(),
        *bought(0),
        paid_out(0),
        result(0, 1_166_880),
        TradingStateChanged(state="REDUCING", was="ACTIVE", claims=(CLAIM,)),
        *bought(1),
        reported(1, FillStatus.CONFIRMED),
        ExternalFlowBooked(kind="redemption", amount_usdc=SHARES, token_id=market_at(0).token_up),
        *bought(2)[:5],
        CancelRequested(
            venue_order_id=third.venue_order_id, agent=AGENT, slug=third.slug, reason="late"
        ),
        moved(2, OrderStatus.PENDING_CANCEL, OrderTrigger.REQUEST_CANCEL),
        FillMatched(fill=fill_at(2, size_shares=10_000_000)),
        reported(2, FillStatus.FAILED),
        moved(2, OrderStatus.CANCELED, OrderTrigger.CANCEL),
        paid_out(1, won=False),
        result(1, -23_833_120),
        ExternalFlowBooked(kind="unexplained", amount_usdc=-5_000_000),
        TradingStateChanged(state="ACTIVE", was="REDUCING", claims=()),
        ReconcileFinished(
            trigger="sweep", open_orders=0, fills_seen=3, balance_usdc=1, differences=()
        ),
        *bought(3)[:4],
        moved(3, OrderStatus.UNKNOWN, OrderTrigger.LOSE_ANSWER),
    ]


SESSION = a_session()


def fold(events: list[Any], state: TraderState | None = None) -> TraderState:
    state = state or TraderState()
    for event in events:
        state.apply(event)
    return state


def payloads(events: list[Any]) -> list[bytes]:
    return [encode(make_envelope(event, seq=index + 1)) for index, event in enumerate(events)]


def test_a_session_ends_where_it_should() -> None:
    state = fold(SESSION)
    assert state.cash_usdc == OPENING_USDC - 2 * 23_833_120 + SHARES - 5_000_000
    assert [order.status for order in state.orders.values()] == [
        OrderStatus.FILLED,
        OrderStatus.FILLED,
        OrderStatus.CANCELED,
        OrderStatus.UNKNOWN,
    ]
    assert state.orders[order_at(2).venue_order_id].filled_shares == 0
    assert state.settled == {"1000": True, "2000": False, "1001": False, "2001": True}
    assert state.unredeemed == {}
    assert state.claims == ()
    assert state.day_pnl_usdc == 1_166_880 - 23_833_120
    assert state.losses_in_a_row == {AGENT: 1}
    assert state.last_loss_ns == {AGENT: 1}
    assert state.salts == 4


@pytest.mark.parametrize("stop", range(len(SESSION) + 1))
def test_every_interrupted_state_restores_to_the_straight_fold(stop: int) -> None:
    straight = fold(SESSION[:stop])
    for saved_at in range(stop + 1):
        snapshot = fold(SESSION[:saved_at]).to_snapshot({})
        restored = restore(
            saved_at, msgspec.json.encode(snapshot), payloads(SESSION[saved_at:stop])
        )
        assert restored.state == straight
        assert (restored.checkpoint_seq, restored.replayed) == (saved_at, stop - saved_at)


def test_a_snapshot_survives_its_encoding_and_shares_nothing_with_the_state() -> None:
    state = fold(SESSION)
    state.inbox["tracker"] = 12
    state.witnesses["tracker"] = Witness(seq=12, hash="h")
    memories = {"capture/x": msgspec.Raw(b'{"looks":1}')}
    data = msgspec.json.encode(state.to_snapshot(memories))
    snapshot = msgspec.json.decode(data, type=Snapshot)
    again = TraderState.from_snapshot(snapshot)
    assert again == state
    assert bytes(snapshot.memories["capture/x"]) == b'{"looks":1}'
    again.inbox["tracker"] = 13
    again.apply(opening())
    assert state.inbox == {"tracker": 12}
    assert state == fold(SESSION[:0], TraderState.from_snapshot(snapshot))


def test_events_of_no_consequence_change_nothing() -> None:
    state = fold(SESSION)
    before = msgspec.json.encode(state.to_snapshot({}))
    state.apply(
        IntentDenied(
            intent_id="i",
            decision_id="d",
            agent=AGENT,
            slug="x",
            purpose="entry",
            reason="capital",
            checks={},
        )
    )
    assert msgspec.json.encode(state.to_snapshot({})) == before


def test_fills_before_the_first_balance_leave_cash_unknown() -> None:
    state = fold(bought(0))
    assert state.cash_usdc is None
    state.apply(opening())
    assert state.cash_usdc == OPENING_USDC


def test_a_trade_cannot_be_final_in_two_ways() -> None:
    state = fold([opening(), *bought(0)])
    with pytest.raises(InvalidTransition):
        state.apply(reported(0, FillStatus.FAILED))


def test_shares_settled_later_add_to_what_is_waiting_to_be_paid_out() -> None:
    state = fold([opening(), *bought(0), paid_out(0)])
    token = market_at(0).token_up
    state.apply(
        PositionSettled(
            agent=AGENT,
            slug=market_at(0).slug,
            token_id=token,
            won=True,
            size_shares=-SHARES,
            payout_usdc=-SHARES,
        )
    )
    assert state.unredeemed == {}
    assert state.paid == {(AGENT, token): 0}


def test_the_day_s_result_counts_its_own_day_only() -> None:
    state = fold([result(0, -5), result(1, -7, day="2026-08-21"), result(2, -9)])
    assert (state.day, state.day_pnl_usdc) == ("2026-08-21", -7)
    assert state.pnl_of_day("2026-08-21") == -7
    assert state.pnl_of_day("2026-08-22") == 0
    assert state.losses_in_a_row == {AGENT: 3}


def test_a_window_that_does_not_lose_ends_the_losing_run() -> None:
    state = fold([result(0, -5), result(1, -5), result(2, 0)])
    assert state.losses_in_a_row == {AGENT: 0}


def test_orders_are_found_by_agent_and_window_oldest_first() -> None:
    state = fold(SESSION)
    assert [o.venue_order_id for o in state.orders_in(AGENT, market_at(3).slug)] == ["0xaaaa003"]
    assert state.orders_in("other", market_at(3).slug) == ()
    assert [o.venue_order_id for o in state.open_orders()] == ["0xaaaa003"]


AFTER = CLOSE_NS + FORGET_AFTER_NS + 1


def test_a_settled_window_is_forgotten_an_hour_after_its_close() -> None:
    state = fold([opening(), *bought(0), paid_out(0, won=False), result(0, -1)])
    state.forget_before(AFTER - 1)
    assert state.markets
    state.forget_before(AFTER)
    assert (state.markets, state.orders, state.fills, state.positions) == ({}, {}, {}, {})
    assert (state.settled, state.paid, state.results, state.summarized) == ({}, {}, set(), set())
    assert state.cash_usdc == OPENING_USDC - 23_833_120
    assert state.day_pnl_usdc == -1


KEPT: dict[str, list[Any]] = {
    "a held position without an outcome": bought(0),
    "a position sold again but without a result": [
        *bought(0),
        FillMatched(fill=fill_at(0, trade_id="t9", side=Side.SELL)),
    ],
    "an open order": bought(0)[:5],
    "a trade that is not final": [
        *bought(0)[:5],
        FillMatched(fill=fill_at(0, status=FillStatus.MATCHED)),
        paid_out(0, won=False),
        result(0, -1),
    ],
    "winning shares not paid out yet": [*bought(0), paid_out(0)],
}


@pytest.mark.parametrize("events", KEPT.values(), ids=KEPT.keys())
def test_a_window_is_kept_for_as_long_as_anything_of_it_is_open(events: list[Any]) -> None:
    state = fold([opening(), *events])
    state.forget_before(AFTER * 2)
    assert list(state.markets) == [market_at(0).slug]


def test_forgetting_one_window_leaves_the_others_alone() -> None:
    state = fold([opening(), *bought(0), paid_out(0, won=False), *bought(1)])
    state.forget_before(AFTER)
    assert list(state.markets) == [market_at(1).slug]
    assert list(state.orders) == [order_at(1).venue_order_id]


def test_a_status_report_for_a_forgotten_fill_is_an_error() -> None:
    with pytest.raises(KeyError):
        TraderState().apply(
            FillStatusChanged(
                trade_id="t",
                venue_order_id="o",
                agent=AGENT,
                slug="s",
                status=FillStatus.CONFIRMED,
            )
        )
