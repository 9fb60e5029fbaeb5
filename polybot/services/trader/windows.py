"""Which windows the trader follows now: asks the catalog for them and says what to subscribe."""

import logging
from dataclasses import dataclass, field

from polybot.domain.market import Market
from polybot.domain.window import Series, Window, current_window, next_window
from polybot.ports import CatalogAnswer, MarketCatalog

logger = logging.getLogger(__name__)

# The next window is looked up this long (market time) before it opens, so that its metadata and its
# book are there at the first second.
PREWARM_NS = 60_000_000_000
# A window the exchange does not offer (yet) is asked for again after this long (wall time).
RETRY_NS = 500_000_000
# A window's book is kept this long (market time) after its close: exits run to the last moment.
LINGER_NS = 2_000_000_000


@dataclass(slots=True)
class WindowSchedule:
    """Follows the open window of each series, and the next one shortly before it opens.

    `known` holds the markets found, by slug. A market whose own dates disagree with its slug is
    refused: the slug alone is never trusted.
    """

    series: tuple[Series, ...]
    catalog: MarketCatalog
    known: dict[str, Market] = field(default_factory=dict)
    _asked_ns: dict[str, int] = field(default_factory=dict)
    _refused: set[str] = field(default_factory=set)

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
        """Ask the catalog for wanted windows that are not known yet."""
        for window in self.wanted(market_ns):
            slug = window.slug
            if slug in self.known or slug in self._refused:
                continue
            asked = self._asked_ns.get(slug)
            if asked is None or mono_ns - asked >= RETRY_NS:
                self._asked_ns[slug] = mono_ns
                self.catalog.request(slug)

    def accept(self, answer: CatalogAnswer) -> Market | None:
        """Return the market of an answer when it is new and may be traded."""
        market = answer.market
        if market is None or answer.closed or answer.slug in self.known:
            return None
        problem = self._problem(answer.slug, market)
        if problem:
            self._refused.add(answer.slug)
            logger.warning("not trading %s: %s", answer.slug, problem)
            return None
        self.known[answer.slug] = market
        return market

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
        self._refused &= wanted

    def _problem(self, slug: str, market: Market) -> str:
        for series in self.series:
            window = current_window(series, market.open_ns)
            if window.slug == slug:
                if (window.open_ns, window.close_ns) == (market.open_ns, market.close_ns):
                    return ""
                return (
                    f"expected it to run {window.open_ns}..{window.close_ns} ns, "
                    f"was {market.open_ns}..{market.close_ns} by the exchange's own dates"
                )
        return "its dates by the exchange do not match its slug"
