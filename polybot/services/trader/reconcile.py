"""Makes the trader's books agree with the exchange: at start, after a lost stream, and for ever.

One snapshot is compared with the books. What the exchange knows and we do not is adopted; what we
think open and it does not list is looked up by id; an order whose outcome is unknown becomes
NOT_PLACED only when look-up and listing have agreed on its absence for the configured grace.
"""

import logging
from dataclasses import dataclass, field

from polybot.domain.order import TERMINAL, Order, OrderStatus, OrderTrigger
from polybot.domain.trading_state import TradingState
from polybot.messages.trading import ExternalFlowBooked, ReconcileFinished
from polybot.ports import AccountSnapshot, Clock, ExchangeAccess, MarketClock
from polybot.services.trader.bookkeeping import Bookkeeper
from polybot.services.trader.claims import RECONCILE, TradingClaims
from polybot.services.trader.order_answers import OrderAnswers

logger = logging.getLogger(__name__)

SECOND_NS = 1_000_000_000
RETRY_NS = SECOND_NS
ANSWER_TIMEOUT_NS = 15 * SECOND_NS
LOOK_UP_NS = SECOND_NS
# Trades are asked for from this long (market time) before the oldest thing still moving.
TRADES_MARGIN_NS = 600 * SECOND_NS
# An order younger than this (wall time) may be missing from a listing that was already under way.
YOUNG_NS = 2 * SECOND_NS


@dataclass(frozen=True, slots=True)
class ReconcileSettings:
    """How often to sweep, and how long absence must last to be believed; both wall time."""

    sweep_ns: int
    grace_ns: int


@dataclass(slots=True)
class Reconciler:
    """Asks for snapshots and applies them; RECONCILING is claimed until the first one fits."""

    books: Bookkeeper
    answers: OrderAnswers
    claims: TradingClaims
    access: ExchangeAccess
    clock: Clock
    market_clock: MarketClock
    settings: ReconcileSettings
    trigger: str = "start"
    done_once: bool = False
    _asked_ns: int | None = None
    _next_ns: int = 0
    _looked_ns: dict[str, int] = field(default_factory=dict)
    _absent_since_ns: dict[str, int] = field(default_factory=dict)
    _first_seen_ns: dict[str, int] = field(default_factory=dict)
    _money_off: int | None = None
    _snapshot_ns: int = 0

    def require(self, trigger: str) -> None:
        """Ask for a reconcile as soon as possible, because of `trigger`."""
        self.trigger = trigger
        self._next_ns = 0
        if trigger != "sweep":
            self.claims.claim(RECONCILE, TradingState.RECONCILING, f"reconciling after {trigger}")

    def turn(self, mono_ns: int) -> None:
        """Ask for what is due: a snapshot, and look-ups of single orders."""
        if self.answers.snapshot_wanted:
            self.answers.snapshot_wanted = False
            self._next_ns = 0
        waiting = self._asked_ns is not None and mono_ns - self._asked_ns < ANSWER_TIMEOUT_NS
        if not waiting and mono_ns >= self._next_ns:
            self._asked_ns = mono_ns
            self._next_ns = mono_ns + self.settings.sweep_ns
            self.access.gateway.request_snapshot(
                token_ids=self._tokens(), after_s=self._trades_after_s(), tag=self.trigger
            )
        self._look_up(mono_ns)

    def accept(self, snapshot: AccountSnapshot, mono_ns: int) -> None:
        """Apply a snapshot."""
        self._asked_ns = None
        if snapshot.error is not None:
            logger.warning("reconcile: %s", snapshot.error)
            self.answers.errors_in_a_row += 1
            self._next_ns = mono_ns + RETRY_NS
            return
        self.answers.errors_in_a_row = 0
        self._snapshot_ns = mono_ns
        before = (len(self.books.state.fills), self._statuses())
        for fill in snapshot.fills:
            self.books.fill(fill)
        self.answers.after_fills()
        listed = {order.venue_order_id for order in snapshot.orders}
        for told in snapshot.orders:
            self._adopt(told.venue_order_id)
        for order in self.books.state.open_orders():
            if order.venue_order_id not in listed and self._is_old_enough(order, mono_ns):
                self.answers.look_up.add(order.venue_order_id)
        self._money(snapshot)
        self._first_seen_ns = {
            key: seen for key, seen in self._first_seen_ns.items() if key in self.books.state.orders
        }
        after = (len(self.books.state.fills), self._statuses())
        self._finish(snapshot, changed=before != after)

    def absent(self, venue_order_id: str, mono_ns: int) -> None:
        """Take a look-up's word that the exchange does not know an order."""
        order = self.books.state.orders[venue_order_id]
        if order.status is not OrderStatus.UNKNOWN:
            if order.status in TERMINAL:
                self.answers.look_up.discard(venue_order_id)
            return
        since = self._absent_since_ns.setdefault(venue_order_id, mono_ns)
        if mono_ns - since < self.settings.grace_ns:
            return
        if self._snapshot_ns <= since:
            # Listings and trades must agree too: without one taken since, ask for it first.
            self.answers.snapshot_wanted = True
            return
        if order.filled_shares:
            self.books.move(order, OrderTrigger.CANCEL, detail="no longer listed")
        else:
            self.books.move(
                order,
                OrderTrigger.PROVE_ABSENT,
                detail=f"absent for {(mono_ns - since) / 1e9:.1f} s",
            )
        self.answers.look_up.discard(venue_order_id)
        self._absent_since_ns.pop(venue_order_id, None)

    def _statuses(self) -> tuple[OrderStatus, ...]:
        return tuple(order.status for order in self.books.state.orders.values())

    def _adopt(self, venue_order_id: str) -> None:
        order = self.books.state.orders.get(venue_order_id)
        if order is None:
            self.books.drift(
                "foreign_order", venue_order_id, "listed as ours, but never signed here"
            )
        elif order.status in (OrderStatus.UNKNOWN, OrderStatus.NOT_PLACED, OrderStatus.REJECTED):
            self.books.move(order, OrderTrigger.ACCEPT, detail="listed by the exchange")
            self._absent_since_ns.pop(venue_order_id, None)

    def _is_old_enough(self, order: Order, mono_ns: int) -> bool:
        seen = self._first_seen_ns.setdefault(order.venue_order_id, mono_ns)
        return order.status is OrderStatus.UNKNOWN or mono_ns - seen >= YOUNG_NS

    def _look_up(self, mono_ns: int) -> None:
        orders = self.books.state.orders
        for order in self.books.state.open_orders():
            if order.status is OrderStatus.UNKNOWN:
                self.answers.look_up.add(order.venue_order_id)
        for venue_order_id in list(self.answers.look_up):
            known = orders.get(venue_order_id)
            if known is None or known.status in TERMINAL:
                self.answers.look_up.discard(venue_order_id)
                self._looked_ns.pop(venue_order_id, None)
                continue
            if mono_ns - self._looked_ns.get(venue_order_id, -LOOK_UP_NS) >= LOOK_UP_NS:
                self._looked_ns[venue_order_id] = mono_ns
                self.access.gateway.look_up(venue_order_id)

    def _tokens(self) -> tuple[str, ...]:
        state = self.books.state
        held = {token for (_, token), position in state.positions.items() if position.shares}
        return tuple(sorted((held - state.settled.keys()) | state.unredeemed.keys()))

    def _trades_after_s(self) -> int:
        state = self.books.state
        moving = [order.created_ns for order in state.open_orders()]
        moving += [fill.matched_ns for fill in state.fills.values() if not fill.is_final]
        now = self.market_clock.now_ns()
        oldest = min([*moving, now]) if now else 0
        return max(0, (oldest - TRADES_MARGIN_NS) // SECOND_NS)

    def _money(self, snapshot: AccountSnapshot) -> None:
        """Compare cash; book redemptions, and as external what stays unexplained."""
        state = self.books.state
        if state.cash_usdc is None:
            self.books.record(
                ExternalFlowBooked(
                    kind="opening_balance",
                    amount_usdc=snapshot.balance_usdc,
                    detail="the balance found at the first reconcile",
                )
            )
            return
        for token_id in list(state.unredeemed):
            if snapshot.shares.get(token_id) == 0:
                self.books.record(
                    ExternalFlowBooked(
                        kind="redemption",
                        amount_usdc=state.unredeemed[token_id],
                        token_id=token_id,
                        detail="the exchange paid the winning shares out",
                    )
                )
        off = snapshot.balance_usdc - ((state.cash_usdc or 0) - sum(state.unredeemed.values()))
        if off == 0 or self._anything_moving():
            self._money_off = None
        elif self._money_off == off:
            self._book_unexplained(off)
        else:
            self._money_off = off

    def _anything_moving(self) -> bool:
        state = self.books.state
        now = self.market_clock.now_ns()
        closed = {slug for slug, market in state.markets.items() if market.close_ns <= now}
        held = any(
            position.shares and position.slug in closed and position.token_id not in state.settled
            for position in state.positions.values()
        )
        in_flight = any(
            order.status in (OrderStatus.SUBMITTED, OrderStatus.UNKNOWN)
            for order in state.open_orders()
        )
        return held or in_flight or bool(self.answers.closing)

    def _book_unexplained(self, off_usdc: int) -> None:
        self._money_off = None
        detail = "the balance differs from our books twice in a row with nothing under way"
        self.books.record(
            ExternalFlowBooked(kind="unexplained", amount_usdc=off_usdc, detail=detail)
        )
        logger.warning("reconcile: $%.6f booked as external: %s", off_usdc / 1e6, detail)

    def _finish(self, snapshot: AccountSnapshot, *, changed: bool) -> None:
        first = not self.done_once
        self.done_once = True
        differences = ("orders or fills were adopted from the exchange",) if changed else ()
        if first or changed or self.trigger != "sweep":
            self.books.record(
                ReconcileFinished(
                    trigger=self.trigger,
                    open_orders=len(snapshot.orders),
                    fills_seen=len(snapshot.fills),
                    balance_usdc=snapshot.balance_usdc,
                    differences=differences,
                )
            )
            logger.info(
                "reconciled after %s: %d open orders, %d fills seen, balance $%.2f",
                self.trigger,
                len(snapshot.orders),
                len(snapshot.fills),
                snapshot.balance_usdc / 1e6,
            )
        self.trigger = "sweep"
        self.claims.clear(RECONCILE)
