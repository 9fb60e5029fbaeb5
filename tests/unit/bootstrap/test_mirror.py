"""Tests of what a mirror is built of."""

import json
from pathlib import Path

import msgspec
import pytest

from polybot.adapters.upstream_time import AskedUpstreamTime, WallUpstreamTime
from polybot.adapters.wallet_files import AccountCredentials, WalletFiles
from polybot.bootstrap.mirror import feed_credentials, follow
from polybot.config.schema import Config, FeedConfig
from polybot.errors import ConfigError
from polybot.exchange.l2_auth import ApiCredentials
from tests.fakes import FakeClock

LOGIN = ApiCredentials(api_key="k", secret="c2VjcmV0", passphrase="p")
OTHER = FeedConfig(
    clob_url="http://127.0.0.1:9",
    gamma_url="http://127.0.0.1:9/gamma",
    ws_market_url="ws://127.0.0.1:9/ws/market",
)


@pytest.fixture
def login_file(tmp_path: Path) -> str:
    account = AccountCredentials(address="0x1", funder="0x1", signature_type=0, api=LOGIN)
    files = WalletFiles(tmp_path)
    files.save_credentials(account)
    return str(files.credentials_path)


def price_feeds(feed: FeedConfig) -> list[str]:
    following = follow(Config(mode="paper", feed=feed), ("btc-updown-5m",), FakeClock())
    following.close()
    return [each.name for each in following.upstream.prices]


def test_production_is_followed_by_the_wall_clock() -> None:
    following = follow(Config(mode="paper"), ("btc-updown-5m",), FakeClock())
    following.close()
    assert isinstance(following.upstream.time, WallUpstreamTime)
    assert following.upstream.name == "polymarket.com"
    assert following.upstream.series == ("btc-updown-5m",)
    assert following.upstream.silent_s == Config().trader.feed_stale_s


def test_another_exchange_is_asked_for_its_time() -> None:
    following = follow(Config(mode="paper", feed=OTHER), ("btc-updown-5m",), FakeClock())
    following.close()
    assert isinstance(following.upstream.time, AskedUpstreamTime)
    assert following.upstream.name == "127.0.0.1:9"


def test_price_feeds_come_in_the_order_of_preference(login_file: str) -> None:
    public = ["rtds", "binance", "coinbase"]
    assert price_feeds(FeedConfig()) == public
    assert price_feeds(FeedConfig(login_file=login_file)) == ["polybolt", *public]


def test_only_the_price_feeds_of_another_exchange_are_listened_to(login_file: str) -> None:
    assert price_feeds(OTHER) == []
    rtds = msgspec.structs.replace(OTHER, ws_rtds_url="ws://127.0.0.1:9/ws/rtds")
    assert price_feeds(rtds) == ["rtds"]
    own = msgspec.structs.replace(
        OTHER, ws_price_url="ws://127.0.0.1:9/ws/price", login_file=login_file
    )
    assert price_feeds(own) == ["polybolt"]


def test_credentials_are_read_from_the_file_that_is_named(login_file: str, tmp_path: Path) -> None:
    assert feed_credentials(FeedConfig()) is None
    assert feed_credentials(FeedConfig(login_file=login_file)) == LOGIN
    absent = str(tmp_path / "elsewhere" / "credentials.json")
    with pytest.raises(ConfigError, match="was no file"):
        feed_credentials(FeedConfig(login_file=absent))
    Path(login_file).write_text(json.dumps({"address": "0x1"}))
    with pytest.raises(ConfigError, match="was unreadable"):
        feed_credentials(FeedConfig(login_file=login_file))
