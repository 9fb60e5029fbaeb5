"""The trader's books with fakes around them, as the tests of its parts start from."""

from typing import Any, TypeVar

from polybot.domain.order import Order, OrderStatus, OrderType
from polybot.messages.trading import OrderSubmitted, WindowDiscovered
from polybot.services.trader.bookkeeping import Bookkeeper
from polybot.services.trader.claims import TradingClaims
from polybot.services.trader.order_answers import OrderAnswers
from polybot.services.trader.state import TraderState
from tests.fakes import FakeClock, FakeMarketClock, FakeOutbox
from tests.story import CLOSE_NS, SECOND_NS, market_at, opening, order_at
from tests.unit.services.trader.fakes_exchange import FakeAccess, FakeGateway

Event = TypeVar("Event")
NOW_NS = CLOSE_NS - 50 * SECOND_NS


class Books:
    """One state, its bookkeeper, claims and answers; market time stands 50 s before the close."""

    def __init__(self, *, funded: bool = True) -> None:
        self.outbox = FakeOutbox("trader")
        self.clock = FakeClock()
        self.market_clock = FakeMarketClock(NOW_NS)
        self.state = TraderState()
        self.keeper = Bookkeeper(self.state, self.outbox, self.market_clock)
        self.claims = TradingClaims(self.keeper, self.clock)
        self.gateway = FakeGateway()
        self.access = FakeAccess(self.gateway)
        self.answers = OrderAnswers(self.keeper, self.access)
        self.keeper.record(WindowDiscovered(market=market_at()))
        if funded:
            self.keeper.record(opening())

    def submit(self, number: int = 0, **changes: Any) -> Order:
        """Journal an order as the desk does, just before it is sent."""
        if market_at(number).slug not in self.state.markets:
            self.keeper.record(WindowDiscovered(market=market_at(number)))
        order = order_at(number, **changes)
        self.keeper.record(OrderSubmitted(order=order, decision_id="d0", body="{}"))
        return order

    def submit_fak(self, number: int = 0, **changes: Any) -> Order:
        """Journal a FAK BUY that spends $23.75 at 0.95 or better."""
        values = {"order_type": OrderType.FAK, "budget_usdc": 23_750_000} | changes
        return self.submit(number, **values)

    def order(self, order: Order) -> Order:
        return self.state.orders[order.venue_order_id]

    def status(self, order: Order) -> OrderStatus:
        return self.order(order).status

    def said(self, kind: type[Event]) -> list[Event]:
        """Return the events of one type recorded so far, durable or not."""
        recorded = [*self.outbox.committed, *self.outbox.uncommitted]
        return [body for _, body in recorded if isinstance(body, kind)]

    def count(self) -> int:
        """Return how many events were recorded so far."""
        return self.outbox.last_seq()
