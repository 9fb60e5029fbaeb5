"""A wallet's activity beside trading: what each kind does to cash and shares, never to P&L."""

from collections import Counter
from collections.abc import Iterable, Iterator
from enum import Enum

import msgspec


class ActivityKind(Enum):
    """Every kind the exchange documents (Data API, version 2: activity)."""

    TRADE = "TRADE"
    SPLIT = "SPLIT"
    MERGE = "MERGE"
    REDEEM = "REDEEM"
    REWARD = "REWARD"
    CONVERSION = "CONVERSION"
    MIGRATION = "MIGRATION"
    DEPOSIT = "DEPOSIT"
    WITHDRAWAL = "WITHDRAWAL"
    YIELD = "YIELD"
    MAKER_REBATE = "MAKER_REBATE"
    TAKER_REBATE = "TAKER_REBATE"
    REFERRAL_REWARD = "REFERRAL_REWARD"
    TIP = "TIP"


# What the stated dollars of a kind do to the wallet's cash. A conversion and a migration exchange
# holdings for others; what they bring in cash, if any, is not told.
_CASH_SIGN: dict[str, int] = {
    ActivityKind.SPLIT.value: -1,
    ActivityKind.MERGE.value: 1,
    ActivityKind.REDEEM.value: 1,
    ActivityKind.REWARD.value: 1,
    ActivityKind.CONVERSION.value: 0,
    ActivityKind.MIGRATION.value: 0,
    ActivityKind.DEPOSIT.value: 1,
    ActivityKind.WITHDRAWAL.value: -1,
    ActivityKind.YIELD.value: 1,
    ActivityKind.MAKER_REBATE.value: 1,
    ActivityKind.TAKER_REBATE.value: 1,
    ActivityKind.REFERRAL_REWARD.value: 1,
}
_TIP_SIGN = {"IN": 1, "OUT": -1}
# One set of both outcomes comes from, or goes back to, each dollar.
_SET_SIGN: dict[str, int] = {ActivityKind.SPLIT.value: 1, ActivityKind.MERGE.value: -1}


class Activity(msgspec.Struct, frozen=True, kw_only=True):
    """One row of activity as the exchange tells it; `at_ns` is the block's time.

    `kind` is the exchange's word, known to us or not; `stated_usdc` its dollars without a sign;
    `side` says of a tip whether it came IN or went OUT.
    """

    kind: str
    at_ns: int
    condition_id: str = ""
    token_id: str = ""
    slug: str = ""
    stated_usdc: int = 0
    size_shares: int = 0
    side: str = ""
    transaction_hash: str = ""

    @property
    def cash_usdc(self) -> int:
        """What it did to the wallet's cash; 0 for a kind whose effect is not documented."""
        sign = _TIP_SIGN.get(self.side, 0) if self.kind == "TIP" else _CASH_SIGN.get(self.kind, 0)
        return sign * self.stated_usdc

    @property
    def set_shares(self) -> int:
        """How many shares of either outcome it added: a split's dollars, a merge's negative."""
        return _SET_SIGN.get(self.kind, 0) * self.stated_usdc

    @property
    def is_documented(self) -> bool:
        """Whether the exchange's documentation names the kind."""
        return any(self.kind == known.value for known in ActivityKind)

    @property
    def matters(self) -> bool:
        """Whether it is booked: trades come by other routes, a loser's redemption is empty."""
        empty = self.kind == ActivityKind.REDEEM.value and not self.stated_usdc
        return self.kind != ActivityKind.TRADE.value and not empty


def with_keys(rows: Iterable[Activity]) -> Iterator[tuple[str, Activity]]:
    """Yield each row with a key that is the same whenever the row is read again.

    The exchange gives its rows no id, so equal rows are counted.
    """
    seen: Counter[str] = Counter()
    for row in rows:
        key = "|".join(
            (
                row.kind,
                row.transaction_hash,
                row.condition_id,
                row.token_id,
                str(row.at_ns),
                str(row.stated_usdc),
                str(row.size_shares),
                row.side,
            )
        )
        seen[key] += 1
        yield (key if seen[key] == 1 else f"{key}#{seen[key]}"), row
