"""Which windows the trader follows now: asks the catalog for them and says what to subscribe."""

import logging

import msgspec
from msgspec.structs import replace

from polybot.domain.market import Market
from polybot.domain.window import Series, Window, current_window, next_window
from polybot.errors import MarketRefused
from polybot.ports import CatalogAnswer, MarketCatalog

logger = logging.getLogger(__name__)

# The next window is looked up this long (market time) before it opens, so that its metadata and its
# book are there at the first second.
PREWARM_NS = 60_000_000_000
# A window the exchange does not offer (yet) is asked for again after this long (wall time).
RETRY_NS = 500_000_000
# A window's book is kept this long (market time) after its close: exits run to the last moment.
LINGER_NS = 2_000_000_000
# What is known of a window is read again this long (market time) before it opens.
REFRESH_NS = 30_000_000_000
# A window that was refused is looked at again after this long (wall time): listings get mended.
REFUSED_RETRY_NS = 10_000_000_000


class WindowSchedule(msgspec.Struct):
    """Follows the open window of each series, and the next one shortly before it opens.

    `known` holds the markets found, by slug; `refused` says of the others that are listed why they
    must not be traded. A window that is refused before it opens is known no more.
    """

    series: tuple[Series, ...]
    catalog: MarketCatalog
    known: dict[str, Market] = msgspec.field(default_factory=dict)
    refused: dict[str, MarketRefused] = msgspec.field(default_factory=dict)
    _asked_ns: dict[str, int] = msgspec.field(default_factory=dict)
    _refreshed: set[str] = msgspec.field(default_factory=set)

    def wanted(self, market_ns: int) -> list[Window]:
        """Return the windows to follow at a moment of market time."""
        windows: list[Window] = []
        for series in self.series:
            current = current_window(series, market_ns)
            windows.append(current)
            if current.remaining_ns(market_ns) <= PREWARM_NS:
                windows.append(next_window(current))
        return windows

    def ask(self, market_ns: int, mono_ns: int) -> None:
        """Ask the catalog for wanted windows not known yet, and again before one opens."""
        for window in self.wanted(market_ns):
            if self._is_due(window, market_ns, mono_ns):
                self._asked_ns[window.slug] = mono_ns
                self.catalog.request(window.slug)

    def accept(self, answer: CatalogAnswer) -> Market | None:
        """Return the market of an answer when it, or something of it, is new."""
        slug, market = answer.slug, answer.market
        if isinstance(answer.error, MarketRefused):
            self._refuse(slug, answer.error)
        if market is None or answer.closed:
            return None
        refusal = self._refusal(slug, market)
        if refusal is not None:
            self._refuse(slug, refusal)
            return None
        self.refused.pop(slug, None)
        known = self.known.get(slug)
        if known is not None:
            # The stream may have told of a finer tick than the catalog, which lags, knows of.
            market = replace(market, tick_bps=min(known.tick_bps, market.tick_bps))
        self.known[slug] = market
        return None if market == known else market

    def live(self, market_ns: int) -> list[Market]:
        """Return the known markets to watch: wanted ones, and just closed ones for a moment."""
        wanted = {window.slug for window in self.wanted(market_ns)}
        return [
            market
            for slug, market in self.known.items()
            if slug in wanted or market.open_ns <= market_ns < market.close_ns + LINGER_NS
        ]

    def replace(self, market: Market) -> None:
        """Take over changed metadata of a known market, such as a new tick size."""
        self.known[market.slug] = market

    def forget_before(self, market_ns: int) -> None:
        """Drop windows that are over."""
        for slug in [s for s, m in self.known.items() if m.close_ns + LINGER_NS < market_ns]:
            del self.known[slug]
        wanted = {window.slug for window in self.wanted(market_ns)}
        self._asked_ns = {s: asked for s, asked in self._asked_ns.items() if s in wanted}
        self.refused = {slug: error for slug, error in self.refused.items() if slug in wanted}
        self._refreshed &= wanted

    def _is_due(self, window: Window, market_ns: int, mono_ns: int) -> bool:
        slug = window.slug
        if slug in self.known:
            soon = window.open_ns - REFRESH_NS <= market_ns < window.open_ns
            if not soon or slug in self._refreshed:
                return False
            self._refreshed.add(slug)
            return True
        asked = self._asked_ns.get(slug)
        wait_ns = REFUSED_RETRY_NS if slug in self.refused else RETRY_NS
        return asked is None or mono_ns - asked >= wait_ns

    def _refuse(self, slug: str, refusal: MarketRefused) -> None:
        """Take a window off the known ones, and say why once for each reason."""
        before = self.refused.get(slug)
        self.refused[slug] = refusal
        self.known.pop(slug, None)
        if before is None or before.code != refusal.code:
            logger.warning("not trading %s", refusal)

    def _refusal(self, slug: str, market: Market) -> MarketRefused | None:
        known = self.known.get(slug, market)
        if _identity(known) != _identity(market):
            message = f"{slug}: expected the tokens it had a moment ago, was another market"
            return MarketRefused(message, code="identity")
        for series in self.series:
            window = current_window(series, market.open_ns)
            dates = (window.open_ns, window.close_ns)
            if window.slug == slug and dates == (market.open_ns, market.close_ns):
                return None
        message = (
            f"{slug}: expected dates that match its slug, was {market.open_ns}..{market.close_ns} "
            "ns by the exchange's own dates"
        )
        return MarketRefused(message, code="times")


def _identity(market: Market) -> tuple[str, ...]:
    return market.condition_id, market.token_up, market.token_down, market.version
