"""Which windows a mirror follows: found in the other exchange's catalog, closed, and settled by it.

The outcome is always the official one, asked for after the close as the exchange documents it (it
is known 20 to 90 seconds after, sometimes much later); nothing here ever works one out.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field

from polybot.domain.market import Market, Outcome
from polybot.domain.window import Series, Window, current_window, next_window, parse_slug
from polybot.errors import InvalidValue
from polybot.ports import CatalogAnswer, MarketCatalog, NullOutcomeSource, OutcomeSource
from polybot.simulator.happenings import (
    CloseWindow,
    Happening,
    ListWindow,
    ResolveWindow,
    TellStrike,
)

logger = logging.getLogger(__name__)

NS_PER_S = 1_000_000_000
# The next window is listed this long (market time) before it opens: earlier than a trader asks.
LEAD_NS = 90 * NS_PER_S
# A window that is not offered yet is asked for again after this long (wall time).
RETRY_NS = NS_PER_S
# An answer that did not come by then (wall time) never will.
ANSWER_TIMEOUT_NS = 15 * NS_PER_S
# The price to beat becomes public about a minute after the open (market time).
STRIKE_AFTER_NS = 60 * NS_PER_S
STRIKE_EVERY_NS = 15 * NS_PER_S
OUTCOME_AFTER_NS = 10 * NS_PER_S
# How long after a close a pace of questions applies, and the pace (market time).
OUTCOME_PACES = (
    (180 * NS_PER_S, 10 * NS_PER_S),
    (1800 * NS_PER_S, 30 * NS_PER_S),
)
OUTCOME_SLOWEST_NS = 300 * NS_PER_S
# After this long the order book's service is asked for the outcome too (market time).
SECOND_ROUTE_NS = 180 * NS_PER_S
# After this long without an outcome a person is told, once a window.
LATE_NS = 1800 * NS_PER_S


@dataclass(slots=True)
class _Followed:
    market: Market
    next_ask_ns: int
    has_strike: bool = False
    is_closed: bool = False
    is_late: bool = False
    is_split: bool = False


@dataclass(slots=True)
class MirrorWindows:
    """Asks the catalog and tells what it answered; `refused` keeps why a window is left out."""

    series: tuple[Series, ...]
    catalog: MarketCatalog
    outcomes: OutcomeSource = field(default_factory=NullOutcomeSource)
    refused: dict[str, str] = field(default_factory=dict)
    failing: str = ""
    _followed: dict[str, _Followed] = field(default_factory=dict)
    _asked_ns: dict[str, int] = field(default_factory=dict)
    _tried_ns: dict[str, int] = field(default_factory=dict)

    def resume(self, markets: Iterable[Market], closed: Iterable[str]) -> None:
        """Go on with the windows a former life listed and did not see settled."""
        over = set(closed)
        for market in markets:
            # Asked about at once: much may have become known while nobody looked.
            known = _Followed(market, next_ask_ns=0, is_closed=market.slug in over)
            self._followed[market.slug] = known

    def open_markets(self) -> list[Market]:
        """Return the markets that are listed and not closed."""
        return [each.market for each in self._followed.values() if not each.is_closed]

    def hint_resolved(self, condition_id: str) -> None:
        """Ask at once for the outcome of a window that is said to be resolved."""
        for each in self._followed.values():
            if each.market.condition_id == condition_id:
                each.next_ask_ns = 0

    def ask(self, market_ns: int, mono_ns: int) -> None:
        """Ask for windows to list, for prices to beat, and for outcomes, as far as they are due."""
        for slug in [s for s, at in self._asked_ns.items() if mono_ns - at > ANSWER_TIMEOUT_NS]:
            del self._asked_ns[slug]
        wanted = {window.slug for window in self._wanted(market_ns)}
        self.refused = {slug: why for slug, why in self.refused.items() if slug in wanted}
        self._tried_ns = {slug: at for slug, at in self._tried_ns.items() if slug in wanted}
        for slug in wanted - self._followed.keys() - self.refused.keys():
            tried = self._tried_ns.get(slug)
            if tried is None or mono_ns - tried >= RETRY_NS:
                self._tried_ns[slug] = mono_ns
                self._request(slug, mono_ns)
        for slug, each in self._followed.items():
            if market_ns >= each.next_ask_ns:
                each.next_ask_ns = _next_ask_ns(each, market_ns)
                self._request(slug, mono_ns)
                if market_ns >= each.market.close_ns + SECOND_ROUTE_NS:
                    self.outcomes.request(slug, each.market.condition_id)
                self._say_late(each, market_ns)

    def take(self, market_ns: int) -> list[Happening]:
        """Return what the answers tell, and the closes that are due, at a market time."""
        told: list[Happening] = []
        for answer in self.catalog.take():
            self._asked_ns.pop(answer.slug, None)
            self._note_failure(answer)
            told += self._read(answer, market_ns)
        for answer in self.outcomes.take():
            # The catalog's trouble is told; that of a second route behind it changes nothing.
            if answer.slug in self._followed:
                told += self._read(answer, market_ns)
        for slug, each in self._followed.items():
            if not each.is_closed and market_ns >= each.market.close_ns:
                each.is_closed = True
                told.append(CloseWindow(each.market.close_ns, slug))
        return told

    def _wanted(self, market_ns: int) -> list[Window]:
        windows: list[Window] = []
        for series in self.series:
            current = current_window(series, market_ns)
            windows.append(current)
            if current.remaining_ns(market_ns) <= LEAD_NS:
                windows.append(next_window(current))
        return windows

    def _request(self, slug: str, mono_ns: int) -> None:
        if slug not in self._asked_ns:
            self._asked_ns[slug] = mono_ns
            self.catalog.request(slug)

    def _read(self, answer: CatalogAnswer, market_ns: int) -> list[Happening]:
        each = self._followed.get(answer.slug)
        if each is None:
            each = self._listed(answer)
            if each is None:
                return []
            told: list[Happening] = [ListWindow(market_ns, each.market)]
        else:
            told = []
        if answer.strike_e8 is not None and not each.has_strike:
            each.has_strike = True
            told.append(TellStrike(market_ns, answer.slug, answer.strike_e8))
        if answer.is_split and not each.is_split:
            each.is_split = True
            logger.error("%s was resolved 50/50: it stays unsettled in the mirror", answer.slug)
        if answer.resolved in {outcome.value for outcome in Outcome}:
            del self._followed[answer.slug]
            outcome = Outcome(answer.resolved)
            told.append(
                ResolveWindow(market_ns, answer.slug, outcome, answer.strike_e8, answer.close_e8)
            )
        return told

    def _listed(self, answer: CatalogAnswer) -> _Followed | None:
        """Begin to follow a window that was found; one that cannot be trusted is named once."""
        market = answer.market
        if market is None or answer.closed or answer.slug in self.refused:
            return None
        problem = _problem(market)
        if problem:
            self.refused[answer.slug] = problem
            logger.warning("not mirroring %s: %s", answer.slug, problem)
            return None
        each = _Followed(market, market.open_ns + STRIKE_AFTER_NS)
        self._followed[answer.slug] = each
        return each

    def _note_failure(self, answer: CatalogAnswer) -> None:
        """Say when the catalog fails in a new way, and that it works again."""
        why = "" if answer.error is None else str(answer.error)
        if bool(why) == bool(self.failing):
            return
        self.failing = why
        if why:
            logger.warning("the mirrored exchange's catalog: %s", why)
        else:
            logger.info("the mirrored exchange's catalog answers again")

    def _say_late(self, each: _Followed, market_ns: int) -> None:
        if each.is_late or market_ns < each.market.close_ns + LATE_NS:
            return
        each.is_late = True
        logger.warning(
            "%s has no official outcome %d minutes after its close; asked every %d minutes",
            each.market.slug,
            LATE_NS // NS_PER_S // 60,
            OUTCOME_SLOWEST_NS // NS_PER_S // 60,
        )


def _next_ask_ns(each: _Followed, now_ns: int) -> int:
    """Return when to ask again: for the price to beat while open, then for the outcome."""
    close_ns = each.market.close_ns
    first_ns = close_ns + OUTCOME_AFTER_NS
    if now_ns < first_ns:
        strike_ns = now_ns + STRIKE_EVERY_NS
        return strike_ns if not each.has_strike and strike_ns < close_ns else first_ns
    for until_ns, every_ns in OUTCOME_PACES:
        if now_ns < close_ns + until_ns:
            return now_ns + every_ns
    return now_ns + OUTCOME_SLOWEST_NS


def _problem(market: Market) -> str:
    """Return why a market's own dates cannot be trusted, "" when they agree with its slug."""
    try:
        window = parse_slug(market.slug)
    except InvalidValue as error:
        return str(error)
    if (window.open_ns, window.close_ns) == (market.open_ns, market.close_ns):
        return ""
    return (
        f"expected it to run {window.open_ns}..{window.close_ns} ns, "
        f"was {market.open_ns}..{market.close_ns} by the exchange's own dates"
    )
