import asyncio
from pathlib import Path
from typing import cast

import msgspec
import pytest

from polybot.bootstrap.access import WalletAccess
from polybot.bootstrap.endpoints import Endpoints
from polybot.bootstrap.streams import StreamMaker, price_feed_names
from polybot.config.load import load
from polybot.config.locations import Installation
from polybot.config.schema import PRICE_FEEDS, Config, TraderConfig
from polybot.exchange.price_readers import PRICE_READERS
from tests.fakes import FakeClock


class LoggedOut:
    """A wallet that is not logged in."""

    def credentials(self) -> None:
        return None

    def renew(self) -> None:
        raise AssertionError("nothing was refused")


def maker(tmp_path: Path, config: Config) -> StreamMaker:
    loaded = load({}, installation=Installation(tmp_path, is_clone=True))
    return StreamMaker(
        config,
        Endpoints(msgspec.structs.replace(loaded, config=config)),
        cast(WalletAccess, LoggedOut()),
        FakeClock(),
        asyncio.Event(),
    )


@pytest.mark.parametrize("mode", ["synthetic", "replay", "paper"])
def test_a_simulated_exchange_has_one_price_feed_which_may_be_absent(
    mode: str, tmp_path: Path
) -> None:
    (feed,) = maker(tmp_path, Config(mode=mode)).prices()
    assert (feed.name, feed.stale_s, feed.silent_at_first) == ("price", 30.0, True)


def test_in_live_mode_there_are_four_and_none_may_be_silent(tmp_path: Path) -> None:
    feeds = maker(tmp_path, Config(mode="live")).prices()
    assert [feed.name for feed in feeds] == list(PRICE_READERS)
    assert all(feed.stale_s == 30.0 and not feed.silent_at_first for feed in feeds)
    assert [feed.url() for feed in feeds] == [
        "wss://ws-live-v2.polymarket.com/ws",
        "wss://ws-live-data.polymarket.com",
        "wss://stream.binance.com:9443/ws",
        "wss://ws-feed.exchange.coinbase.com",
    ]


def test_the_configuration_names_the_feeds_and_their_order(tmp_path: Path) -> None:
    config = Config(mode="live", trader=TraderConfig(price_feeds=("coinbase", "polybolt")))
    assert price_feed_names(config) == ("coinbase", "polybolt")
    assert [feed.name for feed in maker(tmp_path, config).prices()] == ["coinbase", "price"]
    assert price_feed_names(Config(mode="live")) == PRICE_FEEDS


def test_books_fall_silent_only_when_something_is_wrong_and_own_orders_often(
    tmp_path: Path,
) -> None:
    streams = maker(tmp_path, Config(trader=TraderConfig(feed_stale_s=7)))
    assert (streams.market().name, streams.market().stale_s) == ("market", 7)
    assert (streams.user().name, streams.user().stale_s) == ("user", None)
