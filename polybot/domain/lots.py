"""First in, first out: which sale closed which purchase, and what each pair earned."""

from collections.abc import Iterable

import msgspec

from polybot.domain.fill import Fill
from polybot.domain.order import Side


class Lot(msgspec.Struct, frozen=True):
    """Shares of one fill that no opposite fill has closed.

    `cash_usdc` is what they cost with their part of the fee (a purchase), or brought in after it
    (a sale without a purchase).
    """

    trade_id: str
    shares: int
    cash_usdc: int
    matched_ns: int


class Exit(msgspec.Struct, frozen=True):
    """Shares bought in one fill and sold in another."""

    buy_trade_id: str
    sell_trade_id: str
    shares: int
    cost_usdc: int
    proceeds_usdc: int
    sold_ns: int

    @property
    def pnl_usdc(self) -> int:
        """Proceeds less cost, both after fees."""
        return self.proceeds_usdc - self.cost_usdc


class FifoMatch(msgspec.Struct, frozen=True):
    """All fills of one token, paired.

    `lots` are what is still held, oldest first. `oversold` are sales that no purchase covers: a
    message is still to come, or a purchase FAILED after its shares were sold.
    """

    exits: tuple[Exit, ...]
    lots: tuple[Lot, ...]
    oversold: tuple[Lot, ...]

    @property
    def realized_pnl_usdc(self) -> int:
        """What the pairs earned, after fees."""
        return sum(pair.pnl_usdc for pair in self.exits)

    @property
    def cost_basis_usdc(self) -> int:
        """What the shares still held cost, fees included."""
        return sum(lot.cash_usdc for lot in self.lots)


def match_fifo(fills: Iterable[Fill]) -> FifoMatch:
    """Pair the sales of one token with its purchases, both in order of their match time.

    Fills that FAILED are left out. The cash of a divided fill is divided by shares, rounded down,
    its last part taking the rest, so the parts add up to the fill exactly (seeds 1.6).
    """
    counted = sorted(
        (fill for fill in fills if fill.counts), key=lambda fill: (fill.matched_ns, fill.key)
    )
    buys = _Queue([_lot(fill) for fill in counted if fill.side is Side.BUY])
    sells = _Queue([_lot(fill) for fill in counted if fill.side is Side.SELL])
    exits: list[Exit] = []
    while buys.lots and sells.lots:
        shares = min(buys.lots[-1].shares, sells.lots[-1].shares)
        bought, sold = buys.take(shares), sells.take(shares)
        exits.append(
            Exit(
                buy_trade_id=bought.trade_id,
                sell_trade_id=sold.trade_id,
                shares=shares,
                cost_usdc=bought.cash_usdc,
                proceeds_usdc=sold.cash_usdc,
                sold_ns=sold.matched_ns,
            )
        )
    return FifoMatch(exits=tuple(exits), lots=buys.rest(), oversold=sells.rest())


def _lot(fill: Fill) -> Lot:
    cash = -fill.cash_usdc if fill.side is Side.BUY else fill.cash_usdc
    return Lot(fill.trade_id, fill.size_shares, cash, fill.matched_ns)


class _Queue:
    """Lots in order, the oldest at the end of the list, where taking is cheap."""

    def __init__(self, lots: list[Lot]) -> None:
        self.lots = lots[::-1]

    def take(self, shares: int) -> Lot:
        lot = self.lots.pop()
        if shares == lot.shares:
            return lot
        cash = lot.cash_usdc * shares // lot.shares
        self.lots.append(
            Lot(lot.trade_id, lot.shares - shares, lot.cash_usdc - cash, lot.matched_ns)
        )
        return Lot(lot.trade_id, shares, cash, lot.matched_ns)

    def rest(self) -> tuple[Lot, ...]:
        return tuple(reversed(self.lots))
