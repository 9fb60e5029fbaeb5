"""What the exchange says about our orders: answers, the user stream, and look-ups, as order moves."""

import logging
from dataclasses import dataclass, field

from polybot.domain.order import TERMINAL, Order, OrderStatus, OrderTrigger
from polybot.errors import (
    ExchangeError,
    OutcomeUnknown,
    PolybotError,
    ProtocolError,
    Unavailable,
)
from polybot.exchange.account_rows import own_fills
from polybot.exchange.wire_codec import FrameDecoder
from polybot.exchange.wire_user_stream import (
    CANCELLATION,
    PLACEMENT,
    OrderEvent,
    TradeEvent,
    UserEvent,
    plain_status,
    user_decoder,
)
from polybot.ports import CancelAnswer, ExchangeAccess, OrderLookup, PostAnswer, StreamFrame
from polybot.services.trader.bookkeeping import Bookkeeper

logger = logging.getLogger(__name__)

ENDED_AT_VENUE = frozenset({"CANCELED", "INVALID", "CANCELED_MARKET_RESOLVED", "UNMATCHED"})


@dataclass(slots=True)
class OrderAnswers:
    """Applies answers to orders.

    `closing` holds, for FAK and FOK orders that matched, the trades still to come: when they are
    all booked, what is left of the order is known to be dead. `look_up` collects ids whose true
    state must be asked for; `snapshot_wanted` says that trades are missing here.
    """

    books: Bookkeeper
    access: ExchangeAccess
    closing: dict[str, set[str]] = field(default_factory=dict)
    look_up: set[str] = field(default_factory=set)
    snapshot_wanted: bool = False
    errors_in_a_row: int = 0
    _decoder: FrameDecoder[UserEvent] = field(default_factory=user_decoder)

    def posted(self, answer: PostAnswer) -> None:
        """Apply the answer to a POST."""
        order = self.books.state.orders[answer.venue_order_id]
        error = answer.error
        if error is None:
            self.errors_in_a_row = 0
            self.books.move(order, OrderTrigger.ACCEPT, code=answer.status)
            if not order.order_type.rests:
                self.closing[order.venue_order_id] = set(answer.trade_ids)
                self._close_if_complete(order.venue_order_id)
            return
        trigger = _trigger_of(error)
        code = error.code if isinstance(error, ExchangeError) else type(error).__name__
        logger.warning(
            "order %s of %s: %s (%s): %s",
            order.venue_order_id[:12],
            order.agent,
            trigger.value,
            code,
            error,
        )
        self.books.move(order, trigger, code=code, detail=str(error))
        if trigger is OrderTrigger.LOSE_ANSWER:
            self.look_up.add(order.venue_order_id)
        if not isinstance(error, ExchangeError) or error.status is None:
            self.errors_in_a_row += 1

    def canceled(self, answer: CancelAnswer) -> None:
        """Apply the answer to a cancel; what it leaves open is looked up."""
        if answer.error is not None:
            logger.warning("cancel: %s", answer.error)
            self.errors_in_a_row += 1
            pending = (o for o in self.books.state.open_orders() if _is_canceling(o))
            self.look_up.update(order.venue_order_id for order in pending)
            return
        self.errors_in_a_row = 0
        for venue_order_id in answer.canceled:
            self._end(venue_order_id, OrderTrigger.CANCEL, "canceled")
        for venue_order_id, words in answer.not_canceled.items():
            order = self.books.state.orders.get(venue_order_id)
            if order is not None and order.status not in TERMINAL:
                self.books.move(order, OrderTrigger.REFUSE_CANCEL, detail=words)
                self.look_up.add(venue_order_id)

    def stream_frame(self, frame: StreamFrame) -> None:
        """Apply one frame of the user stream."""
        decoder = self._decoder
        refused = decoder.refused
        for event in decoder.decode(frame.data):
            if isinstance(event, TradeEvent):
                self._trade(event)
            elif isinstance(event, OrderEvent):
                self._order(event)
        # An event nobody could read may have been a fill: the snapshot tells.
        self.snapshot_wanted = self.snapshot_wanted or decoder.refused > refused

    def looked_up(self, lookup: OrderLookup) -> bool:
        """Apply a look-up; returns True when the exchange positively does not know the order."""
        order = self.books.state.orders.get(lookup.venue_order_id)
        if order is None or lookup.error is not None:
            return False
        told = lookup.order
        if told is None:
            return True
        self.look_up.discard(order.venue_order_id)
        if told.matched_shares > order.filled_shares:
            self.snapshot_wanted = True
        if told.status in ENDED_AT_VENUE:
            if told.matched_shares <= order.filled_shares:
                self._end(order.venue_order_id, OrderTrigger.CANCEL, told.status)
        elif told.status == "MATCHED":
            if told.matched_shares <= order.filled_shares and not order.is_complete:
                # A FAK whose rest was dropped reads MATCHED with less than it asked for.
                self._end(order.venue_order_id, OrderTrigger.CANCEL, told.status)
        elif order.status in (OrderStatus.UNKNOWN, OrderStatus.NOT_PLACED, OrderStatus.SUBMITTED):
            self.books.move(order, OrderTrigger.ACCEPT, detail="found at the exchange")
        return False

    def after_fills(self) -> None:
        """Close FAK and FOK orders whose announced trades are all booked."""
        for venue_order_id in list(self.closing):
            self._close_if_complete(venue_order_id)

    def _trade(self, event: TradeEvent) -> None:
        try:
            fills = own_fills(event, api_key=self.access.api_key)
        except ProtocolError as error:
            logger.warning("user stream: %s", error)
            self.snapshot_wanted = True
            return
        for fill in fills:
            self.books.fill(fill)
        self.after_fills()

    def _order(self, event: OrderEvent) -> None:
        order = self.books.state.orders.get(event.id)
        if order is None:
            self.books.drift("foreign_order", event.id, f"{event.type} of an order we never signed")
            return
        if event.type == PLACEMENT:
            self.books.move(order, OrderTrigger.ACCEPT)
        elif event.type == CANCELLATION:
            self._end(event.id, OrderTrigger.CANCEL, plain_status(event.status))

    def _end(self, venue_order_id: str, trigger: OrderTrigger, detail: str) -> None:
        order = self.books.state.orders.get(venue_order_id)
        if order is not None:
            self.books.move(order, trigger, detail=detail)
        self.closing.pop(venue_order_id, None)

    def _close_if_complete(self, venue_order_id: str) -> None:
        order = self.books.state.orders[venue_order_id]
        if order.status in TERMINAL:
            del self.closing[venue_order_id]
            return
        expected = self.closing[venue_order_id]
        booked = all((trade, venue_order_id) in self.books.state.fills for trade in expected)
        if expected and booked:
            self._end(venue_order_id, OrderTrigger.CANCEL, "the rest of a FAK is dropped")


def _is_canceling(order: Order) -> bool:
    return order.status is OrderStatus.PENDING_CANCEL


def _trigger_of(error: PolybotError) -> OrderTrigger:
    """Say what an error proves: a definite no, that nothing left us, or nothing at all."""
    if isinstance(error, Unavailable) and error.status is None:
        return OrderTrigger.PROVE_ABSENT
    if isinstance(error, OutcomeUnknown):
        return OrderTrigger.LOSE_ANSWER
    if isinstance(error, ExchangeError):
        return OrderTrigger.REJECT
    return OrderTrigger.LOSE_ANSWER
