"""Makes the trader's books agree with the exchange: at start, after a lost stream, and for ever.

One snapshot is compared with the books. What the exchange knows and we do not is adopted; what we
think open and it does not list is looked up by its id (`look_ups`).
"""

import logging
from collections.abc import Collection

import msgspec

from polybot.domain.order import OrderStatus, OrderTrigger
from polybot.domain.refusals import Refusals
from polybot.domain.trading_state import TradingState
from polybot.messages.trading import ReconcileFinished
from polybot.ports import AccountSnapshot, ExchangeAccess, MarketClock
from polybot.ports.crash_points import reach
from polybot.services.trader.bookkeeping import Bookkeeper
from polybot.services.trader.cash_check import CashCheck
from polybot.services.trader.claims import RECONCILE, TradingClaims
from polybot.services.trader.holdings_check import HoldingsCheck
from polybot.services.trader.look_ups import LookUps
from polybot.services.trader.order_answers import OrderAnswers
from polybot.services.trader.strangers import Strangers

logger = logging.getLogger(__name__)

SECOND_NS = 1_000_000_000
RETRY_NS = SECOND_NS
ANSWER_TIMEOUT_NS = 15 * SECOND_NS
# Trades are asked for from this long (market time) before the oldest thing still moving.
TRADES_MARGIN_NS = 600 * SECOND_NS
SWEEP = "sweep"

_ADOPTED = (OrderStatus.UNKNOWN, OrderStatus.NOT_PLACED, OrderStatus.REJECTED)
_ENDED = (OrderStatus.CANCELED, OrderStatus.EXPIRED, OrderStatus.FILLED)


class Reconciler(msgspec.Struct):
    """Asks for snapshots and applies them; RECONCILING is claimed until a fresh one fits.

    Only the answer to the newest question counts: one asked for before a stream was connected, or
    before the loop stood still, does not show what happened meanwhile.
    """

    books: Bookkeeper
    answers: OrderAnswers
    claims: TradingClaims
    access: ExchangeAccess
    market_clock: MarketClock
    look_ups: LookUps
    cash: CashCheck
    holdings: HoldingsCheck
    strangers: Strangers
    sweep_ns: int
    trigger: str = "start"
    done_once: bool = False
    _tag: str = ""
    _asks: int = 0
    _asked_ns: int | None = None
    _asked_market_ns: int = 0
    _next_ns: int = 0
    _covered_market_ns: int | None = None
    _listed_though_over: set[str] = msgspec.field(default_factory=set)
    _failures: Refusals = msgspec.field(default_factory=Refusals)

    def require(self, trigger: str) -> None:
        """Ask for a reconcile as soon as possible, because of `trigger`."""
        self.trigger = trigger
        self._asked_ns = None
        self._next_ns = 0
        self.claims.claim(RECONCILE, TradingState.RECONCILING, f"reconciling after {trigger}")

    def turn(self, mono_ns: int) -> None:
        """Ask for what is due: a snapshot, and look-ups of single orders."""
        if self.answers.snapshot_wanted:
            self.answers.snapshot_wanted = False
            self._next_ns = 0
        waiting = self._asked_ns is not None and mono_ns - self._asked_ns < ANSWER_TIMEOUT_NS
        if not waiting and mono_ns >= self._next_ns:
            self._ask(mono_ns)
        self.look_ups.turn(mono_ns)

    def accept(self, snapshot: AccountSnapshot, mono_ns: int) -> None:
        """Apply a snapshot."""
        if snapshot.tag != self._tag or self._asked_ns is None:
            logger.info("reconcile: an answer to an earlier question (%s) came late", snapshot.tag)
            return
        asked_ns, self._asked_ns = self._asked_ns, None
        if snapshot.error is not None:
            line = self._failures.note(str(snapshot.error), mono_ns)
            if line:
                logger.warning("reconcile: the account could not be read: %s", line)
            self.answers.errors_in_a_row += 1
            self._next_ns = mono_ns + RETRY_NS
            return
        self.answers.errors_in_a_row = 0
        self.look_ups.snapshot_ns = asked_ns
        self._covered_market_ns = self._asked_market_ns
        before = (len(self.books.state.fills), self._statuses())
        for fill in snapshot.fills:
            self.books.fill(fill)
        self.answers.after_fills()
        self.strangers.listed(snapshot.orders)
        # In the order of the listing, never that of a set: what is adopted is journaled so.
        self._compare_orders(dict.fromkeys(order.venue_order_id for order in snapshot.orders))
        self.cash.check(snapshot, mono_ns)
        self.holdings.check(snapshot, mono_ns)
        reach("snapshot.applied")
        after = (len(self.books.state.fills), self._statuses())
        self._finish(snapshot, changed=before != after)

    def _ask(self, mono_ns: int) -> None:
        self._asks += 1
        self._tag = f"{self.trigger} {self._asks}"
        self._asked_ns = mono_ns
        self._asked_market_ns = self.market_clock.now_ns()
        self._next_ns = mono_ns + self.sweep_ns
        self.access.gateway.request_snapshot(
            token_ids=self._tokens(), after_s=self._trades_after_s(), tag=self._tag
        )
        reach("snapshot.asked")

    def _statuses(self) -> tuple[OrderStatus, ...]:
        return tuple(order.status for order in self.books.state.orders.values())

    def _compare_orders(self, listed: Collection[str]) -> None:
        over = [venue_order_id for venue_order_id in listed if self._adopt(venue_order_id)]
        for venue_order_id in over:
            if venue_order_id in self._listed_though_over:
                self.books.drift("undead_order", venue_order_id, "listed twice after its end")
                order = self.books.state.orders[venue_order_id]
                self.books.move(order, OrderTrigger.FIND_ALIVE, detail="listed after its end")
        self._listed_though_over = set(over)
        for order in self.books.state.open_orders():
            # One whose POST is under way may not be listed yet; its answer tells.
            is_waiting = order.status is OrderStatus.SUBMITTED
            if order.venue_order_id not in listed and not is_waiting:
                self.answers.look_up.add(order.venue_order_id)

    def _adopt(self, venue_order_id: str) -> bool:
        """Take over that an order is listed; returns whether our books call it over anyway."""
        order = self.books.state.orders.get(venue_order_id)
        if order is None:
            return False
        self.look_ups.found(venue_order_id)
        if order.status in _ADOPTED:
            self.books.move(order, OrderTrigger.ACCEPT, detail="listed by the exchange")
        return order.status in _ENDED

    def _tokens(self) -> tuple[str, ...]:
        state = self.books.state
        held = {token for (_, token), position in state.positions.items() if position.shares}
        due = (held - state.settled.keys()) | state.unredeemed.keys()
        return tuple(sorted(due | self.holdings.tokens()))

    def _trades_after_s(self) -> int:
        """Return since when trades are asked for: nothing that may have moved is left out."""
        state = self.books.state
        moving = [fill.matched_ns for fill in state.fills.values() if not fill.is_final]
        if self._covered_market_ns is None:
            # Whatever this process's earlier lives sent may have been filled since.
            moving += [order.created_ns for order in state.orders.values()]
        else:
            moving += [order.created_ns for order in state.open_orders()]
            moving.append(self._covered_market_ns)
        oldest = min([*moving, self.market_clock.now_ns()])
        return max(0, (oldest - TRADES_MARGIN_NS) // SECOND_NS)

    def _finish(self, snapshot: AccountSnapshot, *, changed: bool) -> None:
        first = not self.done_once
        self.done_once = True
        differences = ("orders or fills were adopted from the exchange",) if changed else ()
        if first or changed or self.trigger != SWEEP:
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
        self.trigger = SWEEP
        self.claims.clear(RECONCILE)
        reach("reconcile.finished")
