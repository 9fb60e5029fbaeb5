"""What each market's price was, about once a minute: the answer of GET /prices-history."""

from typing import Final

import msgspec

from polybot.domain.market import Outcome
from polybot.domain.money import PRICE_ONE_BPS
from polybot.simulator.engine.window_book import WindowBook

NS_PER_S: Final = 1_000_000_000
STEP_NS: Final = 60 * NS_PER_S


class HistoryPoint(msgspec.Struct, frozen=True):
    """A time and twice the middle price of the Up token, which is a whole number."""

    ts_ns: int
    doubled_bps: int

    def doubled(self, outcome: Outcome) -> int:
        """Return twice the middle price of a token, in 1e-4 dollars."""
        return self.doubled_bps if outcome is Outcome.UP else 2 * PRICE_ONE_BPS - self.doubled_bps


class PriceHistory:
    """Notes the middle of a book when a minute has passed since the last note."""

    def __init__(self) -> None:
        self._points: dict[str, list[HistoryPoint]] = {}
        self._due: dict[str, int] = {}

    def on_book(self, book: WindowBook, ts_ns: int) -> None:
        """Take a change of a book."""
        slug = book.window.slug
        if ts_ns < self._due.get(slug, 0):
            return
        bid, ask = book.best(Outcome.UP)
        if bid is None or ask is None:
            return
        self._due[slug] = ts_ns + STEP_NS
        self._points.setdefault(slug, []).append(HistoryPoint(ts_ns, bid + ask))

    def points(self, slug: str, start_s: int, end_s: int, step_s: int) -> list[HistoryPoint]:
        """Return the notes between two times, at least a step apart."""
        chosen: list[HistoryPoint] = []
        for point in self._points.get(slug, ()):
            if not start_s <= point.ts_ns // NS_PER_S <= end_s:
                continue
            if not chosen or point.ts_ns - chosen[-1].ts_ns >= step_s * NS_PER_S:
                chosen.append(point)
        return chosen
