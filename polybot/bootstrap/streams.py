"""Builds the trader's websocket streams: books, own orders, and the price feeds in their order."""

import asyncio
from typing import Final

import msgspec

from polybot.adapters.channel_dialects import (
    BinanceDialect,
    CoinbaseDialect,
    MarketDialect,
    PriceDialect,
    RtdsDialect,
    UserDialect,
)
from polybot.adapters.websocket_stream import Dialect, WebsocketStream
from polybot.bootstrap.access import WalletAccess
from polybot.bootstrap.endpoints import Endpoints
from polybot.bootstrap.http import USER_AGENT
from polybot.config.schema import PRICE_FEEDS, SIMULATED_MODES, Config
from polybot.ports import Clock

POLYBOLT: Final = PRICE_FEEDS[0]
_PUBLIC_FEEDS: Final[dict[str, type[RtdsDialect | BinanceDialect | CoinbaseDialect]]] = {
    "rtds": RtdsDialect,
    "binance": BinanceDialect,
    "coinbase": CoinbaseDialect,
}


def price_feed_names(config: Config) -> tuple[str, ...]:
    """Return the price feeds to use, the best first."""
    if config.trader.price_feeds:
        return config.trader.price_feeds
    return (POLYBOLT,) if config.mode in SIMULATED_MODES else PRICE_FEEDS


class StreamMaker(msgspec.Struct, frozen=True):
    """Makes each stream of one trader; nothing connects before it is started."""

    config: Config
    endpoints: Endpoints
    access: WalletAccess
    clock: Clock
    wake: asyncio.Event

    def market(self) -> WebsocketStream:
        """Return the stream of books; an active market is never silent for long."""
        return self._stream(MarketDialect(), self.config.trader.feed_stale_s)

    def user(self) -> WebsocketStream:
        """Return the stream of own orders, where silence is normal: only pings tell its death."""
        # The price feed's opinion of our login must not interrupt trading; this channel's may.
        return self._stream(UserDialect(self.access.credentials, self.access.renew), None)

    def prices(self) -> tuple[WebsocketStream, ...]:
        """Return the price feeds in order of preference; a recording may lack them."""
        return tuple(
            self._stream(
                self._price_dialect(name),
                self.config.trader.feed_stale_s,
                silent_at_first=self.config.mode in SIMULATED_MODES,
            )
            for name in price_feed_names(self.config)
        )

    def _price_dialect(self, name: str) -> Dialect:
        if name == POLYBOLT:
            return PriceDialect(self.access.credentials)
        return _PUBLIC_FEEDS[name]()

    def _stream(
        self, dialect: Dialect, stale_s: float | None, *, silent_at_first: bool = False
    ) -> WebsocketStream:
        return WebsocketStream(
            dialect,
            self.endpoints.resolver(f"ws_{dialect.name}_url"),
            wake=self.wake,
            clock=self.clock,
            seed=self.clock.monotonic_ns(),
            stale_s=stale_s,
            silent_at_first=silent_at_first,
            user_agent=USER_AGENT,
        )
