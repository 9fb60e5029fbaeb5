"""The drill: small orders of one side and type at an even pace, to try an installation or prove it.

It wants no profit and has no opinion: every `every_s` of market time it buys or sells a little,
cancels what rests too long, and so walks every path an order can take.
"""

from decimal import Decimal
from typing import Annotated

import msgspec

from polybot.domain.fill import FillStatus
from polybot.domain.market import Outcome
from polybot.domain.money import PRICE_ONE_BPS, parse_shares
from polybot.domain.order import Order, OrderStatus, OrderType, Side
from polybot.domain.position import Position
from polybot.domain.purpose import DRILL
from polybot.domain.window import SECOND_NS
from polybot.strategies.base import CancelIntent, Decision, Intent, TokenView, View
from polybot.strategies.parameters import bounded, chosen

TAKE, REST, TURNS = "take", "rest", "turns"
# Bought at once for this many sales: each purchase must settle before it can be sold.
STOCK_SALES = 8
# Near the ends of the price range books are thin and ticks change; the other outcome is there.
LOWEST_BPS, HIGHEST_BPS = 1_000, 9_000
AMOUNT_STEP = 10_000
_RESTING = (OrderStatus.ACCEPTED, OrderStatus.PARTIALLY_FILLED)
_SETTLED = (FillStatus.MINED, FillStatus.CONFIRMED)


class DrillParameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is drilled; times in market seconds, sizes in shares."""

    side: Annotated[str, chosen(("BUY", "SELL"), "side of the orders; a SELL buys stock first")] = (
        "BUY"
    )
    order_type: Annotated[str, chosen(("GTC", "FAK", "FOK"), "type of the orders")] = "GTC"
    aim: Annotated[
        str,
        chosen(
            (TAKE, REST, TURNS),
            "what a GTC order does: meet the book at once, wait in it, or one after the other",
        ),
    ] = TURNS
    behind_ticks: Annotated[
        int, bounded(0, 90, "ticks behind the best price at which an order that waits is priced")
    ] = 0
    every_s: Annotated[float, bounded(0, 3_600, "seconds between two orders in a window")] = 20.0
    rest_s: Annotated[float, bounded(0, 3_600, "seconds after which what rests is canceled")] = 60.0
    shares: Annotated[Decimal, bounded(5, 1_000, "shares of one order")] = Decimal(5)
    miss_every: Annotated[
        int, bounded(0, 1_000, "every how many orders one is priced to be refused; 0: none")
    ] = 0
    last_s: Annotated[
        float, bounded(0, 3_600, "seconds before the close from which nothing new is sent")
    ] = 5.0


class DrillMemory(msgspec.Struct, frozen=True, kw_only=True):
    """When a window was last tried, in market time."""

    tried_ns: int = -1


class Drill:
    """The strategy object: immutable, everything follows from view and parameters."""

    name: str = "drill"
    doc: str = "Place small orders of one side and type at an even pace; simulated exchanges only."
    parameters_type: type[msgspec.Struct] = DrillParameters
    memory_type: type[msgspec.Struct] = DrillMemory

    def __init__(self, parameters: DrillParameters) -> None:
        self.parameters = parameters
        self._side = Side(parameters.side)
        self._type = OrderType(parameters.order_type)
        self._shares = parse_shares(str(parameters.shares)) // AMOUNT_STEP * AMOUNT_STEP
        self._every_ns = int(parameters.every_s * SECOND_NS)
        self._rest_ns = int(parameters.rest_s * SECOND_NS)

    def decide(self, view: View) -> Decision:
        """Decide on one view: cancel what is old, send what is due."""
        memory = view.memory if isinstance(view.memory, DrillMemory) else DrillMemory()
        cancels = self._old(view)
        if view.remaining_s() <= self.parameters.last_s:
            return _decision("closing", memory, cancels)
        if memory.tried_ns >= 0 and view.now_ns - memory.tried_ns < self._every_ns:
            return _decision("waiting", memory, cancels)
        reason, intent = self._wish(view)
        if intent is None:
            return _decision(reason, memory, cancels)
        return _decision(reason, DrillMemory(tried_ns=view.now_ns), cancels, intent)

    def _old(self, view: View) -> tuple[CancelIntent, ...]:
        return tuple(
            CancelIntent(venue_order_id=order.venue_order_id, reason="rested_long_enough")
            for order in view.orders
            if order.order_type.rests
            and order.status in _RESTING
            and view.now_ns - order.created_ns >= self._rest_ns
        )

    def _wish(self, view: View) -> tuple[str, Intent | None]:
        if self._side is Side.SELL:
            held = self._sellable_outcome(view)
            if held is not None:
                return self._sell(view, held)
            if _is_settling(view):
                return "stock_settles", None
        if not view.entries_allowed:
            return "reducing", None
        outcome = _open_outcome(view)
        if outcome is None:
            return "no_book", None
        if self._side is Side.SELL:
            return "stock", self._stock(view, outcome)
        return self._buy(view, outcome)

    def _buy(self, view: View, outcome: Outcome) -> tuple[str, Intent | None]:
        token, tick = view.token(outcome), view.market.tick_bps
        ask = token.ask_bps or 0
        below = token.bid_bps or ask - tick
        rests = below - self.parameters.behind_ticks * tick
        return self._order(
            view, outcome, Side.BUY, _Prices(takes=ask, rests=rests, misses=min(below, ask - tick))
        )

    def _sell(self, view: View, outcome: Outcome) -> tuple[str, Intent | None]:
        token, tick = view.token(outcome), view.market.tick_bps
        if token.bid_bps is None:
            return "no_book", None
        bid = token.bid_bps
        above = token.ask_bps or bid + tick
        rests = above + self.parameters.behind_ticks * tick
        return self._order(
            view,
            outcome,
            Side.SELL,
            _Prices(takes=bid, rests=rests, misses=max(above, bid + tick)),
        )

    def _order(
        self, view: View, outcome: Outcome, side: Side, prices: "_Prices"
    ) -> tuple[str, Intent | None]:
        number = len(view.orders) + 1
        misses = bool(self.parameters.miss_every) and number % self.parameters.miss_every == 0
        rests = self._type.rests and (
            self.parameters.aim == REST or (self.parameters.aim == TURNS and number % 2 == 0)
        )
        price = prices.takes
        if misses and not self._type.rests:
            price = prices.misses
        elif rests and not misses:
            price = prices.rests
        if not 0 < price < PRICE_ONE_BPS:
            return "no_price", None
        # A post-only order at a price that takes is refused, as is a FAK or FOK at one that waits.
        post_only = misses and self._type.rests
        budget = 0
        if side is Side.BUY and not self._type.rests:
            budget = _steps(max(self._shares * price // PRICE_ONE_BPS, 1_000_000 + AMOUNT_STEP))
        return "miss" if misses else "order", Intent(
            outcome=outcome,
            side=side,
            order_type=self._type,
            price_bps=price,
            size_shares=0 if budget else self._shares,
            budget_usdc=budget,
            purpose=DRILL,
            post_only=post_only,
        )

    def _stock(self, view: View, outcome: Outcome) -> Intent:
        price = min(view.token(outcome).ask_bps or 0, PRICE_ONE_BPS - view.market.tick_bps)
        return Intent(
            outcome=outcome,
            side=Side.BUY,
            order_type=OrderType.FAK,
            price_bps=price,
            budget_usdc=_steps(STOCK_SALES * self._shares * price // PRICE_ONE_BPS),
            purpose=DRILL,
        )

    def _sellable_outcome(self, view: View) -> Outcome | None:
        for outcome, position in view.positions.items():
            if _free_shares(position, view.orders) >= self._shares:
                return outcome
        return None


class _Prices(msgspec.Struct, frozen=True):
    """What a price means at this moment's book: it takes, it waits, or it is refused."""

    takes: int
    rests: int
    misses: int


def _decision(
    reason: str,
    memory: DrillMemory,
    cancels: tuple[CancelIntent, ...],
    intent: Intent | None = None,
) -> Decision:
    action = "enter" if intent is not None else "cancel" if cancels else "hold"
    if intent is not None and intent.side is Side.SELL:
        action = "exit"
    intents = (intent,) if intent is not None else ()
    return Decision(action, reason, intents, cancels, memory=memory)


def _open_outcome(view: View) -> Outcome | None:
    """Return the outcome to buy: Up while its price is in the middle, else Down, else none."""
    for outcome in Outcome:
        if _is_in_the_middle(view.token(outcome)):
            return outcome
    return None


def _is_in_the_middle(token: TokenView) -> bool:
    return token.ask_bps is not None and LOWEST_BPS <= token.ask_bps <= HIGHEST_BPS


def _is_settling(view: View) -> bool:
    """Say whether something bought here may be sold soon: it waits for the chain, or is on its way.

    An order that rests is nothing to wait for, and one of unknown fate may never come.
    """
    waits = (FillStatus.MATCHED, FillStatus.RETRYING)
    fills = (fill for position in view.positions.values() for fill in position.fills)
    return any(fill.side is Side.BUY and fill.status in waits for fill in fills) or any(
        order.status is OrderStatus.SUBMITTED and order.side is Side.BUY for order in view.orders
    )


def _free_shares(position: Position, orders: tuple[Order, ...]) -> int:
    """Return the settled shares that no open sale of ours may take."""
    bought = sum(
        fill.size_shares
        for fill in position.fills
        if fill.side is Side.BUY and fill.status in _SETTLED
    )
    sold = sum(
        fill.size_shares for fill in position.fills if fill.side is Side.SELL and fill.counts
    )
    selling = sum(
        order.open_shares
        for order in orders
        if order.side is Side.SELL and order.outcome is position.outcome
    )
    return bought - sold - selling


def _steps(amount: int) -> int:
    """Round up to the two decimals the exchange takes."""
    return -(-amount // AMOUNT_STEP) * AMOUNT_STEP
