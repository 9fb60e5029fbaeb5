"""A fill: one trade of one order, in the two stages from matched to settled on the chain."""

import enum
from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from polybot.domain.market import Outcome
from polybot.domain.money import notional_usdc
from polybot.domain.order import Side
from polybot.errors import InvalidTransition, InvalidValue


class FillStatus(enum.Enum):
    """How far a trade's settlement got; the exchange's own words.

    MATCHED counts for exposure at once, CONFIRMED makes it final, FAILED undoes it.
    """

    MATCHED = "MATCHED"
    MINED = "MINED"
    CONFIRMED = "CONFIRMED"
    RETRYING = "RETRYING"
    FAILED = "FAILED"


_F = FillStatus

FILL_TABLE: Mapping[tuple[FillStatus, FillStatus], FillStatus] = MappingProxyType(
    {
        (_F.MATCHED, _F.MATCHED): _F.MATCHED,
        (_F.MATCHED, _F.MINED): _F.MINED,
        (_F.MATCHED, _F.CONFIRMED): _F.CONFIRMED,
        (_F.MATCHED, _F.RETRYING): _F.RETRYING,
        (_F.MATCHED, _F.FAILED): _F.FAILED,
        # Events come late and twice: an earlier stage never takes a trade back.
        (_F.MINED, _F.MATCHED): _F.MINED,
        (_F.MINED, _F.MINED): _F.MINED,
        (_F.MINED, _F.CONFIRMED): _F.CONFIRMED,
        # The block was undone.
        (_F.MINED, _F.RETRYING): _F.RETRYING,
        (_F.MINED, _F.FAILED): _F.FAILED,
        (_F.RETRYING, _F.MATCHED): _F.RETRYING,
        (_F.RETRYING, _F.RETRYING): _F.RETRYING,
        (_F.RETRYING, _F.MINED): _F.MINED,
        (_F.RETRYING, _F.CONFIRMED): _F.CONFIRMED,
        (_F.RETRYING, _F.FAILED): _F.FAILED,
        (_F.CONFIRMED, _F.MATCHED): _F.CONFIRMED,
        (_F.CONFIRMED, _F.MINED): _F.CONFIRMED,
        (_F.CONFIRMED, _F.RETRYING): _F.CONFIRMED,
        (_F.CONFIRMED, _F.CONFIRMED): _F.CONFIRMED,
        # A late MATCHED must not bring an undone trade back to life.
        (_F.FAILED, _F.MATCHED): _F.FAILED,
        (_F.FAILED, _F.MINED): _F.FAILED,
        (_F.FAILED, _F.RETRYING): _F.FAILED,
        (_F.FAILED, _F.FAILED): _F.FAILED,
        # CONFIRMED and FAILED both claim to be final: one after the other is no row, but an alarm.
    }
)


def next_fill_status(status: FillStatus, reported: FillStatus) -> FillStatus:
    """Return the status after a report; raise InvalidTransition when both claim to be final."""
    try:
        return FILL_TABLE[status, reported]
    except KeyError:
        raise InvalidTransition(
            f"expected nothing more after a final {status.value}, was {reported.value}"
        ) from None


class Fill(msgspec.Struct, frozen=True, kw_only=True):
    """One trade of one order.

    A FAK that walks several levels arrives as several trades, and one trade can fill several of our
    resting orders, so only trade and order together identify a fill.
    """

    trade_id: str
    venue_order_id: str
    agent: str
    slug: str
    token_id: str
    outcome: Outcome
    side: Side
    price_bps: int
    size_shares: int
    fee_usdc: int
    is_maker: bool
    matched_ns: int
    status: FillStatus = FillStatus.MATCHED

    def __post_init__(self) -> None:
        if self.size_shares <= 0 or self.price_bps <= 0 or self.fee_usdc < 0:
            raise InvalidValue(
                "expected a size and a price above 0 and a fee of 0 or more, "
                f"was {self.size_shares} at {self.price_bps} with {self.fee_usdc}"
            )

    @property
    def key(self) -> tuple[str, str]:
        """What identifies the fill: (trade id, order id)."""
        return self.trade_id, self.venue_order_id

    @property
    def notional_usdc(self) -> int:
        """Price x size in micro-dollars, without the fee."""
        return notional_usdc(self.price_bps, self.size_shares)

    @property
    def cash_usdc(self) -> int:
        """What it does to the cash: BUY -(notional + fee), SELL +(notional - fee)."""
        if self.side is Side.BUY:
            return -(self.notional_usdc + self.fee_usdc)
        return self.notional_usdc - self.fee_usdc

    @property
    def signed_shares(self) -> int:
        """What it does to the shares held."""
        return self.size_shares if self.side is Side.BUY else -self.size_shares

    @property
    def counts(self) -> bool:
        """Whether it is part of position and P&L: every stage but FAILED."""
        return self.status is not FillStatus.FAILED

    @property
    def is_final(self) -> bool:
        """Whether its settlement is over."""
        return self.status in (FillStatus.CONFIRMED, FillStatus.FAILED)

    def reported(self, status: FillStatus) -> "Fill":
        """Return the fill after the exchange reported `status`; raise InvalidTransition."""
        return msgspec.structs.replace(self, status=next_fill_status(self.status, status))
