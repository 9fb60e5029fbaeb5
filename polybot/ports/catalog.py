"""Markets by slug, and their official outcome."""

from typing import Protocol

import msgspec

from polybot.domain.market import Market
from polybot.errors import PolybotError


class CatalogAnswer(msgspec.Struct, frozen=True):
    """A market found under a slug; None when the exchange does not offer it (or `error` says why).

    `resolved` is the official outcome label ("Up", "Down") once known, "" before. The price to beat
    and the final one are in 1e-8 dollars, None before the exchange tells them.
    """

    slug: str
    market: Market | None
    resolved: str = ""
    closed: bool = False
    error: PolybotError | None = None
    strike_e8: int | None = None
    close_e8: int | None = None


class MarketCatalog(Protocol):
    """Looks markets up by slug and knows their official outcome."""

    def request(self, slug: str) -> None:
        """Ask for a market's metadata and resolution."""

    def take(self) -> list[CatalogAnswer]:
        """Return the answers that arrived since the last call."""
