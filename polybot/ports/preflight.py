"""What the exchange says of account and market just before a window opens."""

from typing import Protocol

from polybot.domain.market import Market
from polybot.domain.preflight import PreflightFacts


class Preflight(Protocol):
    """Reads what must be known again before each window, off the hot path."""

    def request(self, market: Market) -> None:
        """Read everything once for a window; an unfinished question of the same is not repeated."""

    def refresh_balance(self, token_id: str) -> None:
        """Have the exchange read a token's balance, "" for the collateral, from the chain again."""

    def take(self) -> list[PreflightFacts]:
        """Return what was read since the last call."""
