"""Markets by slug, and their official outcome."""

from typing import Protocol

import msgspec

from polybot.domain.market import Market
from polybot.errors import PolybotError


class CatalogAnswer(msgspec.Struct, frozen=True):
    """A market found under a slug; None when the exchange does not offer it (or `error` says why).

    `resolved` is the official outcome label ("Up", "Down") once known, "" before; `is_split` says
    that the official outcome is neither: every share pays half a dollar. The price to beat
    and the final one are in 1e-8 dollars, None before the exchange tells them.
    """

    slug: str
    market: Market | None
    resolved: str = ""
    closed: bool = False
    error: PolybotError | None = None
    strike_e8: int | None = None
    close_e8: int | None = None
    is_split: bool = False


class MarketCatalog(Protocol):
    """Looks markets up by slug and knows their official outcome."""

    def request(self, slug: str) -> None:
        """Ask for a market's metadata and resolution."""

    def take(self) -> list[CatalogAnswer]:
        """Return the answers that arrived since the last call."""


class OutcomeSource(Protocol):
    """A second route to official outcomes, asked where the catalog keeps silent."""

    def request(self, slug: str, condition_id: str) -> None:
        """Ask for the outcome of the market that has a condition id."""

    def take(self) -> list[CatalogAnswer]:
        """Return the answers that arrived since the last call; none of them offers a market."""


class NullOutcomeSource:
    """Knows no outcome."""

    def request(self, slug: str, condition_id: str) -> None:
        """Ask nobody."""

    def take(self) -> list[CatalogAnswer]:
        """Return nothing."""
        return []
