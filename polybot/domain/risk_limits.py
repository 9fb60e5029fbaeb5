"""What risk is judged by: the limits, and the state of the books at the moment of a wish."""

import msgspec

from polybot.domain.market import Market, Outcome
from polybot.domain.order import Order, Side
from polybot.domain.position import Position
from polybot.domain.trading_state import TradingState


class RiskLimits(msgspec.Struct, frozen=True, kw_only=True):
    """The limits of one agent: prices in 1e-4 dollars, money in micro-dollars, pauses in ns."""

    min_buy_bps: int = 500
    max_buy_bps: int = 9900
    max_order_usdc: int = 50_000_000
    max_window_usdc: int = 100_000_000
    max_deployed_usdc: int = 400_000_000
    agent_capital_usdc: int = 200_000_000
    max_daily_loss_usdc: int = 100_000_000
    max_open_orders: int = 50
    max_orders_per_minute: int = 60
    max_consecutive_losses: int = 5
    pause_ns: int = 3_600_000_000_000
    min_marketable_usdc: int = 1_000_000


class Commitment(msgspec.Struct, frozen=True, kw_only=True):
    """Dollars one agent has tied up in one window (`worst_case.committed_usdc`)."""

    agent: str
    slug: str
    usdc: int


class ForeignOrder(msgspec.Struct, frozen=True, kw_only=True):
    """An order that rests in our wallet and that nobody here signed."""

    outcome: Outcome
    side: Side
    price_bps: int


class RiskState(msgspec.Struct, frozen=True, kw_only=True):
    """The books at the moment of a wish.

    `now_ns` is market time, `wall_ns` wall time. `positions` and `orders` are all agents' in this
    market (finished orders included), `commitments` everybody's in every window not yet paid out.
    `balance_usdc` is the wallet's cash and `reserved_usdc` what all open BUYs may take of it.
    `open_orders` and `orders_last_minute` count over the whole wallet. `consecutive_losses` and
    `last_loss_ns` (wall time) are the agent's; `day_pnl_usdc` is the wallet's since the trading
    day began. `best_ask_bps` is that of the token wished for. `waits_for` says why the exchange is
    to be left alone now, "" when it is not; `spare_orders` is how many more it takes this moment.
    `foreign_orders` rest in this market too, though nobody here signed them.
    """

    agent: str
    market: Market
    now_ns: int
    wall_ns: int
    trading_state: TradingState
    positions: tuple[Position, ...] = ()
    orders: tuple[Order, ...] = ()
    commitments: tuple[Commitment, ...] = ()
    balance_usdc: int = 0
    reserved_usdc: int = 0
    open_orders: int = 0
    orders_last_minute: int = 0
    day_pnl_usdc: int = 0
    consecutive_losses: int = 0
    last_loss_ns: int = 0
    best_ask_bps: int | None = None
    waits_for: str = ""
    spare_orders: int = 1
    foreign_orders: tuple[ForeignOrder, ...] = ()
