"""Somebody else who trades our wallet: orders nobody here signed, heartbeats nobody here sent.

Either means that two programs decide about one wallet. Then trading is HALTED until a person has
looked; what that person accepts halts nothing again.
"""

import logging
from collections.abc import Sequence

import msgspec

from polybot.domain.money import format_price, format_shares
from polybot.domain.trading_state import TradingState
from polybot.messages.commands import AdoptOrders, OrdersAdopted
from polybot.messages.trading import ForeignOrdersTaken
from polybot.ports import HeartbeatBroken, VenueOrder
from polybot.services.trader.bookkeeping import Bookkeeper
from polybot.services.trader.claims import TradingClaims
from polybot.services.trader.not_ours import FOREIGN_ORDER

logger = logging.getLogger(__name__)

FOREIGN_WRITER = "foreign_writer"
FOREIGN_HEARTBEAT = "foreign_heartbeat"
DOCTOR = "doctor"
OPERATOR_RESUMED = "operator"
# Fewer characters of an id name too much by accident.
SHORTEST_ID = 6
_NAMED = 3
_ADVICE = (
    "end whatever else trades this wallet, look at it with `polybot orders`, then `polybot adopt "
    "ORDER_ID`, `polybot adopt --all` or `polybot resume`"
)


class Strangers(msgspec.Struct):
    """Halts trading for what is not ours, and ends that by a person's decision.

    `known` are orders of this installation that no journal has: the doctor's own. `resting` are
    the foreign orders of the newest listing: they hold money back, and ours must not cross them.
    """

    books: Bookkeeper
    claims: TradingClaims
    known: frozenset[str] = frozenset()
    resting: tuple[VenueOrder, ...] = ()

    def listed(self, orders: Sequence[VenueOrder]) -> None:
        """Take note of the open orders of a snapshot that no journal of ours signed."""
        ours = self.books.state.orders
        self.resting = tuple(order for order in orders if order.venue_order_id not in ours)
        seen = self.books.state.not_ours.orders
        for order in self.resting:
            if order.venue_order_id not in seen:
                detail = f"listed as ours, but never signed here: {_terms(order)}"
                self.books.drift(FOREIGN_ORDER, order.venue_order_id, detail)

    def beaten(self, broken: HeartbeatBroken) -> None:
        """Take note of a heartbeat that somebody else sent between two of ours."""
        detail = f"sent {broken.sent}, the exchange expected {broken.expected}, which is not ours"
        self.books.drift("foreign_heartbeat", broken.expected, detail)
        reason = f"somebody else sends this wallet's heartbeats ({detail}): {_ADVICE}"
        self.claims.insist(FOREIGN_HEARTBEAT, TradingState.HALTED, reason)

    def turn(self) -> None:
        """Halt while foreign orders wait for a person."""
        own = [order_id for order_id in self._pending() if order_id in self.known]
        if own:
            self._take(own, source=DOCTOR, reason="an order of polybot doctor", command_id="")
        pending = self._pending()
        if pending:
            self.claims.insist(FOREIGN_WRITER, TradingState.HALTED, _reason(pending))

    def adopt(self, command: AdoptOrders) -> OrdersAdopted:
        """Take foreign orders into the books as external, and end the halt that was theirs."""
        taken = self.books.state.commands.get(command.command_id)
        if taken is not None:
            return OrdersAdopted(order_ids=taken, detail="this was adopted already")
        found = {asked: self._named(asked) for asked in command.order_ids}
        unknown = tuple(asked for asked, order_id in found.items() if not order_id)
        if unknown:
            waiting = ", ".join(self._pending()) or "none waits"
            detail = f"foreign orders that wait for a decision: {waiting}"
            return OrdersAdopted(order_ids=(), detail=detail, unknown=unknown)
        order_ids = tuple(dict.fromkeys(found.values())) or self._pending()
        self._take(
            order_ids,
            source=command.source,
            reason=command.reason,
            command_id=command.command_id,
        )
        logger.warning("adopted by %s: %s", command.source, ", ".join(order_ids) or "nothing")
        if not self._pending():
            self.claims.end(FOREIGN_WRITER)
        if not command.order_ids:
            self.claims.end(FOREIGN_HEARTBEAT)
        self.turn()
        return OrdersAdopted(order_ids=order_ids, detail=f"trading is {self.claims.describe()}")

    def resumed(self, reason: str) -> None:
        """Take the operator's resume as the decision about every foreign order seen so far."""
        pending = self._pending()
        if pending:
            self._take(pending, source=OPERATOR_RESUMED, reason=reason, command_id="")

    def _pending(self) -> tuple[str, ...]:
        return self.books.state.not_ours.pending()

    def _named(self, asked: str) -> str:
        """Return the foreign order of an id or of the beginning of one, "" when none is meant."""
        seen = self.books.state.not_ours.orders
        if asked in seen:
            return asked
        wanted = asked.lower()
        meant = [order_id for order_id in seen if order_id.lower().startswith(wanted)]
        return meant[0] if len(meant) == 1 and len(asked) >= SHORTEST_ID else ""

    def _take(self, order_ids: Sequence[str], *, source: str, reason: str, command_id: str) -> None:
        self.books.record(
            ForeignOrdersTaken(
                command_id=command_id, source=source, reason=reason, order_ids=tuple(order_ids)
            )
        )


def _reason(pending: Sequence[str]) -> str:
    named = ", ".join(pending[:_NAMED]) + (", ..." if len(pending) > _NAMED else "")
    count = "an order" if len(pending) == 1 else f"{len(pending)} orders"
    return f"{count} of this wallet that no journal here signed ({named}): {_ADVICE}"


def _terms(order: VenueOrder) -> str:
    shares = format_shares(order.original_shares - order.matched_shares)
    return f"{order.side} {shares} @ {format_price(order.price_bps)} of token {order.token_id}"
