"""From decision to order: the strategy decides, risk judges, the journal keeps, then it is sent."""

import logging
from collections import deque
from hashlib import blake2b

import msgspec

from polybot.domain.market import Market
from polybot.domain.money import PRICE_ONE_BPS
from polybot.domain.order import TERMINAL, Order, OrderStatus, OrderTrigger
from polybot.domain.purpose import ENTRY
from polybot.domain.risk import Approved, Denied, check
from polybot.domain.risk_figures import Checks
from polybot.domain.risk_limits import RiskLimits
from polybot.errors import InvalidValue
from polybot.messages.trading import (
    CancelRequested,
    DecisionMade,
    IntentApproved,
    IntentDenied,
    OrderSubmitted,
)
from polybot.ports import Clock, ExchangeAccess, MarketClock, SignedOrder
from polybot.ports.crash_points import reach
from polybot.ports.fence import NO_FENCE, Fence
from polybot.services.trader.agents import Agent
from polybot.services.trader.bookkeeping import Bookkeeper
from polybot.services.trader.order_gate import OrderGate
from polybot.services.trader.sight import Sight
from polybot.strategies.base import Decision, Intent

logger = logging.getLogger(__name__)

MINUTE_NS = 60_000_000_000
CANCEL_RETRY_NS = 2_000_000_000
# A salt travels as a JSON number, so it stays exact below 2**53.
SALT_MASK = (1 << 53) - 1


class _Ready(msgspec.Struct, frozen=True):
    """An order that risk approved and the wallet signed."""

    order: Order
    signed: SignedOrder
    checks: Checks


class Desk(msgspec.Struct):
    """Decides for one agent and market at a time; collects what is to be sent after the commit."""

    session: str
    books: Bookkeeper
    sight: Sight
    access: ExchangeAccess
    clock: Clock
    market_clock: MarketClock
    limits: RiskLimits
    gate: OrderGate
    fence: Fence = NO_FENCE
    _numbers: int = 0
    _to_post: list[SignedOrder] = msgspec.field(default_factory=list)
    _to_cancel: list[str] = msgspec.field(default_factory=list)
    _cancel_asked_ns: dict[str, int] = msgspec.field(default_factory=dict)
    _posted_ns: deque[int] = msgspec.field(default_factory=deque)

    def decide(self, agent: Agent, market: Market) -> None:
        """Let an agent look at a market once and carry out what it decides."""
        view = self.sight.view(agent, market)
        decision = agent.strategy.decide(view)
        reach("decision.made")
        agent.note(market.slug, decision)
        if decision.intents or decision.cancels:
            self._act(agent, market, decision)
        elif agent.is_news(market.slug, (decision.action, decision.reason)):
            self._record_decision(agent, market, decision)

    def carry_out(self, agent: Agent, market: Market, decision: Decision) -> None:
        """Carry out a decision that was made elsewhere, on the same path as a strategy's own."""
        self._act(agent, market, decision)

    def send(self) -> int:
        """Send what was decided, after its records are durable; returns how many requests."""
        posted: list[str] = []
        while self._to_post:
            # Off the list first: whatever happens now, it is not sent a second time.
            signed = self._to_post.pop(0)
            now = self.clock.monotonic_ns()
            self._posted_ns.append(now)
            self.gate.orders.take(1, now)
            reach("order.unsent")
            # The last look before it is out of our hands; a turn that stood still ends here too.
            refusal = self.fence.refusal(now)
            if refusal:
                self._withhold(signed, "fence", refusal)
                continue
            self.access.gateway.post(signed)
            reach("order.handed")
            posted.append(signed.venue_order_id)
        cancels = self._send_cancels()
        for venue_order_id in posted:
            _say_sent(self.books.state.orders[venue_order_id])
        return len(posted) + cancels

    def _send_cancels(self) -> int:
        """Send as many cancels as the exchange takes now; the others wait for a later turn."""
        if not self._to_cancel or self.fence.is_raised():
            return 0
        now = self.clock.monotonic_ns()
        spare = max(0, self.gate.cancels.available(now))
        cancels, self._to_cancel = self._to_cancel[:spare], self._to_cancel[spare:]
        if cancels:
            self.gate.cancels.take(len(cancels), now)
            self.access.gateway.cancel(cancels)
            reach("cancel.handed")
        return len(cancels)

    def withdraw(self, reason: str) -> None:
        """Take back orders that were journaled this turn but must not be sent any more."""
        posts, self._to_post = self._to_post, []
        for signed in posts:
            self._withhold(signed, "withheld", reason)

    def _withhold(self, signed: SignedOrder, code: str, reason: str) -> None:
        order = self.books.state.orders[signed.venue_order_id]
        logger.warning("order %s is not sent: %s", order.venue_order_id[:12], reason)
        self.books.move(order, OrderTrigger.PROVE_ABSENT, code=code, detail=reason)

    def cancel(self, order: Order, reason: str) -> None:
        """Ask for an order's cancellation, at most every two seconds."""
        now = self.clock.monotonic_ns()
        asked = self._cancel_asked_ns.get(order.venue_order_id)
        if order.status in TERMINAL or (asked is not None and now - asked < CANCEL_RETRY_NS):
            return
        self._cancel_asked_ns[order.venue_order_id] = now
        self.books.record(
            CancelRequested(
                venue_order_id=order.venue_order_id,
                agent=order.agent,
                slug=order.slug,
                reason=reason,
            ),
            correlation_id=order.intent_id,
        )
        self.books.move(order, OrderTrigger.REQUEST_CANCEL, detail=reason)
        self._to_cancel.append(order.venue_order_id)
        reach("cancel.recorded")

    def forget(self, slug: str) -> None:
        """Drop what is kept about a window that is over."""
        live = {o.venue_order_id for o in self.books.state.orders.values() if o.slug != slug}
        self._cancel_asked_ns = {k: v for k, v in self._cancel_asked_ns.items() if k in live}

    def _act(self, agent: Agent, market: Market, decision: Decision) -> None:
        decision_id = ""
        denied: list[tuple[Intent, Denied]] = []
        for intent in decision.intents:
            # One by one: each is judged with those before it already in the books.
            ready = self._prepare(agent, market, intent)
            if isinstance(ready, Denied):
                denied.append((intent, ready))
                continue
            decision_id = decision_id or self._record_decision(agent, market, decision)
            self._submit(agent, ready, decision_id)
        saying = (decision.action, decision.reason, *(denial.reason for _, denial in denied))
        if agent.is_news(market.slug, saying) and not decision_id:
            decision_id = self._record_decision(agent, market, decision)
        # A wish that is denied at every look is recorded when it is news, not at every look.
        for intent, denial in denied if decision_id else ():
            self._deny(agent, market, intent, denial, decision_id)
        for cancel in decision.cancels:
            order = self.books.state.orders.get(cancel.venue_order_id)
            if order is not None:
                self.cancel(order, cancel.reason)

    def _record_decision(self, agent: Agent, market: Market, decision: Decision) -> str:
        decision_id = self._next_id("d")
        self.books.record(
            DecisionMade(
                decision_id=decision_id,
                agent=agent.name,
                strategy=agent.strategy.name,
                slug=market.slug,
                action=decision.action,
                reason=decision.reason,
                inputs=decision.inputs,
            )
        )
        logger.debug("%s %s: %s (%s)", agent.name, market.slug, decision.action, decision.reason)
        return decision_id

    def _judge(self, agent: Agent, market: Market, intent: Intent) -> Approved | Denied:
        now = self.clock.monotonic_ns()
        while self._posted_ns and now - self._posted_ns[0] > MINUTE_NS:
            self._posted_ns.popleft()
        sent = len(self._posted_ns) + len(self._to_post)
        risk_state = msgspec.structs.replace(
            self.sight.risk_state(agent, market, intent.outcome, sent_last_minute=sent),
            waits_for=self.gate.why_wait(market.slug, intent, now),
            spare_orders=self.gate.spare_orders(intent, now) - len(self._to_post),
        )
        limits = msgspec.structs.replace(self.limits, agent_capital_usdc=agent.capital_usdc)
        return check(intent, risk_state, limits)

    def _prepare(self, agent: Agent, market: Market, intent: Intent) -> _Ready | Denied:
        verdict = self._judge(agent, market, intent)
        if isinstance(verdict, Denied):
            return verdict
        try:
            order = self._order(agent, market, intent)
            signed = self.access.signer.sign(
                order,
                market,
                salt=self._salt(),
                timestamp_ms=self.clock.now_ns() // 1_000_000,
                post_only=intent.post_only,
            )
        except InvalidValue as error:
            return Denied(reason="unsignable", checks=verdict.checks | {"error": str(error)})
        order = msgspec.structs.replace(order, venue_order_id=signed.venue_order_id)
        return _Ready(order, signed, verdict.checks)

    def _order(self, agent: Agent, market: Market, intent: Intent) -> Order:
        return Order(
            intent_id=self._next_id("i"),
            venue_order_id="",
            agent=agent.name,
            slug=market.slug,
            token_id=market.token(intent.outcome),
            outcome=intent.outcome,
            side=intent.side,
            order_type=intent.order_type,
            price_bps=intent.price_bps,
            size_shares=intent.size_shares
            or intent.budget_usdc * PRICE_ONE_BPS // intent.price_bps,
            budget_usdc=intent.budget_usdc,
            created_ns=self.market_clock.now_ns(),
            purpose=intent.purpose,
            expires_ns=intent.expires_ns,
            status=OrderStatus.SUBMITTED,
        )

    def _submit(self, agent: Agent, ready: _Ready, decision_id: str) -> None:
        order = ready.order
        self.books.record(
            IntentApproved(
                intent_id=order.intent_id,
                decision_id=decision_id,
                agent=agent.name,
                slug=order.slug,
                purpose=order.purpose,
                checks=ready.checks,
            )
        )
        body = ready.signed.body.decode()
        self.books.record(
            OrderSubmitted(order=order, decision_id=decision_id, body=body),
            correlation_id=order.intent_id,
        )
        self._to_post.append(ready.signed)
        reach("order.recorded")
        if order.purpose == ENTRY:
            agent.entered(order.slug)

    def _deny(
        self, agent: Agent, market: Market, intent: Intent, denied: Denied, decision_id: str
    ) -> None:
        self.books.record(
            IntentDenied(
                intent_id=self._next_id("i"),
                decision_id=decision_id,
                agent=agent.name,
                slug=market.slug,
                purpose=intent.purpose,
                reason=denied.reason,
                checks=denied.checks,
            )
        )
        logger.info(
            "denied by risk (%s): %s %s %s of %s",
            denied.reason,
            agent.name,
            intent.side.value,
            intent.outcome.value,
            market.slug,
        )

    def _next_id(self, kind: str) -> str:
        self._numbers += 1
        return f"{kind}-{self.session}-{self._numbers}"

    def _salt(self) -> int:
        # Derived, not drawn: a replayed session signs the same orders.
        seed = f"{self.session}-{self.books.state.salts}-{self._numbers}".encode()
        return int.from_bytes(blake2b(seed, digest_size=8).digest()) & SALT_MASK


def _say_sent(order: Order) -> None:
    # Only once it is on its way: a line of the log takes longer to write than an order to sign.
    logger.info(
        "order %s: %s %s %s %s %.2f @ %.4f (%s) %s",
        order.venue_order_id[:12],
        order.agent,
        order.order_type.value,
        order.side.value,
        order.outcome.value,
        order.size_shares / 1e6,
        order.price_bps / 1e4,
        order.purpose,
        order.slug,
    )
