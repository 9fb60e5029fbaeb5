"""What happens in the outside market, as a driver tells it: books, prints, prices, windows.

Everything of a book is written for the Up token: a bid for Down at p is an ask for Up at 1 - p.
Times are market time; a driver yields happenings in their order.
"""

from typing import TypeAlias

import msgspec

from polybot.domain.market import Market, Outcome
from polybot.domain.order import Side
from polybot.domain.resting import TradePrint
from polybot.domain.settlement import PriceSource

Level: TypeAlias = tuple[int, int]
"""Price in 1e-4 dollars and size in micro-shares."""


class ListWindow(msgspec.Struct, frozen=True):
    """A market can be found from now on; `unknown_depth_shares` is 0 where all depth is known."""

    ts_ns: int
    market: Market
    unknown_depth_shares: int = 0


class SetBook(msgspec.Struct, frozen=True):
    """The whole book of a window, in any order."""

    ts_ns: int
    slug: str
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]


class SetLevels(msgspec.Struct, frozen=True):
    """New total sizes of some levels, 0 for a level that is gone; BUY means the bids."""

    ts_ns: int
    slug: str
    levels: tuple[tuple[Side, int, int], ...]


class SetBest(msgspec.Struct, frozen=True):
    """The best prices, where no sizes are known; None for an empty side."""

    ts_ns: int
    slug: str
    bid_bps: int | None
    ask_bps: int | None


class PrintTrade(msgspec.Struct, frozen=True):
    """Somebody else traded."""

    ts_ns: int
    slug: str
    trade: TradePrint


class TellPrice(msgspec.Struct, frozen=True):
    """A reference price of an asset ("btc") arrived; `price_ns` is its source's own time.

    A `stand_in` comes from another exchange in place of the source that settles.
    """

    ts_ns: int
    asset: str
    source: PriceSource
    price_ns: int
    price_e8: int
    stand_in: bool = False


class ChangeTick(msgspec.Struct, frozen=True):
    """A market's tick became finer."""

    ts_ns: int
    slug: str
    tick_bps: int


class TellStrike(msgspec.Struct, frozen=True):
    """The price to beat became public."""

    ts_ns: int
    slug: str
    strike_e8: int


class CloseWindow(msgspec.Struct, frozen=True):
    """Trading in a window is over."""

    ts_ns: int
    slug: str


class ResolveWindow(msgspec.Struct, frozen=True):
    """The official outcome of a window is known."""

    ts_ns: int
    slug: str
    outcome: Outcome
    strike_e8: int | None = None
    close_e8: int | None = None


class SettleWindow(msgspec.Struct, frozen=True):
    """A window that cannot be played is offered as already closed and resolved."""

    ts_ns: int
    market: Market
    outcome: Outcome
    strike_e8: int | None = None
    close_e8: int | None = None


Happening: TypeAlias = (
    ListWindow
    | SetBook
    | SetLevels
    | SetBest
    | PrintTrade
    | TellPrice
    | ChangeTick
    | TellStrike
    | CloseWindow
    | ResolveWindow
    | SettleWindow
)
