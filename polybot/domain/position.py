"""What one agent holds of one token: the fills that made it, and what they are worth."""

import msgspec

from polybot.domain.fill import Fill, FillStatus
from polybot.domain.lots import FifoMatch, match_fifo
from polybot.domain.market import Outcome
from polybot.domain.money import PRICE_ONE_BPS, notional_usdc
from polybot.errors import InvalidValue


class Settlement(msgspec.Struct, frozen=True, kw_only=True):
    """A position at its market's resolution.

    `pnl_usdc` is sale proceeds + payout - purchase costs - fees, from actual fills (seeds 1.7b).
    """

    shares: int
    payout_usdc: int
    pnl_usdc: int


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """The fills of one agent in one token, with the running sums of those that count.

    Invariant: `shares` and `cash_usdc` are the sums over all fills that did not FAIL. Fills that
    FAILED stay listed, so that a late report about one is recognized. Messages come in any order,
    so `shares` may be below 0 for a moment; nothing is refused for that.
    """

    agent: str
    slug: str
    token_id: str
    outcome: Outcome
    fills: tuple[Fill, ...] = ()
    shares: int = 0
    cash_usdc: int = 0

    def apply_fill(self, fill: Fill) -> "Position":
        """Add a fill, or take a further report about one that is known.

        A repeated report changes nothing; a report of FAILED puts shares and cash back exactly.
        Raises InvalidValue when the fill is another agent's or token's, or differs from what was
        said about the same trade before; InvalidTransition when two final reports contradict.
        """
        if (fill.agent, fill.token_id) != (self.agent, self.token_id):
            raise InvalidValue(
                f"expected a fill of {self.agent} in {self.token_id}, "
                f"was {fill.agent} in {fill.token_id}"
            )
        for index, known in enumerate(self.fills):
            if known.key == fill.key:
                return self._with_report(index, fill)
        added = (*self.fills, fill)
        if not fill.counts:
            return msgspec.structs.replace(self, fills=added)
        return msgspec.structs.replace(
            self,
            fills=added,
            shares=self.shares + fill.signed_shares,
            cash_usdc=self.cash_usdc + fill.cash_usdc,
        )

    def void_fill(self, key: tuple[str, str]) -> "Position":
        """Undo the fill `key` (its `Fill.key`), as its report of FAILED would.

        Raises InvalidValue for a fill that is not here, InvalidTransition for a CONFIRMED one.
        """
        for fill in self.fills:
            if fill.key == key:
                return self.apply_fill(msgspec.structs.replace(fill, status=FillStatus.FAILED))
        raise InvalidValue(f"expected a fill of this position, was {key}")

    @property
    def settled_shares(self) -> int:
        """Shares the exchange can already move: bought and on the chain, less everything sold.

        Just-bought shares cannot be sold until their trade is MINED.
        """
        on_chain = (FillStatus.MINED, FillStatus.CONFIRMED)
        return sum(
            fill.signed_shares
            for fill in self.fills
            if fill.counts and (fill.signed_shares < 0 or fill.status in on_chain)
        )

    @property
    def fees_usdc(self) -> int:
        """All fees paid."""
        return sum(fill.fee_usdc for fill in self.fills if fill.counts)

    def fifo(self) -> FifoMatch:
        """Pair sales with purchases, first in first out."""
        return match_fifo(self.fills)

    def unrealized_pnl_usdc(self, price_bps: int) -> int:
        """Return the P&L so far if what is held were sold at `price_bps`, without a further fee."""
        return self.cash_usdc + notional_usdc(price_bps, self.shares)

    def settle(self, *, won: bool) -> Settlement:
        """Pay one dollar a share when the outcome won, nothing when it lost."""
        return self.settle_at(PRICE_ONE_BPS if won else 0)

    def settle_at(self, payout_bps: int) -> Settlement:
        """Pay `payout_bps` (1e-4 dollars) a share: 5000 for a market resolved 50/50."""
        payout = notional_usdc(payout_bps, self.shares)
        return Settlement(shares=self.shares, payout_usdc=payout, pnl_usdc=self.cash_usdc + payout)

    def _with_report(self, index: int, fill: Fill) -> "Position":
        known = self.fills[index]
        if (known.side, known.price_bps, known.size_shares) != (
            fill.side,
            fill.price_bps,
            fill.size_shares,
        ):
            raise InvalidValue(
                f"expected trade {known.trade_id} to stay "
                f"{known.side.value} {known.size_shares} at {known.price_bps}, "
                f"was {fill.side.value} {fill.size_shares} at {fill.price_bps}"
            )
        after = known.reported(fill.status)
        if after.status is known.status:
            return self
        undone = not after.counts
        return msgspec.structs.replace(
            self,
            fills=(*self.fills[:index], after, *self.fills[index + 1 :]),
            shares=self.shares - known.signed_shares if undone else self.shares,
            cash_usdc=self.cash_usdc - known.cash_usdc if undone else self.cash_usdc,
        )
