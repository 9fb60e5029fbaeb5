"""Wire shape of GET /v2/activity: what a wallet did, and what was done for it."""

from decimal import Decimal

import msgspec

from polybot.domain.activity import Activity
from polybot.domain.money import DOLLAR_USDC, SHARE
from polybot.errors import ProtocolError

SECOND_NS = 1_000_000_000


class WalletActivity(msgspec.Struct, frozen=True, kw_only=True):
    """One row; sizes in shares, money in dollars, `timestamp` the block's in seconds.

    Most kinds have only some of the fields, and the exchange writes null for the others.
    """

    type: str
    timestamp: int
    condition_id: str | None = None
    token_id: str | None = None
    slug: str | None = None
    size: Decimal | None = None
    usdc_size: Decimal | None = None
    side: str | None = None
    transaction_hash: str | None = None


def activity_of(row: WalletActivity) -> Activity:
    """Return a row in our own units; raises ProtocolError for amounts that are no amounts."""
    return Activity(
        kind=row.type,
        at_ns=row.timestamp * SECOND_NS,
        condition_id=row.condition_id or "",
        token_id=row.token_id or "",
        slug=row.slug or "",
        stated_usdc=_scaled(row.usdc_size, DOLLAR_USDC, row),
        size_shares=_scaled(row.size, SHARE, row),
        side=row.side or "",
        transaction_hash=row.transaction_hash or "",
    )


def _scaled(value: Decimal | None, scale: int, row: WalletActivity) -> int:
    if value is None:
        return 0
    if not value.is_finite() or value < 0:
        raise ProtocolError(f"expected an amount of 0 or more, was {value} in a {row.type}")
    # The service rounds to more digits than the chain has; what is beyond them is nothing.
    return int(value * scale)
