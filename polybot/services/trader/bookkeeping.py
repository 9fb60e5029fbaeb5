"""The only way the trader's state changes: record the event, then apply it."""

import logging
from typing import Any

from polybot.domain.fees import fill_fee_usdc
from polybot.domain.fill import Fill, FillStatus, next_fill_status
from polybot.domain.order import Order, OrderStatus, OrderTrigger
from polybot.errors import InvalidTransition
from polybot.messages.trading import (
    DriftFound,
    FillMatched,
    FillStatusChanged,
    OrderStatusChanged,
)
from polybot.ports import MarketClock, Outbox, VenueFill
from polybot.ports.crash_points import reach
from polybot.services.trader.state import FORGET_AFTER_NS, TraderState

logger = logging.getLogger(__name__)

_STATUSES = {status.value: status for status in FillStatus}


class Bookkeeper:
    """Turns what the exchange tells into durable events, each at most once.

    The same fact comes by several ways (answer, stream, sweep) and in any order; whatever adds
    nothing to what is known records nothing.
    """

    def __init__(self, state: TraderState, outbox: Outbox, market_clock: MarketClock) -> None:
        self.state = state
        self._outbox = outbox
        self._market_clock = market_clock
        self._drifts: set[tuple[str, str]] = set()

    def record(self, event: Any, *, correlation_id: str = "") -> None:
        """Record a durable event and apply it."""
        self._outbox.record(
            event, ts_event=self._market_clock.now_ns(), correlation_id=correlation_id
        )
        self.state.apply(event)

    def move(
        self, order: Order, trigger: OrderTrigger, *, code: str = "", detail: str = ""
    ) -> OrderStatus:
        """Move an order along its table; returns its status, which may be the same as before."""
        # What the caller holds may be older than an event recorded since.
        order = self.state.orders[order.venue_order_id]
        try:
            after = order.after(trigger)
        except InvalidTransition as error:
            self.drift("order", order.venue_order_id, str(error))
            return order.status
        # That the exchange shows an order is remembered: its absence is then an end.
        shown = after.placed and not order.placed and not after.is_terminal
        if after.status is not order.status or shown:
            self._record_status(order, after.status, trigger, code=code, detail=detail)
        return after.status

    def fill(self, told: VenueFill) -> None:
        """Book a fill, or a further report about one."""
        order = self.state.orders.get(told.venue_order_id)
        if order is None:
            # What is older than our memory may have been ours, and is no news in any case.
            if told.matched_ns > self._market_clock.now_ns() - FORGET_AFTER_NS:
                detail = f"of order {told.venue_order_id}, not ours"
                self.drift("foreign_fill", told.trade_id, detail)
            return
        if told.size_shares <= 0 or told.price_bps <= 0:
            self.drift("empty_fill", told.trade_id, f"{told.size_shares} at {told.price_bps}")
            return
        status = self._status_of(told)
        if self._known(told) is None:
            # A trade first heard of when it had FAILED is booked and undone, so that it is known.
            failed = status is FillStatus.FAILED
            self._book(order, told, FillStatus.MATCHED if failed else status)
        known = self._known(told)
        if known is not None:
            self._compare(known, told)
            self._report(known, status)
        reach("fill.booked")

    def drift(self, kind: str, subject: str, detail: str) -> None:
        """Record once that the exchange shows something our books do not explain."""
        if (kind, subject) in self._drifts:
            return
        self._drifts.add((kind, subject))
        logger.warning("drift: %s %s: %s", kind, subject, detail)
        self.record(DriftFound(kind=kind, subject=subject, detail=detail))

    def _known(self, told: VenueFill) -> Fill | None:
        return self.state.fills.get((told.trade_id, told.venue_order_id))

    def _status_of(self, told: VenueFill) -> FillStatus:
        status = _STATUSES.get(told.status)
        if status is None:
            self.drift("fill_status", told.trade_id, f"expected a known one, was {told.status!r}")
            # It counts for exposure, and takes no later stage back.
            return FillStatus.MATCHED
        return status

    def _compare(self, known: Fill, told: VenueFill) -> None:
        """Note a trade that is told otherwise than before; what was booked first stays."""
        before = (known.token_id, known.side.value, known.price_bps, known.size_shares)
        now = (told.token_id, told.side, told.price_bps, told.size_shares)
        if before != now:
            detail = f"expected {before} as told before, was {now}"
            self.drift("fill_changed", known.trade_id, detail)

    def _report(self, known: Fill, status: FillStatus) -> None:
        try:
            moved = next_fill_status(known.status, status)
        except InvalidTransition as error:
            self.drift("fill", known.trade_id, str(error))
            return
        if moved is known.status:
            return
        self.record(
            FillStatusChanged(
                trade_id=known.trade_id,
                venue_order_id=known.venue_order_id,
                agent=known.agent,
                slug=known.slug,
                status=moved,
            )
        )
        if moved is FillStatus.FAILED:
            logger.warning("trade %s failed to settle: position and P&L put back", known.trade_id)

    def _book(self, order: Order, told: VenueFill, status: FillStatus) -> None:
        market = self.state.markets[order.slug]
        fee = fill_fee_usdc(market.fee, told.price_bps, told.size_shares, is_maker=told.is_maker)
        fill = Fill(
            trade_id=told.trade_id,
            venue_order_id=order.venue_order_id,
            agent=order.agent,
            slug=order.slug,
            token_id=order.token_id,
            outcome=order.outcome,
            side=order.side,
            price_bps=told.price_bps,
            size_shares=told.size_shares,
            fee_usdc=fee,
            is_maker=told.is_maker,
            matched_ns=told.matched_ns or self._market_clock.now_ns(),
            status=status,
        )
        before = order.status
        self.record(FillMatched(fill=fill), correlation_id=order.intent_id)
        after = self.state.orders[order.venue_order_id]
        logger.info(
            "filled: %s %s %s %.2f @ %.4f (%s), fee $%.4f, %s",
            order.agent,
            order.side.value,
            order.outcome.value,
            fill.size_shares / 1e6,
            fill.price_bps / 1e4,
            "maker" if fill.is_maker else "taker",
            fee / 1e6,
            order.slug,
        )
        if after.status is not before:
            trigger = OrderTrigger.FILL_WHOLE if after.is_complete else OrderTrigger.FILL_PART
            self._record_status(after, after.status, trigger)

    def _record_status(
        self,
        order: Order,
        status: OrderStatus,
        trigger: OrderTrigger,
        *,
        code: str = "",
        detail: str = "",
    ) -> None:
        self.record(
            OrderStatusChanged(
                venue_order_id=order.venue_order_id,
                agent=order.agent,
                slug=order.slug,
                status=status,
                trigger=trigger,
                code=code,
                detail=detail,
            ),
            correlation_id=order.intent_id,
        )
