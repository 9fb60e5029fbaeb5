"""A binary up/down market as the exchange lists it: tokens, fees and settlement rule."""

import enum

import msgspec

from polybot.domain.money import PRICE_ONE_BPS
from polybot.errors import InvalidValue


class Outcome(enum.Enum):
    """One of the two things a market can settle to; the value is the exchange's own spelling."""

    UP = "Up"
    DOWN = "Down"

    @property
    def opposite(self) -> "Outcome":
        """The other outcome."""
        return Outcome.DOWN if self is Outcome.UP else Outcome.UP


class SettlementRule(enum.Enum):
    """Which Chainlink stream decides a window.

    The exchange moved its crypto windows from the instant stream to the time-weighted one in August
    2026, so the rule is read from each market and never assumed.
    """

    TWAP = "chainlink_twap"
    INSTANT = "chainlink_instant"
    UNKNOWN = "unknown"


class FeeSchedule(msgspec.Struct, frozen=True, kw_only=True):
    """What a trade costs: fee = shares x rate x (p x (1 - p)) ^ exponent, in dollars.

    `rate_bps` is in 1e-4 (0.07 is 700). Both figures come from the market's own `feeSchedule`.
    """

    rate_bps: int
    exponent: int = 1
    taker_only: bool = True

    def __post_init__(self) -> None:
        if not 0 <= self.rate_bps <= PRICE_ONE_BPS:
            raise InvalidValue(f"expected a fee rate between 0 and 10000 bps, was {self.rate_bps}")
        if self.exponent < 0:
            raise InvalidValue(f"expected a fee exponent of 0 or more, was {self.exponent}")


NO_FEES = FeeSchedule(rate_bps=0)


class Market(msgspec.Struct, frozen=True, kw_only=True):
    """One window's market.

    `token_up` and `token_down` are decimal strings. `version` is the exchange's own word for the
    order protocol ("v1", "v2"); this type carries any word, and the signer refuses those it does
    not know. `tick_bps` is the tick at the time of reading: it becomes finer beyond 0.96 and 0.04.
    """

    slug: str
    condition_id: str
    token_up: str
    token_down: str
    asset: str
    open_ns: int
    close_ns: int
    version: str = "v1"
    neg_risk: bool = False
    tick_bps: int = 100
    min_size_shares: int = 5_000_000
    fee: FeeSchedule = NO_FEES
    rule: SettlementRule = SettlementRule.UNKNOWN
    twap_lookback_s: int = 0

    def __post_init__(self) -> None:
        if self.token_up == self.token_down:
            raise InvalidValue(f"expected two different tokens, were both {self.token_up!r}")
        if not self.open_ns < self.close_ns:
            raise InvalidValue(
                f"expected a market that closes after it opens, was {self.open_ns}..{self.close_ns}"
            )
        if not 0 < self.tick_bps < PRICE_ONE_BPS:
            raise InvalidValue(f"expected a tick between 1 and 9999 bps, was {self.tick_bps}")

    def token(self, outcome: Outcome) -> str:
        """Return the token id that pays one dollar when `outcome` wins."""
        return self.token_up if outcome is Outcome.UP else self.token_down

    def outcome_of(self, token_id: str) -> Outcome:
        """Return the outcome `token_id` stands for; raise InvalidValue for a foreign token."""
        if token_id == self.token_up:
            return Outcome.UP
        if token_id == self.token_down:
            return Outcome.DOWN
        raise InvalidValue(f"expected a token of {self.slug}, was {token_id!r}")
