"""Windows as Gamma, the exchange's catalog, describes them."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from polybot.domain.market import Market, Outcome, SettlementRule
from polybot.domain.money import PRICE_ONE_BPS, REFERENCE_ONE_E8, SHARE
from polybot.exchange.wire_codec import string_array
from polybot.exchange.wire_gamma import (
    MARKET_VERSION_PROTOCOL,
    RESOLVED,
    CryptoMarketConfig,
    EventMetadata,
    FeeSchedule,
    GammaEvent,
    GammaMarket,
)
from polybot.simulator.books.accounts import WindowRow
from polybot.simulator.engine.window_book import WindowBook

_NAMES = {"btc": "Bitcoin", "eth": "Ethereum", "sol": "Solana", "xrp": "XRP", "doge": "Dogecoin"}
_REBATE_RATE = Decimal("0.2")
_RESOLVED_PRICES = {Outcome.UP: ("1", "0"), Outcome.DOWN: ("0", "1")}


def gamma_event(window: WindowRow, book: WindowBook | None) -> GammaEvent:
    """Return the event of a window: one market, and its reference prices as far as known."""
    market = window.market
    return GammaEvent(
        id=str(window.number),
        slug=market.slug,
        title=question(market),
        active=True,
        closed=bool(window.resolved_ns),
        start_date=_created(market),
        start_time=iso_time(market.open_ns),
        end_date=iso_time(market.close_ns),
        series_slug=f"{market.asset}-up-or-down-{_length(market)}",
        event_metadata=EventMetadata(
            price_to_beat=_dollars(window.strike_e8), final_price=_dollars(window.close_e8)
        ),
        markets=[gamma_market(window, book)],
    )


def gamma_market(window: WindowRow, book: WindowBook | None) -> GammaMarket:
    """Return the market of a window; it counts as closed once its outcome is known."""
    market = window.market
    best = book.best(Outcome.UP) if book else (None, None)
    last = book.last_price(Outcome.UP) if book else None
    is_protocol = market.version == MARKET_VERSION_PROTOCOL
    tokens = (market.token_up, market.token_down)
    return GammaMarket(
        id=str(window.number),
        slug=market.slug,
        question=question(market),
        condition_id=market.condition_id,
        version=market.version,
        outcomes=string_array(outcome.value for outcome in Outcome),
        outcome_prices=string_array(_outcome_prices(window, best)),
        clob_token_ids=string_array(() if is_protocol else tokens),
        position_ids=list(tokens) if is_protocol else None,
        active=True,
        closed=bool(window.resolved_ns),
        closed_time=iso_time(window.resolved_ns) if window.resolved_ns else None,
        accepting_orders=window.accepts_orders,
        enable_order_book=True,
        neg_risk=market.neg_risk,
        start_date=_created(market),
        event_start_time=iso_time(market.open_ns),
        end_date=iso_time(market.close_ns),
        uma_resolution_status=RESOLVED if window.resolved_ns else None,
        automatically_resolved=bool(window.resolved_ns),
        order_min_size=Decimal(market.min_size_shares) / SHARE,
        order_price_min_tick_size=Decimal(market.tick_bps) / PRICE_ONE_BPS,
        fees_enabled=market.fee.rate_bps > 0,
        fee_type="crypto_fees_v2",
        fee_schedule=FeeSchedule(
            rate=Decimal(market.fee.rate_bps) / PRICE_ONE_BPS,
            exponent=Decimal(market.fee.exponent),
            taker_only=market.fee.taker_only,
            rebate_rate=_REBATE_RATE,
        ),
        crypto_market_config=_settlement(market),
        resolution_source=_source(market),
        best_bid=_price(best[0]),
        best_ask=_price(best[1]),
        last_trade_price=_price(last),
    )


def question(market: Market) -> str:
    """Return a market's question, with the times of its window in UTC."""
    name = _NAMES.get(market.asset, market.asset.upper())
    start, end = _moment(market.open_ns), _moment(market.close_ns)
    return f"{name} Up or Down - {start:%B} {start.day}, {start:%H:%M}-{end:%H:%M} UTC"


def iso_time(ts_ns: int) -> str:
    """Write a time as Gamma does: ISO 8601 in UTC, whole seconds."""
    return f"{_moment(ts_ns):%Y-%m-%dT%H:%M:%SZ}"


def _moment(ts_ns: int) -> datetime:
    return datetime.fromtimestamp(ts_ns // 1_000_000_000, tz=UTC)


def _created(market: Market) -> str:
    # Real markets are created a day before their window.
    created = _moment(market.open_ns) - timedelta(days=1)
    return f"{created:%Y-%m-%dT%H:%M:%SZ}"


def _length(market: Market) -> str:
    return market.slug.split("-")[2] if market.slug.count("-") > 2 else ""  # noqa: PLR2004


def _settlement(market: Market) -> CryptoMarketConfig | None:
    if market.rule is SettlementRule.UNKNOWN:
        return None
    seconds = market.twap_lookback_s
    suffix = f"twap-{seconds}" if seconds else "instant"
    return CryptoMarketConfig(
        id=f"{market.asset}-{_length(market)}-{suffix}",
        twap_enabled=bool(seconds),
        twap_lookback_seconds=seconds,
    )


def _source(market: Market) -> str | None:
    if market.rule is SettlementRule.UNKNOWN:
        return None
    base = f"https://data.chain.link/streams/{market.asset}-usd"
    seconds = market.twap_lookback_s
    return f"{base}-twap-{seconds}s-streams" if seconds else base


def _outcome_prices(window: WindowRow, best: tuple[int | None, int | None]) -> tuple[str, str]:
    if window.outcome is not None:
        return _RESOLVED_PRICES[window.outcome]
    bid, ask = best
    doubled = (bid or 0) + (PRICE_ONE_BPS if ask is None else ask)
    up = Decimal(doubled) / (2 * PRICE_ONE_BPS)
    return str(up), str(1 - up)


def _price(price_bps: int | None) -> Decimal | None:
    return None if price_bps is None else Decimal(price_bps) / PRICE_ONE_BPS


def _dollars(price_e8: int | None) -> Decimal | None:
    return None if price_e8 is None else Decimal(price_e8) / REFERENCE_ONE_E8
