"""What is in our wallet and is not ours, as a fold over the trader's events."""

import msgspec

from polybot.messages.trading import DriftFound, ExternalFlowBooked, ForeignOrdersTaken

FOREIGN_ORDER = "foreign_order"
# An order nobody here signed rests for hours at most: its window ends.
ORDERS_REMEMBERED = 1000


class NotOurs(msgspec.Struct, kw_only=True):
    """Orders and shares that no journal of ours explains.

    `orders` maps the id of each foreign order ever seen to whether a person has decided about it;
    `shares` holds, by token, what the wallet has more (or, below 0, less) than all agents together.
    """

    orders: dict[str, bool] = {}
    shares: dict[str, int] = {}

    def pending(self) -> tuple[str, ...]:
        """Return the foreign orders nobody has decided about, oldest first."""
        return tuple(order_id for order_id, is_decided in self.orders.items() if not is_decided)

    def drift_found(self, event: DriftFound) -> None:
        """Take note of a foreign order."""
        if event.kind == FOREIGN_ORDER:
            self.orders.setdefault(event.subject, False)

    def orders_taken(self, event: ForeignOrdersTaken) -> None:
        """Take note of a decision; the oldest orders decided about are forgotten."""
        self.orders |= dict.fromkeys(event.order_ids, True)
        decided = [order_id for order_id, is_decided in self.orders.items() if is_decided]
        for order_id in decided[:-ORDERS_REMEMBERED]:
            del self.orders[order_id]

    def flow_booked(self, event: ExternalFlowBooked) -> None:
        """Take note of shares that moved without an order of ours."""
        if event.token_id and event.size_shares:
            shares = self.shares.pop(event.token_id, 0) + event.size_shares
            if shares:
                self.shares[event.token_id] = shares

    def forget_token(self, token_id: str) -> None:
        """Forget a token whose window is long over."""
        self.shares.pop(token_id, None)

    def copy(self) -> "NotOurs":
        """Return the same, independent of what comes."""
        return NotOurs(orders=dict(self.orders), shares=dict(self.shares))
