"""Questions about single orders: which to ask, how often, and what an order's absence proves.

An order whose outcome is unknown becomes NOT_PLACED only when look-ups, and a snapshot of listing
and trades taken meanwhile, have agreed on its absence for the configured grace.
"""

from dataclasses import dataclass, field

from polybot.domain.order import TERMINAL, Order, OrderStatus, OrderTrigger
from polybot.ports import ExchangeAccess, OrderLookup
from polybot.services.trader.bookkeeping import Bookkeeper
from polybot.services.trader.order_answers import LOST_ANSWERS, OrderAnswers

SECOND_NS = 1_000_000_000
ASK_NS = SECOND_NS
# Longer than any request takes: an answer that has not come by now was lost on this side.
ANSWER_TIMEOUT_NS = 20 * SECOND_NS


@dataclass(slots=True)
class LookUps:
    """Asks for single orders, each at most once a second, until what became of them is known.

    All times are monotonic. `snapshot_ns` is when the newest snapshot that was applied had been
    asked for.
    """

    books: Bookkeeper
    answers: OrderAnswers
    access: ExchangeAccess
    grace_ns: int
    snapshot_ns: int = -1
    _asked_ns: dict[str, int] = field(default_factory=dict)
    _absent_since_ns: dict[str, int] = field(default_factory=dict)
    _waits_since_ns: dict[tuple[str, OrderStatus], int] = field(default_factory=dict)

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
        for venue_order_id in self.answers.look_up:
            if mono_ns - self._asked_ns.get(venue_order_id, -ASK_NS) >= ASK_NS:
                self._asked_ns[venue_order_id] = mono_ns
                self.access.gateway.look_up(venue_order_id)

    def take(self, lookup: OrderLookup, mono_ns: int) -> None:
        """Apply an answer."""
        if self.answers.looked_up(lookup):
            self._absent(self.books.state.orders[lookup.venue_order_id], mono_ns)
        elif lookup.order is not None:
            self.found(lookup.venue_order_id)

    def found(self, venue_order_id: str) -> None:
        """Note that the exchange shows an order: absence is counted anew from here."""
        self._absent_since_ns.pop(venue_order_id, None)

    def _absent(self, order: Order, mono_ns: int) -> None:
        if order.status in TERMINAL or order.status is OrderStatus.SUBMITTED:
            return
        since = self._absent_since_ns.setdefault(order.venue_order_id, mono_ns)
        if mono_ns - since < self.grace_ns:
            return
        if self.snapshot_ns <= since:
            # Listing and trades must agree too: without a snapshot since, ask for one first.
            self.answers.snapshot_wanted = True
            return
        detail = f"absent for {(mono_ns - since) / 1e9:.1f} s"
        never_seen = order.status is OrderStatus.UNKNOWN and not order.filled_shares
        trigger = OrderTrigger.PROVE_ABSENT if never_seen else OrderTrigger.CANCEL
        self.books.move(order, trigger, detail=detail)

    def _stop_waiting(self, orders: list[Order], mono_ns: int) -> None:
        waiting = {(o.venue_order_id, o.status): o for o in orders if o.status in LOST_ANSWERS}
        self._waits_since_ns = {key: self._waits_since_ns.get(key, mono_ns) for key in waiting}
        for (venue_order_id, status), since in self._waits_since_ns.items():
            if mono_ns - since >= ANSWER_TIMEOUT_NS:
                order = waiting[venue_order_id, status]
                self.books.move(order, LOST_ANSWERS[status], code="no_answer")
