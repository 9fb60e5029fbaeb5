"""Builds what a mirror follows: the exchange of the configuration's [feed] section, as ports."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import msgspec

from polybot.adapters.channel_dialects import (
    BinanceDialect,
    CoinbaseDialect,
    MarketDialect,
    PriceDialect,
    RtdsDialect,
)
from polybot.adapters.clob_outcomes import ClobOutcomes
from polybot.adapters.gamma_catalog import GammaCatalog
from polybot.adapters.http_transport import HttpTransport
from polybot.adapters.upstream_time import AskedUpstreamTime, WallUpstreamTime
from polybot.adapters.wallet_files import WalletFiles
from polybot.adapters.websocket_stream import Dialect, WebsocketStream
from polybot.bootstrap.http import USER_AGENT
from polybot.config.feed import feed_name, feed_url, is_production
from polybot.config.schema import Config, FeedConfig
from polybot.errors import ConfigError
from polybot.exchange.l2_auth import ApiCredentials
from polybot.exchange.price_readers import PRICE_READERS
from polybot.ports import Clock
from polybot.simulator.drivers.driver_mirror import Upstream
from polybot.simulator.drivers.mirror_prices import PriceFeedSource

# A price feed ticks every second; one that is silent this long is frozen.
PRICE_STALE_S = 15.0


class Following(msgspec.Struct):
    """What was built, and what has to be closed at the end."""

    upstream: Upstream
    close: Callable[[], None]


def follow(config: Config, series: tuple[str, ...], clock: Clock) -> Following:
    """Build the ports of the mirrored exchange; nothing connects before the mirror starts."""
    feed = config.feed
    timeout_s = config.exchange.timeout_s
    gamma = _transport("feed-gamma", feed_url(feed, "gamma_url"), timeout_s)
    clob = _transport("feed-clob", feed_url(feed, "clob_url"), timeout_s)
    transports = [gamma, clob]
    time: WallUpstreamTime | AskedUpstreamTime = WallUpstreamTime(clock)
    if not is_production(feed):
        asked = _transport("feed-time", feed_url(feed, "clob_url"), timeout_s)
        transports.append(asked)
        time = AskedUpstreamTime(asked, clock)
    wake = asyncio.Event()
    stale_s = config.trader.feed_stale_s
    market = _stream(MarketDialect(), feed_url(feed, "ws_market_url"), wake, clock, stale_s)
    upstream = Upstream(
        name=feed_name(feed),
        series=series,
        catalog=GammaCatalog(gamma, wake=_nobody),
        market=market,
        prices=_prices(feed, wake, clock),
        time=time,
        clock=clock,
        wake=wake,
        silent_s=stale_s,
        outcomes=ClobOutcomes(clob, wake=_nobody),
    )

    def close() -> None:
        for transport in transports:
            transport.close()

    return Following(upstream, close)


def _prices(feed: FeedConfig, wake: asyncio.Event, clock: Clock) -> list[PriceFeedSource]:
    """Return the price feeds there are, in the order of preference."""
    dialects: list[Dialect] = [RtdsDialect(), BinanceDialect(), CoinbaseDialect()]
    credentials = feed_credentials(feed)
    if credentials is not None:
        dialects.insert(0, PriceDialect(lambda: credentials))
    found = []
    for dialect in dialects:
        url = feed_url(feed, f"ws_{dialect.name}_url")
        if url is not None:
            stream = _stream(dialect, url, wake, clock, PRICE_STALE_S)
            found.append(PriceFeedSource(stream, PRICE_READERS[dialect.name]()))
    return found


def feed_credentials(feed: FeedConfig) -> ApiCredentials | None:
    """Return the API credentials for the price feed, None where no file is configured.

    Raises ConfigError for a file that is absent or unreadable.
    """
    if not feed.login_file:
        return None
    account = WalletFiles(Path(feed.login_file).parent).credentials()
    if account is None:
        message = f"feed.login_file: expected API credentials in {feed.login_file}, was no file"
        raise ConfigError([message])
    return account.api


def _transport(name: str, url: str | None, timeout_s: float) -> HttpTransport:
    return HttpTransport(
        name, lambda: url, connections=1, timeout_s=timeout_s, user_agent=USER_AGENT
    )


def _stream(
    dialect: Dialect, url: str | None, wake: asyncio.Event, clock: Clock, stale_s: float
) -> WebsocketStream:
    return WebsocketStream(
        dialect,
        lambda: url,
        wake=wake,
        clock=clock,
        seed=clock.monotonic_ns(),
        stale_s=stale_s,
    )


def _nobody() -> None:
    """Wake nobody: answers of the catalog are taken in the mirror's next pass."""
