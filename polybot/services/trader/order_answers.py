"""What the exchange says about our orders, by answer, stream or look-up, as moves of orders."""

import logging
from typing import NamedTuple

import msgspec

from polybot.domain.money import parse_shares
from polybot.domain.order import TERMINAL, Order, OrderStatus, OrderTrigger, Side
from polybot.domain.refusals import Refusals
from polybot.errors import (
    ExchangeError,
    InvalidValue,
    NotFound,
    OutcomeUnknown,
    PolybotError,
    ProtocolError,
    Rejected,
    Unavailable,
)
from polybot.exchange.account_rows import own_fills
from polybot.exchange.meanings import NOT_ENOUGH_BALANCE
from polybot.exchange.wire_codec import FrameDecoder
from polybot.exchange.wire_user_stream import (
    CANCELLATION,
    PLACEMENT,
    UPDATE,
    OrderEvent,
    TradeEvent,
    UserEvent,
    plain_status,
    user_decoder,
)
from polybot.ports import (
    CancelAnswer,
    ExchangeAccess,
    OrderLookup,
    PostAnswer,
    StreamFrame,
    VenueOrder,
)
from polybot.ports.crash_points import reach
from polybot.services.trader.bookkeeping import Bookkeeper
from polybot.services.trader.not_ours import FOREIGN_ORDER

logger = logging.getLogger(__name__)

MATCHED = "MATCHED"
# An order that met nobody within its delay; one that may rest has been placed all the same.
UNMATCHED = "UNMATCHED"
ENDED_AT_VENUE = frozenset({"CANCELED", "INVALID", "CANCELED_MARKET_RESOLVED"})
ORDER_ID_MISMATCH = "order_id_mismatch"

# What an order may be waiting for, and what it means that it will not come.
LOST_ANSWERS = {
    OrderStatus.SUBMITTED: OrderTrigger.LOSE_ANSWER,
    OrderStatus.PENDING_CANCEL: OrderTrigger.REFUSE_CANCEL,
}
_DEFINITE = (Rejected, NotFound)
# The exchange shows these alive: our books say that nobody knows, or that they never were.
_TO_ADOPT = (OrderStatus.UNKNOWN, OrderStatus.NOT_PLACED, OrderStatus.SUBMITTED)


class Refusal(NamedTuple):
    """An error of the exchange, and the window it was about ("" for the account).

    `token_id` is what a refused sale would have sold, "" for anything else.
    """

    slug: str
    error: PolybotError
    token_id: str = ""


class OrderAnswers(msgspec.Struct):
    """Applies answers to orders.

    `closing` holds, for FAK and FOK orders that matched, the trades still to come: when they are
    all booked, what is left of the order is known to be dead. `look_up` collects ids whose true
    state must be asked for; `snapshot_wanted` says that trades are missing here; `mistrust` why
    order ids cannot be trusted any more, "" while they can. `refused` collects the errors whose
    action is still to be carried out (`RefusalActions`).
    """

    books: Bookkeeper
    access: ExchangeAccess
    closing: dict[str, set[str]] = msgspec.field(default_factory=dict)
    look_up: set[str] = msgspec.field(default_factory=set)
    snapshot_wanted: bool = False
    errors_in_a_row: int = 0
    mistrust: str = ""
    refused: list[Refusal] = msgspec.field(default_factory=list)
    _decoder: FrameDecoder[UserEvent] = msgspec.field(default_factory=user_decoder)
    _refusals: Refusals = msgspec.field(default_factory=Refusals)

    def posted(self, answer: PostAnswer) -> None:
        """Apply the answer to a POST."""
        order = self.books.state.orders.get(answer.venue_order_id)
        if order is None:
            logger.warning("an answer came to a forgotten order: %s", answer)
        elif answer.error is not None:
            self._failed(order, answer.error)
        else:
            self.errors_in_a_row = 0
            self.books.move(order, OrderTrigger.ACCEPT, code=answer.status)
            if not order.order_type.rests:
                self.closing[order.venue_order_id] = set(answer.trade_ids)
                if not answer.trade_ids:
                    # Not yet a miss: it may still be filled, and only the exchange knows when not.
                    self.look_up.add(order.venue_order_id)
                self._close_if_complete(order.venue_order_id)
        reach("answer.applied")

    def canceled(self, answer: CancelAnswer) -> None:
        """Apply the answer to a cancel; what it leaves open is looked up."""
        words = answer.not_canceled
        if answer.error is not None:
            logger.warning("cancel: %s", answer.error)
            self._count(answer.error)
            self.refused.append(Refusal("", answer.error))
            words = dict.fromkeys(answer.asked, str(answer.error))
        else:
            self.errors_in_a_row = 0
            told = {*answer.canceled, *words}
            words = words | {i: "not mentioned" for i in answer.asked if i not in told}
        for venue_order_id in answer.canceled:
            if self._is_open(venue_order_id):
                # What it traded until then may not be booked yet: until it is, it counts as open.
                self.look_up.add(venue_order_id)
            else:
                self._end_late(venue_order_id, "canceled", untold=True)
        for venue_order_id, detail in words.items():
            order = self.books.state.orders.get(venue_order_id)
            if order is not None and order.status not in TERMINAL:
                self.books.move(order, OrderTrigger.REFUSE_CANCEL, detail=detail)
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
        if decoder.refused > refused:
            # An event nobody could read may have been a fill: the snapshot tells.
            self.snapshot_wanted = True
            line = self._refusals.note(decoder.last_refusal, frame.mono_ns)
            if line:
                logger.warning("user events that could not be read: %s", line)

    def looked_up(self, lookup: OrderLookup) -> bool:
        """Apply a look-up; returns True when the exchange positively does not know the order."""
        order = self.books.state.orders.get(lookup.venue_order_id)
        if order is None or lookup.error is not None:
            return False
        told = lookup.order
        if told is None:
            return True
        trades_missing = self._trades_missing(told.matched_shares, order)
        self.snapshot_wanted = self.snapshot_wanted or trades_missing
        if not _is_over(told, order):
            if order.status in _TO_ADOPT or not order.placed:
                self.books.move(order, OrderTrigger.ACCEPT, detail="found at the exchange")
            # While it is being canceled, the answer may be from before that.
            if order.order_type.rests and order.status is not OrderStatus.PENDING_CANCEL:
                self.look_up.discard(order.venue_order_id)
        elif not trades_missing:
            # A FAK whose rest was dropped reads MATCHED with less than it asked for.
            self._end(order.venue_order_id, OrderTrigger.CANCEL, told.status)
            self.look_up.discard(order.venue_order_id)
        return False

    def after_fills(self) -> None:
        """Close FAK and FOK orders whose announced trades are all booked."""
        for venue_order_id in list(self.closing):
            self._close_if_complete(venue_order_id)

    def _failed(self, order: Order, error: PolybotError) -> None:
        trigger = _trigger_of(error)
        code = error.code if isinstance(error, ExchangeError) else type(error).__name__
        _say_failed(order, trigger, code, error)
        self.books.move(order, trigger, code=code, detail=str(error))
        if trigger is OrderTrigger.LOSE_ANSWER:
            self.look_up.add(order.venue_order_id)
        if code == ORDER_ID_MISMATCH:
            self.mistrust = str(error)
        self._count(error)
        self.refused.append(
            Refusal(order.slug, error, order.token_id if order.side is Side.SELL else "")
        )

    def _count(self, error: PolybotError) -> None:
        # A definite no about this one order says that requests as such work.
        self.errors_in_a_row = 0 if isinstance(error, _DEFINITE) else self.errors_in_a_row + 1

    def _trade(self, event: TradeEvent) -> None:
        try:
            fills = own_fills(event, api_key=self.access.api_key)
        except ProtocolError as error:
            logger.warning("user stream: %s", error)
            self.snapshot_wanted = True
            return
        for fill in fills:
            order = self.books.state.orders.get(fill.venue_order_id)
            self.books.fill(fill)
            if order is not None:
                self._mind_late_arrival(order)
        self.after_fills()

    def _order(self, event: OrderEvent) -> None:
        order = self.books.state.orders.get(event.id)
        if order is None:
            self._foreign(event)
            return
        if event.type == PLACEMENT:
            self.books.move(order, OrderTrigger.ACCEPT)
            self._mind_late_arrival(order)
        elif event.type == CANCELLATION and order.is_terminal:
            untold = self._is_untold(event, order)
            self._end_late(event.id, plain_status(event.status), untold=untold)
        elif event.type == CANCELLATION and self._is_untold(event, order):
            self.look_up.add(event.id)
        elif event.type == CANCELLATION:
            self._end(event.id, OrderTrigger.CANCEL, plain_status(event.status))

    def _foreign(self, event: OrderEvent) -> None:
        # Whether one that changed still rests is what the listing tells.
        self.snapshot_wanted = self.snapshot_wanted or event.type == UPDATE
        if event.id not in self.books.state.not_ours.orders:
            kind = FOREIGN_ORDER if event.type == PLACEMENT else "foreign_order_event"
            self.books.drift(kind, event.id, f"{event.type} of an order we never signed")

    def _end(self, venue_order_id: str, trigger: OrderTrigger, detail: str) -> None:
        order = self.books.state.orders.get(venue_order_id)
        if order is not None:
            self.books.move(order, trigger, detail=detail)
        self.closing.pop(venue_order_id, None)

    def _is_untold(self, event: OrderEvent, order: Order) -> bool:
        """Return whether an order that ended traded other than is booked."""
        try:
            return self._trades_missing(parse_shares(event.size_matched or "0"), order)
        except InvalidValue:
            return True

    def _trades_missing(self, told_shares: int, order: Order) -> bool:
        """Return whether the exchange's matched size shows trades that are not booked here.

        Undocumented: whether that size shrinks when a trade FAILED. If it does, a smaller one may
        hide a trade, for as long as one of those booked may have FAILED unheard.
        """
        if told_shares in (order.filled_shares, order.matched_shares):
            return False
        return told_shares > order.filled_shares or any(
            not fill.is_final
            for fill in self.books.state.fills.values()
            if fill.venue_order_id == order.venue_order_id
        )

    def _end_late(self, venue_order_id: str, detail: str, *, untold: bool) -> None:
        """Take over the end of an order that our books call over already, or never placed."""
        order = self.books.state.orders.get(venue_order_id)
        if order is not None and order.status is OrderStatus.NOT_PLACED and untold:
            # It was there after all: until it is known what it traded, it counts as open.
            self.books.move(order, OrderTrigger.ACCEPT, detail=detail)
            self.look_up.add(venue_order_id)
        else:
            self._end(venue_order_id, OrderTrigger.CANCEL, detail)

    def _mind_late_arrival(self, before: Order) -> None:
        """Ask what becomes of an order that arrived although it was given up."""
        if before.status is OrderStatus.NOT_PLACED and self._is_open(before.venue_order_id):
            self.look_up.add(before.venue_order_id)

    def _is_open(self, venue_order_id: str) -> bool:
        order = self.books.state.orders.get(venue_order_id)
        return order is not None and not order.is_terminal

    def _close_if_complete(self, venue_order_id: str) -> None:
        order = self.books.state.orders.get(venue_order_id)
        if order is None or order.status in TERMINAL:
            del self.closing[venue_order_id]
            return
        expected = self.closing[venue_order_id]
        booked = all((trade, venue_order_id) in self.books.state.fills for trade in expected)
        if expected and booked:
            self._end(venue_order_id, OrderTrigger.CANCEL, "the rest of a FAK is dropped")


def _say_failed(order: Order, trigger: OrderTrigger, code: str, error: PolybotError) -> None:
    words = (order.venue_order_id[:12], order.agent, trigger.value, code, error)
    if code == NOT_ENOUGH_BALANCE and order.side is Side.SELL:
        logger.info(
            "order %s of %s: %s (%s): %s; bought shares can be sold a moment after their trade is "
            "on the chain, tried again within a second",
            *words,
        )
        return
    logger.warning("order %s of %s: %s (%s): %s", *words)


def _is_over(told: VenueOrder, order: Order) -> bool:
    if told.status == UNMATCHED:
        return not order.order_type.rests
    return told.status in ENDED_AT_VENUE or told.status == MATCHED


def _trigger_of(error: PolybotError) -> OrderTrigger:
    """Say what an error proves: a definite no, that nothing left us, or nothing at all."""
    if isinstance(error, Unavailable) and error.status is None:
        return OrderTrigger.PROVE_ABSENT
    if isinstance(error, OutcomeUnknown):
        return OrderTrigger.LOSE_ANSWER
    if isinstance(error, ExchangeError):
        return OrderTrigger.REJECT
    return OrderTrigger.LOSE_ANSWER
