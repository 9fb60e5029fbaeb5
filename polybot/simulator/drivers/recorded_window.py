"""One recorded window as happenings: its rows in the Up token's terms, and its own life."""

import gzip
import logging
import zlib
from collections.abc import Iterator

import msgspec

from polybot.domain.market import FeeSchedule, Market, Outcome, SettlementRule
from polybot.domain.money import PRICE_ONE_BPS
from polybot.domain.order import Side
from polybot.domain.resting import TradePrint
from polybot.domain.settlement import PriceSource
from polybot.errors import RecordingError
from polybot.recordings.reader import read_rows
from polybot.recordings.rows import BboRow, BookRow, DeltaRow, PriceRow, Row, TradeRow
from polybot.recordings.windows_csv import RecordedWindow
from polybot.simulator.happenings import (
    ChangeTick,
    CloseWindow,
    Happening,
    Level,
    ListWindow,
    PrintTrade,
    ResolveWindow,
    SetBest,
    SetBook,
    SetLevels,
    SettleWindow,
    TellPrice,
    TellStrike,
)

logger = logging.getLogger(__name__)

NS_PER_S = 1_000_000_000
# A window can be found this long before it opens; with recorded prices from before, a bit longer.
LEAD_NS = 60 * NS_PER_S
LONGEST_LEAD_NS = 120 * NS_PER_S
STRIKE_LATE_NS = 60 * NS_PER_S
FINE_TICK_BPS = 10
_COARSE_TICK_BPS = 100
_TWAP_RULE = "chainlink_twap"
_SOURCES = {source.value: source for source in PriceSource if source is not PriceSource.SPOT}
_OUTCOMES = {outcome.value: outcome for outcome in Outcome}


class RecordedTerms(msgspec.Struct, frozen=True, kw_only=True):
    """What a recording does not say: fees, the size behind bare best prices, resolution's delay."""

    fee: FeeSchedule
    unknown_depth_shares: int
    resolve_after_ns: int


class _Primary(msgspec.Struct, frozen=True):
    """The token whose rows are used, and of which kind; the other's book is its mirror."""

    outcome: Outcome
    has_depth: bool


def listed_ns(window: RecordedWindow) -> int:
    """Return when a window can be found: a minute before it opens, or two with early rows."""
    usual = window.open_ns - LEAD_NS
    first = window.first_ts_ns
    return usual if first is None else max(min(usual, first), window.open_ns - LONGEST_LEAD_NS)


def is_playable(window: RecordedWindow) -> bool:
    """Say whether a window's index promises rows of a book or of best prices."""
    return window.has_book or window.has_bbo


def recorded_market(window: RecordedWindow, fee: FeeSchedule) -> Market:
    """Return a recorded window's market; its ids must be complete."""
    is_twap = window.rule.startswith(_TWAP_RULE)
    rule = SettlementRule.TWAP if is_twap else SettlementRule.INSTANT
    seconds = window.rule.removeprefix(_TWAP_RULE + "_").removesuffix("s")
    return Market(
        slug=window.slug,
        condition_id=window.condition_id,
        token_up=window.token_up,
        token_down=window.token_down,
        asset=window.slug.split("-", 1)[0],
        open_ns=window.open_ns,
        close_ns=window.close_ns,
        fee=fee,
        rule=rule if window.rule else SettlementRule.UNKNOWN,
        twap_lookback_s=int(seconds) if is_twap and seconds.isdecimal() else 0,
    )


def settled_unplayed(
    window: RecordedWindow, outcome: Outcome, terms: RecordedTerms
) -> Iterator[Happening]:
    """Yield a window that has nothing to play: it is offered when it is over."""
    yield SettleWindow(
        window.close_ns,
        recorded_market(window, terms.fee),
        outcome,
        window.price_to_beat_e8,
        window.close_price_e8,
    )


def played(window: RecordedWindow, outcome: Outcome, terms: RecordedTerms) -> Iterator[Happening]:
    """Yield a window's life and rows in order; a damaged file is named, and settled unplayed."""
    primary = _find_primary(window)
    if primary is None:
        yield from settled_unplayed(window, outcome, terms)
        return
    market = recorded_market(window, terms.fee)
    depth = 0 if primary.has_depth else terms.unknown_depth_shares
    yield ListWindow(listed_ns(window), market, depth)
    pending = _milestones(window, outcome, terms)
    upcoming = next(pending, None)
    for happening in _rows(window, market, primary):
        while upcoming is not None and upcoming.ts_ns <= happening.ts_ns:
            yield upcoming
            upcoming = next(pending, None)
        yield happening
    if upcoming is not None:
        yield upcoming
    yield from pending


def recorded_prices(window: RecordedWindow, fee: FeeSchedule) -> Iterator[TellPrice]:
    """Yield nothing but a window's reference prices, as they came in."""
    market = recorded_market(window, fee)
    for row in read_rows(window, on_damage=_name_damage):
        happening = _happening(row, row.ts_ns, market, _Primary(Outcome.UP, has_depth=False))
        if isinstance(happening, TellPrice):
            yield happening


def _milestones(
    window: RecordedWindow, outcome: Outcome, terms: RecordedTerms
) -> Iterator[Happening]:
    strike, close = window.price_to_beat_e8, window.close_price_e8
    if strike is not None:
        yield TellStrike(window.open_ns + STRIKE_LATE_NS, window.slug, strike)
    yield CloseWindow(window.close_ns, window.slug)
    resolved_ns = window.close_ns + terms.resolve_after_ns
    yield ResolveWindow(resolved_ns, window.slug, outcome, strike, close)


def _find_primary(window: RecordedWindow) -> _Primary | None:
    """Choose the token with more rows; None when the file is damaged or has none."""
    if window.path is None:
        return None
    counts = {(kind, outcome): 0 for kind in ("depth", "best") for outcome in Outcome}
    marks = [(outcome, f'"outcome":"{outcome.value}"'.encode()) for outcome in Outcome]
    try:
        with gzip.open(window.path, "rb") as file:
            for line in file:
                is_best = b'"kind":"bbo"' in line
                if not is_best and b'"kind":"book"' not in line and b'"kind":"delta"' not in line:
                    continue
                for outcome, mark in marks:
                    if mark in line:
                        counts["best" if is_best else "depth", outcome] += 1
    except (EOFError, OSError, zlib.error) as error:
        logger.warning("skipped %s, its recording is damaged: %s", window.slug, error)
        return None
    for kind in ("depth", "best"):
        up, down = counts[kind, Outcome.UP], counts[kind, Outcome.DOWN]
        if up or down:
            return _Primary(Outcome.UP if up >= down else Outcome.DOWN, kind == "depth")
    logger.warning("skipped %s, its recording has no book and no best prices", window.slug)
    return None


def _rows(window: RecordedWindow, market: Market, primary: _Primary) -> Iterator[Happening]:
    """Yield the rows as happenings; times never go back, and books from before count at once."""
    first_ns = newest_ns = listed_ns(window)
    tick_bps = market.tick_bps
    for row in read_rows(window, on_damage=_name_damage):
        happening = _happening(row, max(row.ts_ns, newest_ns), market, primary)
        if happening is None:
            continue
        if row.ts_ns < first_ns and not isinstance(happening, SetBook | SetLevels | SetBest):
            continue
        newest_ns = happening.ts_ns
        if tick_bps != FINE_TICK_BPS and _is_fine(happening):
            tick_bps = FINE_TICK_BPS
            yield ChangeTick(newest_ns, window.slug, tick_bps)
        yield happening


def _name_damage(damage: RecordingError) -> None:
    logger.warning("skipped a damaged row: %s", damage)


def _happening(row: Row, ts_ns: int, market: Market, primary: _Primary) -> Happening | None:
    match row:
        case BookRow() | DeltaRow() | BboRow():
            is_used = primary.has_depth != isinstance(row, BboRow)
            if not is_used or _OUTCOMES.get(row.outcome) is not primary.outcome:
                return None
            return _book_happening(row, ts_ns, market.slug, primary.outcome)
        case TradeRow() if _is_trade(row):
            trade = TradePrint(
                outcome=_OUTCOMES[row.outcome],
                price_bps=row.price_bps,
                size_shares=row.size_shares,
            )
            return PrintTrade(ts_ns, market.slug, trade)
        case PriceRow() if row.source in _SOURCES:
            source = _SOURCES[row.source]
            return TellPrice(ts_ns, market.asset, source, row.price_ts_ns, row.price_e8)
    return None


def _is_trade(row: TradeRow) -> bool:
    return row.outcome in _OUTCOMES and 0 < row.price_bps < PRICE_ONE_BPS and row.size_shares > 0


def _book_happening(
    row: BookRow | DeltaRow | BboRow, ts_ns: int, slug: str, outcome: Outcome
) -> Happening:
    is_up = outcome is Outcome.UP
    if isinstance(row, BboRow):
        bid, ask = row.best_bid_bps, row.best_ask_bps
        return SetBest(ts_ns, slug, bid if is_up else _mirror(ask), ask if is_up else _mirror(bid))
    bids = row.bids if is_up else _mirrored(row.asks)
    asks = row.asks if is_up else _mirrored(row.bids)
    if isinstance(row, BookRow):
        return SetBook(ts_ns, slug, bids, asks)
    levels = [(Side.BUY, price, size) for price, size in bids]
    levels += [(Side.SELL, price, size) for price, size in asks]
    return SetLevels(ts_ns, slug, tuple(levels))


def _mirror(price_bps: int | None) -> int | None:
    return None if price_bps is None else PRICE_ONE_BPS - price_bps


def _mirrored(levels: tuple[Level, ...]) -> tuple[Level, ...]:
    return tuple((PRICE_ONE_BPS - price, size) for price, size in levels)


def _is_fine(happening: Happening) -> bool:
    """Say whether a price stands between the cents, which only a finer tick allows."""
    if isinstance(happening, SetLevels):
        return any(price % _COARSE_TICK_BPS for _, price, _ in happening.levels)
    if isinstance(happening, SetBook):
        return any(price % _COARSE_TICK_BPS for price, _ in happening.bids + happening.asks)
    return False
