"""Which exchange paper mode mirrors: the [feed] section read as a whole."""

from urllib.parse import urlsplit

from polybot.config.schema import FeedConfig
from polybot.exchange.production import PRODUCTION_URLS

PRODUCTION_NAME = "polymarket.com"


def is_production(feed: FeedConfig) -> bool:
    """Say whether Polymarket itself is mirrored: no URL names another exchange."""
    return not any(getattr(feed, name) for name in feed.__struct_fields__ if name.endswith("_url"))


def feed_url(feed: FeedConfig, key: str) -> str | None:
    """Return a URL of the mirrored exchange, None where it has no such service.

    As soon as one URL is configured only configured ones count: prices of one exchange beside the
    books of another would be a market that never was.
    """
    configured: str = getattr(feed, key)
    if configured:
        return configured
    return PRODUCTION_URLS[key] if is_production(feed) else None


def feed_name(feed: FeedConfig) -> str:
    """Name the mirrored exchange as a person calls it: polymarket.com, or its catalog's host."""
    return PRODUCTION_NAME if is_production(feed) else urlsplit(feed.gamma_url).netloc
