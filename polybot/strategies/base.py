"""What a strategy sees and what it answers: the contract every strategy file follows.

A strategy is a pure function `decide(view) -> Decision`. What it must remember from look to look
travels through `view.memory` and `decision.memory`, so the same object runs in backtest, replay,
paper and live, and a replayed session decides the same.
"""

from typing import Any, Protocol

import msgspec

from polybot.domain.market import Market, Outcome
from polybot.domain.order import Order, OrderType, Side
from polybot.domain.position import Position


class TokenView(msgspec.Struct, frozen=True):
    """One outcome token's book at the moment of decision.

    Prices in 1e-4 dollars, sizes in micro-shares; None where that side of the book is empty.
    `imbalance` is (bid depth - ask depth) / (sum), -1..1, 0 when unknown.
    """

    outcome: Outcome
    token_id: str
    bid_bps: int | None = None
    bid_shares: int | None = None
    ask_bps: int | None = None
    ask_shares: int | None = None
    imbalance: float = 0.0


class ReferenceView(msgspec.Struct, frozen=True):
    """The reference (BTC) price as known now; None and empty where no feed exists.

    `samples` are (market_ns, price_e8), oldest first, one per market second at most, the last 60;
    `window_opens_e8` the prices at recent window opens of this series, oldest first, this window's
    last; `strike_e8` the price to beat by the market's own rule. `feed` is who told the price; a
    stand-in is not of the source that settles (or, a strike, averaged here): near it, never it.
    """

    price_e8: int | None = None
    age_ns: int | None = None
    strike_e8: int | None = None
    samples: tuple[tuple[int, int], ...] = ()
    window_opens_e8: tuple[int, ...] = ()
    feed: str = ""
    price_is_stand_in: bool = False
    strike_is_stand_in: bool = False


class View(msgspec.Struct, frozen=True):
    """Everything a strategy may look at, at one moment of market time.

    `positions` and `orders` are this agent's own in this window (`orders` includes finished ones);
    `unknown` says that an order of ours has no known outcome yet; `entries_allowed` is False while
    trading is reducing; `capital_usdc` is what the agent may still commit; `new_second` is True on
    the first look of a market second (per-tick histories sample on it).
    """

    now_ns: int
    market: Market
    up: TokenView
    down: TokenView
    reference: ReferenceView = msgspec.field(default_factory=ReferenceView)
    positions: dict[Outcome, Position] = msgspec.field(default_factory=dict)
    orders: tuple[Order, ...] = ()
    unknown: bool = False
    entries_allowed: bool = True
    capital_usdc: int = 0
    new_second: bool = True
    memory: Any = None

    def token(self, outcome: Outcome) -> TokenView:
        """Return the view of one outcome's token."""
        return self.up if outcome is Outcome.UP else self.down

    def remaining_s(self) -> float:
        """Return market seconds until the window closes, negative afterwards."""
        return (self.market.close_ns - self.now_ns) / 1e9


class Intent(msgspec.Struct, frozen=True, kw_only=True):
    """A wish to trade, before risk: `budget_usdc` for a FAK or FOK buy, `size_shares` otherwise.

    `purpose` is entry, profit_lock, exit…; `expires_ns` is market time, 0 for none; `post_only`
    refuses to take.
    """

    outcome: Outcome
    side: Side
    order_type: OrderType
    price_bps: int
    size_shares: int = 0
    budget_usdc: int = 0
    purpose: str
    post_only: bool = False
    expires_ns: int = 0


class CancelIntent(msgspec.Struct, frozen=True, kw_only=True):
    """A wish to cancel one of our own orders."""

    venue_order_id: str
    reason: str


class Decision(msgspec.Struct, frozen=True):
    """What a strategy answers: an action with its reason and the numbers behind it.

    `action` is enter, exit, cancel or hold; `reason` a stable word per cause; `inputs` what
    `polybot why` shows; `memory` is handed back in the next view.
    """

    action: str
    reason: str
    intents: tuple[Intent, ...] = ()
    cancels: tuple[CancelIntent, ...] = ()
    inputs: dict[str, str | int | float | bool | None] = msgspec.field(default_factory=dict)
    memory: Any = None


class Strategy(Protocol):
    """A strategy: its name, its parameters' type, its memory's type, and its decision."""

    name: str
    doc: str
    parameters_type: type[msgspec.Struct]
    memory_type: type[msgspec.Struct]

    def decide(self, view: View) -> Decision:
        """Decide on one view; pure and fast."""
