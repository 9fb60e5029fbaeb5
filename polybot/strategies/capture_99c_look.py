"""One look of the 99c capture: view, rules and memory, with the questions asked of them."""

import msgspec

from polybot.domain.confidence import ask_part_bps, confidence_bps
from polybot.domain.market import Outcome
from polybot.domain.order import Order, OrderStatus, Side
from polybot.domain.position import Position
from polybot.domain.purpose import ENTRY
from polybot.strategies.base import CancelIntent, Decision, Intent, TokenView, View
from polybot.strategies.capture_99c_memory import CaptureMemory
from polybot.strategies.capture_99c_parameters import CaptureRules

Inputs = dict[str, str | int | float | bool | None]

# The exchange takes sizes and budgets with two decimals.
AMOUNT_STEP = 10_000


def has_book(token: TokenView) -> bool:
    """Return whether anything at all is known of the token's book."""
    return token.bid_bps is not None or token.ask_bps is not None


class Look(msgspec.Struct):
    """One decision in the making; `memory` and `inputs` grow while it is worked out."""

    view: View
    rules: CaptureRules
    memory: CaptureMemory
    inputs: Inputs = msgspec.field(default_factory=dict)

    def remember(self, **changes: object) -> None:
        """Change fields of the memory."""
        self.memory = msgspec.structs.replace(self.memory, **changes)

    def note(self, **numbers: str | int | float | bool | None) -> None:
        """Add figures to what `polybot why` shows."""
        self.inputs.update(numbers)

    def confidence_bps(self, outcome: Outcome) -> int:
        """Return the confidence of an outcome now."""
        return confidence_bps(self.view.token(outcome).ask_bps, self.view.remaining_s())

    def spread_bps(self, outcome: Outcome) -> int:
        """Return ask - bid; a missing ask counts as 1.00, a missing bid as 0."""
        token = self.view.token(outcome)
        return ask_part_bps(token.ask_bps) - (token.bid_bps or 0)

    def held(self) -> Position | None:
        """Return the larger position with shares, None when flat."""
        held = [position for position in self.view.positions.values() if position.shares > 0]
        return max(held, key=lambda position: position.shares, default=None)

    def entries(self) -> list[Order]:
        """Return the entry orders of this window, oldest first."""
        return [order for order in self.view.orders if order.purpose == ENTRY]

    def open_on(self, outcome: Outcome) -> list[Order]:
        """Return our orders on a token that are not over."""
        return [
            order
            for order in self.view.orders
            if order.outcome is outcome and not order.is_terminal
        ]

    def cancelable(self, orders: list[Order]) -> list[Order]:
        """Return the resting orders whose cancel should be asked for now.

        A cancel is asked for once; of an order of unknown fate once a second, for it may exist.
        """
        settling = (OrderStatus.INITIALIZED, OrderStatus.PENDING_CANCEL)
        return [
            order
            for order in orders
            if order.order_type.rests
            and order.status not in settling
            and (order.status is not OrderStatus.UNKNOWN or self.view.new_second)
        ]

    def hold(self, reason: str) -> Decision:
        """Answer that nothing is to be done, and why."""
        return self._decision("hold", reason)

    def cancel(self, reason: str, orders: list[Order]) -> Decision:
        """Answer that orders are to be canceled."""
        cancels = tuple(
            CancelIntent(venue_order_id=order.venue_order_id, reason=reason) for order in orders
        )
        return self._decision("cancel", reason, cancels=cancels)

    def act(self, action: str, reason: str, intent: Intent) -> Decision:
        """Answer with one order."""
        self.note(
            side=intent.side.value,
            outcome=intent.outcome.value,
            price_bps=intent.price_bps,
            size_shares=intent.size_shares,
            budget_usdc=intent.budget_usdc,
        )
        return self._decision(action, reason, intents=(intent,))

    def _decision(
        self,
        action: str,
        reason: str,
        *,
        intents: tuple[Intent, ...] = (),
        cancels: tuple[CancelIntent, ...] = (),
    ) -> Decision:
        return Decision(
            action=action,
            reason=reason,
            intents=intents,
            cancels=cancels,
            inputs=self.inputs,
            memory=self.memory,
        )


def sellable_shares(position: Position, open_orders: list[Order]) -> int:
    """Return what can be sold now, in steps of 0.01 shares.

    Just-bought shares move only once their trade is on the chain, and an unresolved SELL may still
    take its part.
    """
    selling = sum(order.open_shares for order in open_orders if order.side is Side.SELL)
    free = min(position.settled_shares, position.shares) - selling
    return max(free - free % AMOUNT_STEP, 0)
