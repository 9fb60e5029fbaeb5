"""Questions about single orders: which to ask, how often, and what an order's absence proves.

An order whose outcome is unknown becomes NOT_PLACED only when everybody who could know agrees for
the configured grace: look-ups by its id all that time, listing and trades of a snapshot asked for
at its end, and a user stream that was connected throughout and told nothing.
"""

import msgspec

from polybot.domain.order import TERMINAL, Order, OrderStatus, OrderTrigger
from polybot.ports import ExchangeAccess, OrderLookup
from polybot.services.trader.bookkeeping import Bookkeeper
from polybot.services.trader.order_answers import LOST_ANSWERS, OrderAnswers

SECOND_NS = 1_000_000_000
ASK_NS = SECOND_NS
# Longer than any request takes: an answer that has not come by now was lost on this side.
ANSWER_TIMEOUT_NS = 20 * SECOND_NS
# More questions at a time would wait for each other, and every snapshot behind them.
MOST_AT_ONCE = 8
_UNSEEN = (OrderStatus.UNKNOWN, OrderStatus.PENDING_CANCEL)


class LookUps(msgspec.Struct):
    """Asks for single orders, each at most once a second, until what became of them is known.

    A question is repeated only when it was answered, or its answer is overdue: against an exchange
    that is slow, questions without number would never let one get through in time.
    All times are monotonic. `snapshot_ns` is when the newest snapshot that was applied had been
    asked for; `is_listening` says that the user stream is connected.
    """

    books: Bookkeeper
    answers: OrderAnswers
    access: ExchangeAccess
    grace_ns: int
    snapshot_ns: int = -1
    is_listening: bool = True
    _asked_ns: dict[str, int] = msgspec.field(default_factory=dict)
    _unanswered: set[str] = msgspec.field(default_factory=set)
    _absent_since_ns: dict[str, int] = msgspec.field(default_factory=dict)
    _waits_since_ns: dict[tuple[str, OrderStatus], int] = msgspec.field(default_factory=dict)

    def turn(self, mono_ns: int) -> None:
        """Ask for what is due, and stop waiting for answers that will not come."""
        orders = self.books.state.open_orders()
        self._stop_waiting(orders, mono_ns)
        for order in orders:
            if order.status is OrderStatus.UNKNOWN:
                self.answers.look_up.add(order.venue_order_id)
        still_open = {order.venue_order_id for order in orders}
        self.answers.look_up &= still_open
        for told in (self._asked_ns, self._absent_since_ns):
            for venue_order_id in told.keys() - still_open:
                del told[venue_order_id]
        for venue_order_id in self._due(mono_ns):
            self._asked_ns[venue_order_id] = mono_ns
            self._unanswered.add(venue_order_id)
            self.access.gateway.look_up(venue_order_id)

    def _due(self, mono_ns: int) -> list[str]:
        """Return which orders to ask for now, those that waited longest first."""
        asked_ns = self._asked_ns
        self._unanswered = {
            each
            for each in self._unanswered & asked_ns.keys()
            if mono_ns - asked_ns[each] < ANSWER_TIMEOUT_NS
        }
        due = [
            each
            for each in self.answers.look_up - self._unanswered
            if mono_ns - asked_ns.get(each, -ASK_NS) >= ASK_NS
        ]
        due.sort(key=lambda each: (asked_ns.get(each, -1), each))
        return due[: max(0, MOST_AT_ONCE - len(self._unanswered))]

    def take(self, lookup: OrderLookup, mono_ns: int) -> None:
        """Apply an answer."""
        self._unanswered.discard(lookup.venue_order_id)
        if self.answers.looked_up(lookup):
            self._absent(self.books.state.orders[lookup.venue_order_id], mono_ns)
        elif lookup.order is not None:
            self.found(lookup.venue_order_id)

    def found(self, venue_order_id: str) -> None:
        """Note that the exchange shows an order: absence is counted anew from here."""
        self._absent_since_ns.pop(venue_order_id, None)

    def stream_changed(self, *, connected: bool) -> None:
        """Take note that the user stream is there or away: what was absent before counts anew."""
        self.is_listening = connected
        self._absent_since_ns.clear()

    def _absent(self, order: Order, mono_ns: int) -> None:
        if order.status in TERMINAL or order.status is OrderStatus.SUBMITTED:
            return
        if not self.is_listening:
            return
        since = self._absent_since_ns.setdefault(order.venue_order_id, mono_ns)
        if mono_ns - since < self.grace_ns:
            return
        if self.snapshot_ns < since + self.grace_ns:
            # Listing and trades must agree to the end: an older snapshot shows less.
            self.answers.snapshot_wanted = True
            return
        detail = f"absent for {(mono_ns - since) / 1e9:.1f} s"
        never_seen = order.status in _UNSEEN and not order.placed and not order.matched_shares
        trigger = OrderTrigger.PROVE_ABSENT if never_seen else OrderTrigger.CANCEL
        self.books.move(order, trigger, detail=detail)

    def _stop_waiting(self, orders: list[Order], mono_ns: int) -> None:
        waiting = {(o.venue_order_id, o.status): o for o in orders if o.status in LOST_ANSWERS}
        self._waits_since_ns = {key: self._waits_since_ns.get(key, mono_ns) for key in waiting}
        for (venue_order_id, status), since in self._waits_since_ns.items():
            if mono_ns - since >= ANSWER_TIMEOUT_NS:
                order = waiting[venue_order_id, status]
                self.books.move(order, LOST_ANSWERS[status], code="no_answer")
