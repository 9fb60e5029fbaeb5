"""The trader's books beside a model of the exchange, whose messages a test delivers in any order.

What survives a crash is what was journaled and synced, with a checkpoint; requests already on the
wire survive too. At rest, when everything was delivered or healed, books and model must be equal.
"""

from dataclasses import dataclass
from datetime import UTC
from typing import Any

import msgspec

from polybot.domain.market import Outcome
from polybot.domain.money import PRICE_ONE_BPS
from polybot.domain.order import (
    Order,
    OrderStatus,
    OrderTrigger,
    OrderType,
    Side,
)
from polybot.domain.trading_state import TradingState
from polybot.errors import OutcomeUnknown
from polybot.messages.codec import encode
from polybot.messages.trading import (
    OrderSubmitted,
    WindowDiscovered,
)
from polybot.ports import (
    AccountSnapshot,
    CancelAnswer,
    GatewayAnswer,
    OrderLookup,
    PostAnswer,
    StreamFrame,
)
from polybot.services.trader.bookkeeping import Bookkeeper
from polybot.services.trader.cash_check import CashCheck
from polybot.services.trader.claims import RECONCILE, TradingClaims
from polybot.services.trader.holdings_check import HoldingsCheck
from polybot.services.trader.look_ups import LookUps
from polybot.services.trader.order_answers import LOST_ANSWERS, OrderAnswers
from polybot.services.trader.reconcile import Reconciler
from polybot.services.trader.restore import restore
from polybot.services.trader.state import TraderState
from polybot.services.trader.strangers import Strangers
from polybot.services.trader.windows_over import Settler
from tests.fakes import FakeClock, FakeMarketClock, FakeOutbox, make_envelope
from tests.story import CLOSE_NS, SECOND_NS, market_at, opening, settled
from tests.unit.services.trader.fakes_exchange import FakeAccess, FakeGateway
from tests.unit.services.trader.model_exchange import (
    ModelExchange,
    SnapshotQuestion,
)

AGENTS = ("capture", "other")
MARKETS = 2
GRACE_NS = 3 * SECOND_NS
LOST = OutcomeUnknown("timed out", code="no_answer")
# What each order of the model may be called in the books at rest.
ENDED = {OrderStatus.FILLED, OrderStatus.CANCELED}


class Wire(FakeGateway):
    """Keeps the questions of the books until the exchange reads them."""

    def __init__(self) -> None:
        super().__init__()
        self.questions: list[SnapshotQuestion | str] = []

    def request_snapshot(self, *, token_ids: Any, after_s: int, tag: str) -> None:
        self.questions.append(SnapshotQuestion(tuple(token_ids), after_s, tag))

    def look_up(self, venue_order_id: str) -> None:
        self.questions.append(venue_order_id)


@dataclass(slots=True)
class Parts:
    """The parts of the trader that live between two crashes."""

    state: TraderState
    keeper: Bookkeeper
    claims: TradingClaims
    answers: OrderAnswers
    look_ups: LookUps
    reconciler: Reconciler
    settler: Settler


class World:
    """Books and exchange, the wire between them, the disk below the books, and time."""

    def __init__(self, *, shrinks: bool = False) -> None:
        self.exchange = ModelExchange(shrinks=shrinks)
        self.outbox = FakeOutbox("trader")
        self.checkpoint: tuple[int, bytes] | None = None
        self.clock = FakeClock()
        self.market_clock = FakeMarketClock(CLOSE_NS - 50 * SECOND_NS)
        self.wire = Wire()
        # Requests on their way to the exchange, and whose answers nobody waits for any more.
        self.posts: list[Order] = []
        self.orphans: set[str] = set()
        self.cancels: list[tuple[str, ...]] = []
        self.answers: list[GatewayAnswer] = []
        self.submitted: list[Order] = []
        # Taken by the exchange when the books were sure already that it never would be.
        self.too_late: set[str] = set()
        self.outcomes: dict[int, str] = {}
        self.stream_lost = False
        self.parts = self._build(TraderState())
        for number in range(MARKETS):
            self.parts.keeper.record(WindowDiscovered(market=market_at(number)))
        self.parts.keeper.record(opening())
        self._start()
        self.outbox.commit()

    @property
    def now_ns(self) -> int:
        return self.market_clock.now_ns()

    @property
    def state(self) -> TraderState:
        return self.parts.state

    # -- the trader's life

    def _build(self, state: TraderState) -> Parts:
        keeper = Bookkeeper(state, self.outbox, self.market_clock)
        claims = TradingClaims(keeper, self.clock)
        access = FakeAccess(self.wire)
        answers = OrderAnswers(keeper, access)
        look_ups = LookUps(keeper, answers, access, grace_ns=GRACE_NS)
        reconciler = Reconciler(
            books=keeper,
            answers=answers,
            claims=claims,
            access=access,
            market_clock=self.market_clock,
            look_ups=look_ups,
            cash=CashCheck(keeper, answers, self.market_clock),
            holdings=HoldingsCheck(keeper, answers, self.market_clock),
            strangers=Strangers(keeper, claims),
            sweep_ns=30 * SECOND_NS,
        )
        settler = Settler(keeper, claims, self.clock, UTC, 40_000_000)
        return Parts(state, keeper, claims, answers, look_ups, reconciler, settler)

    def _start(self) -> None:
        """Take over a restored state as the service does at its start."""
        parts = self.parts
        parts.claims.claim(RECONCILE, TradingState.RECONCILING, "starting")
        for order in parts.state.open_orders():
            trigger = LOST_ANSWERS.get(order.status)
            if trigger is not None:
                parts.keeper.move(order, trigger, code="restart")
        for number in self.outcomes:
            self._tell_outcome(number)

    def crash(self, kept: int) -> None:
        """Lose what is in memory and, of what was not synced, all but the first `kept` records."""
        self.outbox.committed += self.outbox.uncommitted[:kept]
        self.outbox.uncommitted = []
        self.orphans |= {order.venue_order_id for order in self.posts}
        self.answers.clear()
        self.wire.questions.clear()
        self.exchange.frames.clear()
        self.stream_lost = False
        seq, data = self.checkpoint or (0, None)
        payloads = [encode(envelope) for envelope, _ in self.outbox.committed[seq:]]
        self.parts = self._build(restore(seq, data, payloads).state)
        self._start()
        self.exchange.connected = True

    def save(self) -> None:
        """Write a checkpoint."""
        self.outbox.commit()
        data = msgspec.json.encode(self.state.to_snapshot({}))
        self.checkpoint = (self.outbox.last_seq(), data)

    def turn(self, seconds: float) -> None:
        """Let time pass and do a turn of work, whose events are durable after it."""
        self.clock.advance(seconds)
        self.market_clock.advance(seconds)
        self.parts.reconciler.turn(self.clock.monotonic_ns())
        self.parts.settler.turn(self.now_ns)
        self.outbox.commit()

    # -- orders

    def sellable(self, agent: str, token_id: str) -> int:
        """Return what risk lets an agent sell: what it holds, less what its SELLs may move."""
        position = self.state.positions.get((agent, token_id))
        selling = sum(
            order.open_shares
            for order in self.state.orders.values()
            if (order.agent, order.token_id, order.side) == (agent, token_id, Side.SELL)
        )
        return position.shares - selling if position else 0

    def place(self, order: Order) -> None:
        """Journal an order, and put it on the wire once it is durable."""
        self.submit(order)
        self.outbox.commit()
        self.posts.append(order)

    def submit(self, order: Order) -> None:
        self.parts.keeper.record(OrderSubmitted(order=order, decision_id="d0", body="{}"))
        self.submitted.append(order)

    def arrive(self, order: Order, fate: str, cut: int, *, told: bool) -> None:
        """Let the exchange take an order from the wire and answer; the answer may be lost."""
        self.posts.remove(order)
        answer = self.exchange.take(order, fate, cut, self.now_ns)
        booked = self.state.orders.get(order.venue_order_id)
        if booked is not None and booked.status is OrderStatus.NOT_PLACED:
            self.too_late.add(order.venue_order_id)
        if order.venue_order_id not in self.orphans:
            self.answers.append(answer if told else PostAnswer(order.venue_order_id, LOST))

    def give_up(self, order: Order, *, arrives_late: bool) -> None:
        """Let a POST time out; its bytes are lost, or arrive one day."""
        if order.venue_order_id not in self.orphans:
            self.answers.append(PostAnswer(order.venue_order_id, LOST))
            self.orphans.add(order.venue_order_id)
        if not arrives_late:
            self.posts.remove(order)

    def ask_cancel(self, order: Order) -> None:
        """Ask for a cancel as the desk does."""
        self.parts.keeper.move(order, OrderTrigger.REQUEST_CANCEL)
        self.outbox.commit()
        self.cancels.append((order.venue_order_id,))

    def arrive_cancel(self, index: int, *, told: bool) -> None:
        ids = self.cancels.pop(index)
        answer = self.exchange.cancel(ids)
        self.answers.append(answer if told else CancelAnswer((), {}, LOST, asked=ids))

    # -- messages

    def deliver(self, answer: GatewayAnswer) -> None:
        parts, now = self.parts, self.clock.monotonic_ns()
        if isinstance(answer, PostAnswer):
            parts.answers.posted(answer)
        elif isinstance(answer, CancelAnswer):
            parts.answers.canceled(answer)
        elif isinstance(answer, AccountSnapshot):
            parts.reconciler.accept(answer, now)
        elif isinstance(answer, OrderLookup):
            parts.look_ups.take(answer, now)

    def deliver_frame(self, index: int, *, again: bool = False) -> None:
        frames = self.exchange.frames
        frame = frames[index] if again else frames.pop(index)
        self.parts.answers.stream_frame(StreamFrame("user", 0, data=frame))

    def read(self, index: int, part: int, *, fails: bool = False) -> None:
        """Let the exchange read a question, a snapshot's one part at a time."""
        question = self.wire.questions[index]
        if isinstance(question, str):
            self.wire.questions.pop(index)
            self.answers.append(self.exchange.look_up(question, LOST if fails else None))
            return
        answer = question.read(self.exchange, part)
        if answer is not None:
            self.wire.questions.remove(question)
            self.answers.append(answer)

    def lose_stream(self) -> None:
        """Lose the user stream, with what was on it."""
        self.exchange.frames.clear()
        self.exchange.connected = False
        self.stream_lost = True
        self.parts.look_ups.stream_changed(connected=False)

    def reconnect(self) -> None:
        self.exchange.connected = True
        self.stream_lost = False
        self.parts.look_ups.stream_changed(connected=True)
        self.parts.reconciler.require("user stream")

    # -- windows

    def close_window(self) -> None:
        """Let market time reach the next close."""
        number = next(n for n in range(MARKETS) if market_at(n).close_ns > self.now_ns)
        market = market_at(number)
        self.market_clock.market_ns = market.close_ns
        self.exchange.close(market.slug, self.now_ns)

    def tell_outcome(self, number: int, outcome: str) -> None:
        self.outcomes[number] = outcome
        self._tell_outcome(number)

    def _tell_outcome(self, number: int) -> None:
        told = settled(number, self.outcomes[number])
        self.parts.settler.hear(make_envelope(told, source="tracker", seq=number + 1), told)

    def redeem(self, number: int) -> None:
        """Pay the winning shares out."""
        market = market_at(number)
        up_won = self.outcomes[number] == "Up"
        self.exchange.redeemed |= {market.token_up: up_won, market.token_down: not up_won}

    # -- rest

    def come_to_rest(self, *, keeps_orphans: bool = False) -> None:
        """Deliver what is under way, heal what was lost, and wait until nothing moves.

        Posts whose answers nobody waits for may stay on the wire, to arrive when all are sure that
        they never will.
        """
        for order in list(self.posts):
            is_orphan = order.venue_order_id in self.orphans
            if not (keeps_orphans and is_orphan):
                self.arrive(order, "rest" if is_orphan else "match", 100, told=True)
        while self.cancels:
            self.arrive_cancel(0, told=True)
        for listed in list(self.exchange.orders.values()):
            if listed.state == "DELAYED":
                self.exchange.resolve(listed.order, "kill", 0, self.now_ns)
        while self.exchange.frames:
            self.deliver_frame(0)
        if self.stream_lost:
            self.reconnect()
        self._drain()
        # With sweeps, as they come for ever: a difference of cash must last before it is booked.
        for _ in range(3):
            self.parts.answers.snapshot_wanted = True
            self._wait_until_quiet()

    def _wait_until_quiet(self) -> None:
        quiet = 0
        for _ in range(60):
            before = self.outbox.last_seq()
            self.turn(2)
            self._drain()
            self.outbox.commit()
            settling = any(
                order.status in LOST_ANSWERS or order.status is OrderStatus.UNKNOWN
                for order in self.state.open_orders()
            )
            quiet = quiet + 1 if self.outbox.last_seq() == before and not settling else 0
            if quiet > 3:
                return

    def _drain(self) -> None:
        while self.wire.questions or self.answers:
            while self.wire.questions:
                self.read(0, 0)
            while self.answers:
                self.deliver(self.answers.pop(0))


def an_order(
    number: int,
    *,
    market: int = 0,
    agent: str = AGENTS[0],
    outcome: Outcome = Outcome.UP,
    side: Side = Side.BUY,
    order_type: OrderType = OrderType.GTC,
    price_bps: int = 9500,
    size_shares: int = 10_000_000,
    created_ns: int = CLOSE_NS - 60 * SECOND_NS,
) -> Order:
    """Return an order as the desk submits it."""
    budget = 0
    if side is Side.BUY and not order_type.rests:
        budget = size_shares * price_bps // PRICE_ONE_BPS
        size_shares = budget * PRICE_ONE_BPS // price_bps
    told = market_at(market)
    return Order(
        intent_id=f"i{number}",
        venue_order_id=f"0x{number:04d}",
        agent=agent,
        slug=told.slug,
        token_id=told.token(outcome),
        outcome=outcome,
        side=side,
        order_type=order_type,
        price_bps=price_bps,
        size_shares=size_shares,
        budget_usdc=budget,
        created_ns=created_ns,
        purpose="entry" if side is Side.BUY else "exit",
        status=OrderStatus.SUBMITTED,
    )
