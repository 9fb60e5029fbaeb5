"""The operator's commands about orders and positions: cancel all, flatten, and what there is."""

import logging
from typing import Any

import msgspec

from polybot.domain.money import PRICE_ONE_BPS
from polybot.domain.order import Order
from polybot.domain.trading_state import TradingState
from polybot.domain.worst_case import reservation_usdc
from polybot.errors import InvalidValue
from polybot.messages.commands import (
    CancelOrders,
    Done,
    FlattenPositions,
    GetHoldings,
    HeldOrder,
    HeldPosition,
    Holdings,
    OrdersCanceling,
)
from polybot.messages.trading import CancelOrdersTaken, FlattenStarted
from polybot.services.trader.bookkeeping import Bookkeeper
from polybot.services.trader.claims import TradingClaims
from polybot.services.trader.desk import Desk
from polybot.services.trader.flatten import Flattener

logger = logging.getLogger(__name__)


class OperatorOrders(msgspec.Struct):
    """Takes each command once: its record is journaled with what follows from it."""

    books: Bookkeeper
    claims: TradingClaims
    desk: Desk
    flattener: Flattener

    def handle(self, body: Any) -> msgspec.Struct | None:
        """Carry out a command that is about orders, None for any other.

        Raises InvalidValue for a flatten that cannot be carried out as asked.
        """
        if isinstance(body, GetHoldings):
            return self._holdings()
        if isinstance(body, CancelOrders):
            return self._cancel(body)
        if isinstance(body, FlattenPositions):
            return self._flatten(body)
        return None

    def _cancel(self, command: CancelOrders) -> OrdersCanceling:
        taken = self.books.state.commands.get(command.command_id)
        if taken is not None:
            return OrdersCanceling(order_ids=taken)
        found = [order for order in self.books.state.open_orders() if _is_meant(order, command)]
        order_ids = tuple(order.venue_order_id for order in found)
        self.books.record(
            CancelOrdersTaken(
                command_id=command.command_id,
                source=command.source,
                reason=command.reason,
                agent=command.agent,
                series=command.series,
                order_ids=order_ids,
            )
        )
        for order in found:
            self.desk.cancel(order, command.reason)
        logger.warning("asked by %s to cancel: %d orders", command.source, len(found))
        return OrdersCanceling(order_ids=order_ids)

    def _flatten(self, command: FlattenPositions) -> Done:
        if command.command_id in self.books.state.commands:
            return Done(detail="this flatten was taken already")
        if not 1 <= command.min_price_bps < PRICE_ONE_BPS:
            raise InvalidValue(
                f"expected a floor price of 0.0001 to 0.9999, was {command.min_price_bps / 1e4}"
            )
        if self.claims.state is TradingState.HALTED:
            raise InvalidValue(
                f"expected a state in which exits are allowed, was {self.claims.describe()}; "
                "halted means cancels only: `polybot resume` first"
            )
        self.books.record(
            FlattenStarted(
                command_id=command.command_id,
                source=command.source,
                reason=command.reason,
                agent=command.agent,
                min_price_bps=command.min_price_bps,
            )
        )
        self.claims.claim(command.source, TradingState.REDUCING, command.reason)
        return Done(detail=f"flattening {command.agent or 'every agent'}")

    def _holdings(self) -> Holdings:
        state = self.books.state
        orders = state.open_orders()
        return Holdings(
            trading_state=self.claims.state.value,
            cash_usdc=state.cash_usdc,
            reserved_usdc=sum(
                reservation_usdc(order, state.markets[order.slug].fee) for order in orders
            ),
            unredeemed_usdc=sum(state.unredeemed.values()),
            positions=self._positions(),
            orders=tuple(_held_order(order) for order in orders),
            flattening=tuple(state.flattens),
        )

    def _positions(self) -> tuple[HeldPosition, ...]:
        state, flattener = self.books.state, self.flattener
        return tuple(
            HeldPosition(
                agent=position.agent,
                slug=position.slug,
                outcome=position.outcome.value,
                token_id=position.token_id,
                size_shares=position.shares,
                sellable_shares=flattener.sellable_shares(position),
                cost_usdc=-position.cash_usdc,
                bid_bps=flattener.data.token_view(
                    state.markets[position.slug], position.outcome
                ).bid_bps,
                waits_for=(
                    flattener.waits_for(position) if flattener.covers(position.agent) else ""
                ),
            )
            for position in state.positions.values()
            if position.shares and position.token_id not in state.settled
        )


def _is_meant(order: Order, command: CancelOrders) -> bool:
    return command.agent in ("", order.agent) and command.series in (
        "",
        order.slug.rpartition("-")[0],
    )


def _held_order(order: Order) -> HeldOrder:
    return HeldOrder(
        order_id=order.venue_order_id,
        agent=order.agent,
        slug=order.slug,
        outcome=order.outcome.value,
        side=order.side.value,
        order_type=order.order_type.value,
        status=order.status.value,
        purpose=order.purpose,
        price_bps=order.price_bps,
        open_shares=order.open_shares,
        created_ns=order.created_ns,
    )
