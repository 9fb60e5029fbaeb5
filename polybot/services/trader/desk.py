"""From decision to signed order: the strategy decides, risk judges, the journal keeps, then it is sent."""

import logging
from collections import deque
from dataclasses import dataclass, field
from hashlib import blake2b

import msgspec

from polybot.domain.market import Market
from polybot.domain.money import PRICE_ONE_BPS
from polybot.domain.order import TERMINAL, Order, OrderStatus, OrderTrigger
from polybot.domain.risk import Approved, Denied, check
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
from polybot.services.trader.agents import Agent
from polybot.services.trader.bookkeeping import Bookkeeper
from polybot.services.trader.sight import Sight
from polybot.strategies.base import Decision, Intent

logger = logging.getLogger(__name__)

MINUTE_NS = 60_000_000_000
CANCEL_RETRY_NS = 2_000_000_000
# A salt travels as a JSON number, so it stays exact below 2**53.
SALT_MASK = (1 << 53) - 1


@dataclass(slots=True)
class Desk:
    """Decides for one agent and market at a time; collects what is to be sent after the commit."""

    session: str
    books: Bookkeeper
    sight: Sight
    access: ExchangeAccess
    clock: Clock
    market_clock: MarketClock
    limits: RiskLimits
    _numbers: int = 0
    _to_post: list[SignedOrder] = field(default_factory=list)
    _to_cancel: list[str] = field(default_factory=list)
    _cancel_asked_ns: dict[str, int] = field(default_factory=dict)
    _posted_ns: deque[int] = field(default_factory=deque)

    def decide(self, agent: Agent, market: Market) -> None:
        """Let an agent look at a market once and carry out what it decides."""
        view = self.sight.view(agent, market)
        decision = agent.strategy.decide(view)
        agent.note(market.slug, decision)
        if decision.intents or decision.cancels:
            self._act(agent, market, decision)
        elif agent.is_news(market.slug, (decision.action, decision.reason)):
            self._record_decision(agent, market, decision)

    def send(self) -> int:
        """Send what was decided this turn, after its journal records are durable; returns how many."""
        posts, self._to_post = self._to_post, []
        cancels, self._to_cancel = self._to_cancel, []
        for order in posts:
            self._posted_ns.append(self.clock.monotonic_ns())
            self.access.gateway.post(order)
        if cancels:
            self.access.gateway.cancel(cancels)
        for order in posts:
            _say_sent(self.books.state.orders[order.venue_order_id])
        return len(posts) + len(cancels)

    def withdraw(self, reason: str) -> None:
        """Take back orders that were journaled this turn but must not be sent any more."""
        posts, self._to_post = self._to_post, []
        for signed in posts:
            order = self.books.state.orders[signed.venue_order_id]
            self.books.move(order, OrderTrigger.PROVE_ABSENT, code="withheld", detail=reason)

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

    def forget(self, slug: str) -> None:
        """Drop what is kept about a window that is over."""
        live = {o.venue_order_id for o in self.books.state.orders.values() if o.slug != slug}
        self._cancel_asked_ns = {k: v for k, v in self._cancel_asked_ns.items() if k in live}

    def _act(self, agent: Agent, market: Market, decision: Decision) -> None:
        verdicts = [(intent, self._judge(agent, market, intent)) for intent in decision.intents]
        denials = tuple(verdict.reason for _, verdict in verdicts if isinstance(verdict, Denied))
        wanted = [
            order
            for cancel in decision.cancels
            if (order := self.books.state.orders.get(cancel.venue_order_id)) is not None
        ]
        saying = (decision.action, decision.reason, *denials)
        news = agent.is_news(market.slug, saying)
        if news or len(denials) < len(verdicts):
            decision_id = self._record_decision(agent, market, decision)
            for intent, verdict in verdicts:
                self._carry_out(agent, market, intent, verdict, decision_id)
        for order in wanted:
            reason = next(
                c.reason for c in decision.cancels if c.venue_order_id == order.venue_order_id
            )
            self.cancel(order, reason)

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
        risk_state = self.sight.risk_state(agent, market, intent.outcome, sent_last_minute=sent)
        limits = msgspec.structs.replace(self.limits, agent_capital_usdc=agent.capital_usdc)
        return check(intent, risk_state, limits)

    def _carry_out(
        self,
        agent: Agent,
        market: Market,
        intent: Intent,
        verdict: Approved | Denied,
        decision_id: str,
    ) -> None:
        intent_id = self._next_id("i")
        if isinstance(verdict, Denied):
            self._deny(agent, market, intent, verdict, (intent_id, decision_id))
            return
        order = Order(
            intent_id=intent_id,
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
        try:
            signed = self.access.signer.sign(
                order,
                market,
                salt=self._salt(),
                timestamp_ms=self.clock.now_ns() // 1_000_000,
                post_only=intent.post_only,
            )
        except InvalidValue as error:
            denied = Denied(reason="unsignable", checks={"error": str(error)})
            self._deny(agent, market, intent, denied, (intent_id, decision_id))
            return
        self.books.record(
            IntentApproved(
                intent_id=intent_id,
                decision_id=decision_id,
                agent=agent.name,
                slug=market.slug,
                purpose=intent.purpose,
                checks=verdict.checks,
            )
        )
        order = msgspec.structs.replace(order, venue_order_id=signed.venue_order_id)
        self._submit(agent, order, signed, decision_id)

    def _submit(self, agent: Agent, order: Order, signed: SignedOrder, decision_id: str) -> None:
        self.books.record(
            OrderSubmitted(order=order, decision_id=decision_id, body=signed.body.decode()),
            correlation_id=order.intent_id,
        )
        self._to_post.append(signed)
        if order.purpose == "entry":
            agent.entered(order.slug)

    def _deny(
        self, agent: Agent, market: Market, intent: Intent, denied: Denied, ids: tuple[str, str]
    ) -> None:
        intent_id, decision_id = ids
        self.books.record(
            IntentDenied(
                intent_id=intent_id,
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
