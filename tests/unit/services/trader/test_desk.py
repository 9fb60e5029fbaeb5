"""Decisions become orders that are journaled, then sent, once; what is denied does not flood."""

from datetime import UTC
from typing import Any

import msgspec
import pytest

from polybot.domain.market import Outcome
from polybot.domain.order import OrderStatus, OrderTrigger, OrderType, Side
from polybot.domain.risk_limits import RiskLimits
from polybot.domain.token_bucket import TokenBucket
from polybot.messages.trading import (
    CancelRequested,
    DecisionMade,
    IntentApproved,
    IntentDenied,
    OrderSubmitted,
)
from polybot.ports import StreamFrame
from polybot.services.trader.agents import Agent
from polybot.services.trader.desk import CANCEL_RETRY_NS, SALT_MASK, Desk
from polybot.services.trader.market_data import MarketData
from polybot.services.trader.order_gate import Pause
from polybot.services.trader.reference import ReferenceBook
from polybot.services.trader.sight import Sight
from polybot.strategies.base import CancelIntent, Decision, Intent
from tests.story import AGENT, market_at
from tests.unit.services.trader import frames
from tests.unit.services.trader.books import NOW_NS, Books
from tests.unit.services.trader.fake_fence import FakeFence
from tests.unit.services.trader.fakes_exchange import (
    FakeAccess,
    FakeGateway,
    ScriptedStrategy,
    body_types,
    open_gate,
    passed,
)

ENTRY = Intent(
    outcome=Outcome.UP,
    side=Side.BUY,
    order_type=OrderType.GTC,
    price_bps=9400,
    size_shares=10_000_000,
    purpose="entry",
)
OTHER = Intent(
    outcome=Outcome.DOWN,
    side=Side.BUY,
    order_type=OrderType.GTC,
    price_bps=500,
    size_shares=10_000_000,
    purpose="hedge",
)


def enter(*intents: Intent, reason: str = "entry") -> Decision:
    return Decision(action="enter", reason=reason, intents=intents, inputs={"ask": 1})


def cancel(*ids: str) -> Decision:
    cancels = tuple(CancelIntent(venue_order_id=i, reason="late") for i in ids)
    return Decision(action="cancel", reason="late", cancels=cancels)


class Case:
    """A desk with one agent whose strategy decides what a test says."""

    def __init__(self, limits: RiskLimits | None = None, session: str = "s1") -> None:
        self.books = Books()
        self.books.gateway = FakeGateway(self.books.outbox)
        self.access = FakeAccess(self.books.gateway)
        self.fence = FakeFence()
        self.data = MarketData()
        self.data.watch([market_at()])
        self.data.accept(StreamFrame("market", 0, data=frames.books()))
        self.strategy = ScriptedStrategy()
        self.agent = Agent(AGENT, self.strategy, 200_000_000, frozenset())
        sight = Sight(
            state=self.books.state,
            claims=self.books.claims,
            data=self.data,
            reference=ReferenceBook(),
            clock=self.books.clock,
            market_clock=self.books.market_clock,
            zone=UTC,
        )
        self.desk = Desk(
            session=session,
            books=self.books.keeper,
            sight=sight,
            access=self.access,
            clock=self.books.clock,
            market_clock=self.books.market_clock,
            limits=limits or RiskLimits(),
            gate=open_gate(passed(self.books.keeper, self.books.claims, market_at())),
            fence=self.fence,
        )
        self.books.outbox.commit()
        self.start = self.books.count()

    def decide(self, decision: Decision | None = None) -> None:
        self.strategy.next = decision
        self.desk.decide(self.agent, market_at())

    def send(self) -> int:
        self.books.outbox.commit()
        return self.desk.send()

    def types(self) -> list[str]:
        outbox = self.books.outbox
        return body_types([*outbox.committed, *outbox.uncommitted])[self.start :]

    @property
    def gateway(self) -> FakeGateway:
        return self.books.gateway

    def only_order(self) -> Any:
        (order,) = self.books.state.orders.values()
        return order


def test_an_approved_intent_is_explained_journaled_and_posted_once() -> None:
    case = Case()
    case.decide(enter(ENTRY))
    assert case.types() == ["DecisionMade", "IntentApproved", "OrderSubmitted"]
    assert case.gateway.posted == []
    assert case.send() == 1
    assert case.send() == 0
    order = case.only_order()
    assert case.gateway.ids() == [order.venue_order_id]
    assert (order.status, order.created_ns) == (OrderStatus.SUBMITTED, NOW_NS)
    (decision,) = case.books.said(DecisionMade)
    (approved,) = case.books.said(IntentApproved)
    (submitted,) = case.books.said(OrderSubmitted)
    assert decision.inputs == {"ask": 1}
    assert approved.decision_id == submitted.decision_id == decision.decision_id
    assert approved.intent_id == order.intent_id
    assert approved.checks["price_bps"] == 9400
    assert submitted.body.encode() == case.gateway.posted[0].body


def test_nothing_is_posted_before_its_record_is_durable() -> None:
    case = Case()
    case.decide(enter(ENTRY))
    with pytest.raises(AssertionError, match="before its record was durable"):
        case.desk.send()


def test_a_budget_says_how_many_shares_it_buys_at_least() -> None:
    case = Case()
    fak = Intent(
        outcome=Outcome.UP,
        side=Side.BUY,
        order_type=OrderType.FAK,
        price_bps=9500,
        budget_usdc=23_750_000,
        purpose="entry",
    )
    case.decide(enter(fak))
    assert case.only_order().size_shares == 25_000_000


def test_a_hold_is_recorded_when_its_reason_changes() -> None:
    case = Case()
    for reason in ("low", "low", "late", "late", "low"):
        case.decide(Decision(action="hold", reason=reason))
    assert [d.reason for d in case.books.said(DecisionMade)] == ["low", "late", "low"]


def test_a_denied_intent_is_recorded_once_however_often_it_is_wished_for() -> None:
    case = Case(RiskLimits(max_order_usdc=1_000_000))
    for _ in range(100):
        case.decide(enter(ENTRY))
    assert case.types() == ["DecisionMade", "IntentDenied"]
    (denied,) = case.books.said(IntentDenied)
    assert denied.reason == "order_too_big"
    assert case.send() == 0


def test_a_denial_for_another_reason_is_news() -> None:
    case = Case(RiskLimits(max_order_usdc=1_000_000))
    case.decide(enter(ENTRY))
    case.desk.limits = RiskLimits(min_buy_bps=9500)
    case.decide(enter(ENTRY))
    assert [d.reason for d in case.books.said(IntentDenied)] == ["order_too_big", "price_too_low"]


@pytest.mark.parametrize("broken", ["signer", "order"])
def test_an_order_that_cannot_be_made_is_denied_once_not_fatal(broken: str) -> None:
    case = Case()
    intent = ENTRY
    if broken == "signer":
        case.access.signer.refusal = "expected a price on the tick"
    else:
        intent = Intent(
            outcome=Outcome.UP,
            side=Side.BUY,
            order_type=OrderType.FAK,
            price_bps=9500,
            size_shares=10_000_000,
            purpose="entry",
        )
    for _ in range(20):
        case.decide(enter(intent))
    assert case.types() == ["DecisionMade", "IntentDenied"]
    (denied,) = case.books.said(IntentDenied)
    assert denied.reason == "unsignable"
    assert "expected" in str(denied.checks["error"])


def test_two_intents_of_one_decision_are_judged_one_after_the_other() -> None:
    case = Case()
    case.decide(enter(ENTRY, ENTRY, OTHER))
    assert case.types() == [
        "DecisionMade",
        "IntentApproved",
        "OrderSubmitted",
        "IntentApproved",
        "OrderSubmitted",
        "IntentDenied",
    ]
    assert [d.reason for d in case.books.said(IntentDenied)] == ["duplicate_entry"]
    assert case.send() == 2


def test_orders_waiting_to_be_sent_count_for_the_minute_s_limit() -> None:
    case = Case(RiskLimits(max_orders_per_minute=1))
    case.decide(enter(ENTRY, OTHER))
    assert [d.reason for d in case.books.said(IntentDenied)] == ["orders_per_minute"]
    case.send()
    case.books.clock.advance(59)
    case.decide(enter(OTHER, reason="hedge"))
    assert len(case.books.state.orders) == 1
    case.books.clock.advance(2)
    case.decide(enter(OTHER, reason="hedge"))
    assert len(case.books.state.orders) == 2


def test_a_cancel_is_requested_journaled_and_sent_once_in_two_seconds() -> None:
    case = Case()
    case.decide(enter(ENTRY))
    case.send()
    order = case.only_order()
    case.books.keeper.move(order, OrderTrigger.ACCEPT)
    for _ in range(5):
        case.decide(cancel(order.venue_order_id))
    assert case.gateway.canceled == []
    assert case.send() == 1
    assert case.gateway.canceled == [order.venue_order_id]
    assert len(case.books.said(CancelRequested)) == 1
    assert case.books.status(order) is OrderStatus.PENDING_CANCEL
    case.books.clock.advance(CANCEL_RETRY_NS / 1e9)
    case.decide(cancel(order.venue_order_id))
    case.send()
    assert case.gateway.canceled == [order.venue_order_id] * 2


def test_an_order_that_is_over_or_foreign_is_not_canceled() -> None:
    case = Case()
    case.decide(enter(ENTRY))
    order = case.only_order()
    case.books.keeper.move(order, OrderTrigger.REJECT)
    case.decide(cancel(order.venue_order_id, "0xforeign"))
    case.send()
    assert case.gateway.canceled == []


def test_withdrawn_orders_were_never_placed_and_are_not_sent() -> None:
    case = Case()
    case.decide(enter(ENTRY))
    case.desk.withdraw("the loop stood still")
    assert case.books.status(case.only_order()) is OrderStatus.NOT_PLACED
    assert case.send() == 0
    assert case.gateway.posted == []


def test_an_order_whose_sending_broke_is_neither_sent_again_nor_called_unsent() -> None:
    case = Case()
    case.decide(enter(ENTRY, OTHER))
    case.gateway.breaks_on = "post"
    with pytest.raises(ValueError, match="broke"):
        case.send()
    case.gateway.breaks_on = ""
    case.desk.withdraw("its turn failed")
    first, second = case.books.state.orders.values()
    assert (first.status, second.status) == (OrderStatus.SUBMITTED, OrderStatus.NOT_PLACED)
    assert case.send() == 0


def test_a_window_that_is_over_leaves_nothing_behind() -> None:
    case = Case()
    case.decide(enter(ENTRY))
    order = case.only_order()
    case.desk.cancel(order, "late")
    case.desk.forget(market_at(1).slug)
    case.desk.cancel(order, "late")
    assert len(case.books.said(CancelRequested)) == 1
    case.desk.forget(market_at().slug)
    case.desk.cancel(order, "late")
    assert len(case.books.said(CancelRequested)) == 2


def test_salts_are_derived_exact_and_never_the_same() -> None:
    cases = [Case(), Case(), Case(session="s2")]
    for case in cases:
        case.decide(enter(ENTRY, OTHER))
    ids = [list(case.books.state.orders) for case in cases]
    assert ids[0] == ids[1]
    assert not set(ids[0]) & set(ids[2])
    assert all(int(i, 16) <= SALT_MASK for i in ids[0] + ids[2])


def test_the_agent_knows_that_it_entered() -> None:
    case = Case()
    case.decide(enter(OTHER))
    assert not case.agent.summary(market_at().slug).entered
    case.decide(enter(ENTRY))
    assert case.agent.summary(market_at().slug).entered


def test_an_order_the_exchange_would_not_take_now_is_denied_before_it_is_journaled() -> None:
    case = Case()
    case.desk.gate.pause_everything(Pause("restarting", until_ns=1 << 62, probe_ns=1 << 62))
    case.decide(enter(ENTRY))
    assert case.send() == 0
    (denied,) = case.books.said(IntentDenied)
    assert (denied.reason, denied.checks["waits_for"]) == ("exchange_waits", "restarting")
    assert case.books.said(OrderSubmitted) == []


def test_orders_beyond_the_rate_are_denied_and_those_sent_are_counted() -> None:
    case = Case()
    case.desk.gate.orders = TokenBucket(per_second=1, burst=4)
    for number in range(5):
        wish = msgspec.structs.replace(OTHER, size_shares=(10 + number) * 1_000_000)
        case.decide(enter(wish, reason=f"wish {number}"))
    assert case.send() == 4
    (denied,) = case.books.said(IntentDenied)
    assert (denied.reason, denied.checks["spare_orders"]) == ("rate_limit", 0)
    assert case.desk.gate.orders.available(case.books.clock.monotonic_ns()) == 0


def test_cancels_beyond_the_rate_wait_for_a_later_turn_and_all_are_sent_once() -> None:
    case = Case()
    case.desk.gate.cancels = TokenBucket(per_second=2, burst=2)
    orders = [case.books.submit(number) for number in range(5)]
    for order in orders:
        case.desk.cancel(order, "late")
    sent = [case.send() for _ in range(2)]
    assert sent == [2, 0]
    for _ in range(2):
        case.books.clock.advance(1)
        case.send()
    assert sorted(case.gateway.canceled) == sorted(order.venue_order_id for order in orders)
