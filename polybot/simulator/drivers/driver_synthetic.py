"""The synthetic market as a driver: continuous windows of every series over one price path each."""

import heapq
from collections.abc import Iterator
from functools import partial

import msgspec

from polybot.domain.market import FeeSchedule, Market, SettlementRule
from polybot.domain.settlement import PriceSource, outcome_of
from polybot.domain.window import Series, Window, current_window, next_window, parse_series
from polybot.exchange.token_ids import derive_ids, derive_protocol_ids
from polybot.exchange.wire_gamma import MARKET_VERSION_CTF, MARKET_VERSION_PROTOCOL
from polybot.simulator.drivers.driver import Act, IsSettled, Playlist, is_played
from polybot.simulator.drivers.synthetic_book import SyntheticBook
from polybot.simulator.drivers.synthetic_prices import TWAP_S, PricePath
from polybot.simulator.happenings import (
    CloseWindow,
    Happening,
    ListWindow,
    ResolveWindow,
    TellPrice,
    TellStrike,
)
from polybot.simulator.rules import resolution_delay_ns

MIXED = "mixed"
NS_PER_S = 1_000_000_000
NS_PER_MS = 1_000_000
# The market begins this long before a quarter of an hour, so that a window opens at once.
HEAD_START_NS = 20 * NS_PER_S
QUARTER_NS = 900 * NS_PER_S
STRIKE_LATE_NS = 60 * NS_PER_S
# Prices known at the start: an average's worth, and what a client's snapshot shows.
HISTORY_NS = 180 * NS_PER_S
_DELAYS_NS = (
    (PriceSource.BINANCE, 100 * NS_PER_MS),
    (PriceSource.CHAINLINK, 1000 * NS_PER_MS),
    (PriceSource.CHAINLINK_TWAP, 1100 * NS_PER_MS),
)


class SyntheticTerms(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be made up: seed, series, fees, and when an outcome becomes known.

    `protocol` is the version of the windows, or "mixed" for one after the other. An outcome becomes
    known between 2/3 and three times `resolve_after_ns` after the close, drawn for each window.
    """

    seed: int
    series: tuple[str, ...]
    fee: FeeSchedule
    resolve_after_ns: int
    protocol: str = MARKET_VERSION_CTF


def first_start_ns(wall_ns: int) -> int:
    """Return where the market begins when it is started for the first time at a wall time."""
    return wall_ns - wall_ns % QUARTER_NS - HEAD_START_NS


class SyntheticDriver:
    """Makes windows up, for ever, the same ones for the same seed and start."""

    endless = True

    def __init__(self, terms: SyntheticTerms, start_ns: int) -> None:
        self._terms = terms
        self._series = [parse_series(name) for name in terms.series]
        self.start_ns = start_ns
        self.source = f"synthetic seed {terms.seed} from {start_ns}"
        history_s = (start_ns - HISTORY_NS) // NS_PER_S
        self._paths = {
            asset: PricePath(terms.seed, asset, history_s - TWAP_S)
            for asset in sorted({series.asset for series in self._series})
        }
        self._playlist = Playlist(())
        self.seek(start_ns, lambda _: False)

    def seek(self, played_ns: int, is_settled: IsSettled) -> None:
        """Begin with the windows that are not settled at a market time, and recent prices."""
        self._playlist = Playlist(self._acts(played_ns, is_settled))

    def peek(self) -> Happening | None:
        """Return the next happening."""
        return self._playlist.peek()

    def take_until(self, until_ns: int) -> list[Happening]:
        """Take the happenings up to a time."""
        return self._playlist.take_until(until_ns)

    def _acts(self, played_ns: int, is_settled: IsSettled) -> Iterator[Act]:
        first_ns = max(played_ns - HISTORY_NS, self.start_ns - HISTORY_NS)
        runs = [self._windows(series, played_ns, is_settled) for series in self._series]
        runs += [
            iter([Act(first_ns, partial(self._prices, asset, first_ns))]) for asset in self._paths
        ]
        yield from heapq.merge(*runs, key=lambda act: act.first_ns)

    def _windows(self, series: Series, played_ns: int, is_settled: IsSettled) -> Iterator[Act]:
        window = current_window(series, self.start_ns)
        if window.close_ns - self.start_ns <= HEAD_START_NS:
            window = next_window(window)
        while True:
            resolved_ns = self._resolved_ns(window)
            if not is_played(resolved_ns, window.slug, played_ns, is_settled):
                yield Act(self._listed_ns(window), partial(self._window, window))
            window = next_window(window)

    def _listed_ns(self, window: Window) -> int:
        """Return when a window can be found: as the one before it opens."""
        return max(self.start_ns, 2 * window.open_ns - window.close_ns)

    def _window(self, window: Window) -> Iterator[Happening]:
        market = self._market(window)
        path = self._paths[window.series.asset]
        yield ListWindow(self._listed_ns(window), market)
        strike = path.twap_e8(market.open_ns // NS_PER_S)
        strike_told = False
        book = SyntheticBook(self._terms.seed, market, path, self.start_ns)
        for happening in book.happenings():
            if not strike_told and happening.ts_ns > market.open_ns + STRIKE_LATE_NS:
                strike_told = True
                yield TellStrike(market.open_ns + STRIKE_LATE_NS, market.slug, strike)
            yield happening
        yield CloseWindow(market.close_ns, market.slug)
        close = path.twap_e8(market.close_ns // NS_PER_S)
        yield ResolveWindow(
            self._resolved_ns(window),
            market.slug,
            outcome_of(strike, close),
            strike,
            close,
        )

    def _resolved_ns(self, window: Window) -> int:
        terms = self._terms
        return window.close_ns + resolution_delay_ns(
            terms.seed, window.slug, terms.resolve_after_ns
        )

    def _version(self, window: Window) -> str:
        if self._terms.protocol != MIXED:
            return self._terms.protocol
        number = window.open_ns // (window.close_ns - window.open_ns)
        return MARKET_VERSION_PROTOCOL if number % 2 else MARKET_VERSION_CTF

    def _market(self, window: Window) -> Market:
        version = self._version(window)
        is_protocol = version == MARKET_VERSION_PROTOCOL
        ids = derive_protocol_ids(window.slug) if is_protocol else derive_ids(window.slug)
        return Market(
            version=version,
            slug=window.slug,
            condition_id=ids.condition_id,
            token_up=ids.token_up,
            token_down=ids.token_down,
            asset=window.series.asset,
            open_ns=window.open_ns,
            close_ns=window.close_ns,
            fee=self._terms.fee,
            rule=SettlementRule.TWAP,
            twap_lookback_s=TWAP_S,
        )

    def _prices(self, asset: str, first_ns: int) -> Iterator[Happening]:
        path = self._paths[asset]
        second = first_ns // NS_PER_S
        # Each source has its own delay, so the ticks of neighboring seconds interleave.
        ticks = heapq.merge(
            *(self._ticks(path, asset, second, source, delay) for source, delay in _DELAYS_NS),
            key=lambda tick: tick.ts_ns,
        )
        yield from ticks

    def _ticks(
        self, path: PricePath, asset: str, second: int, source: PriceSource, delay_ns: int
    ) -> Iterator[TellPrice]:
        price_of = {
            PriceSource.BINANCE: path.binance_e8,
            PriceSource.CHAINLINK: path.spot_e8,
            PriceSource.CHAINLINK_TWAP: path.twap_e8,
        }[source]
        while True:
            price_ns = second * NS_PER_S
            yield TellPrice(price_ns + delay_ns, asset, source, price_ns, price_of(second))
            second += 1
