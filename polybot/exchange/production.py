"""Where Polymarket is: the public addresses of its services, and of the price feeds beside it."""

from typing import Final

# By the configuration key each stands for (the exchange's documentation: API introduction;
# Binance's and Coinbase's public market-data websockets).
PRODUCTION_URLS: Final = {
    "clob_url": "https://clob.polymarket.com",
    "gamma_url": "https://gamma-api.polymarket.com",
    "data_url": "https://data-api.polymarket.com",
    "ws_market_url": "wss://ws-subscriptions-clob.polymarket.com/ws/market",
    "ws_user_url": "wss://ws-subscriptions-clob.polymarket.com/ws/user",
    "ws_price_url": "wss://ws-live-v2.polymarket.com/ws",
    "ws_rtds_url": "wss://ws-live-data.polymarket.com",
    "ws_binance_url": "wss://stream.binance.com:9443/ws",
    "ws_coinbase_url": "wss://ws-feed.exchange.coinbase.com",
    "relayer_url": "https://relayer-v2.polymarket.com",
    "geoblock_url": "https://polymarket.com/api/geoblock",
    # A public node of the chain; the exchange's own client asks the same one.
    "rpc_url": "https://polygon.drpc.org",
}
