"""Tests of which exchange paper mode mirrors."""

from polybot.config.feed import feed_name, feed_url, is_production
from polybot.config.schema import FeedConfig
from polybot.exchange.production import PRODUCTION_URLS

OTHER = FeedConfig(
    clob_url="http://127.0.0.1:4001",
    gamma_url="http://127.0.0.1:4001/gamma",
    ws_market_url="ws://127.0.0.1:4001/ws/market",
)
URLS = [name for name in FeedConfig.__struct_fields__ if name.endswith("_url")]


def test_without_a_url_it_is_production() -> None:
    plain = FeedConfig(login_file="/somewhere/credentials.json")
    assert is_production(plain)
    assert {name: feed_url(plain, name) for name in URLS} == {
        name: PRODUCTION_URLS[name] for name in URLS
    }
    assert feed_name(plain) == "polymarket.com"


def test_with_a_url_nothing_of_production_is_mixed_in() -> None:
    assert not is_production(OTHER)
    assert feed_url(OTHER, "clob_url") == "http://127.0.0.1:4001"
    assert {feed_url(OTHER, name) for name in URLS if not getattr(OTHER, name)} == {None}
    assert feed_name(OTHER) == "127.0.0.1:4001"
