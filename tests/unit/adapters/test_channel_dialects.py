import json
from collections.abc import Callable
from typing import Any

import pytest

from polybot.adapters.channel_dialects import (
    BinanceDialect,
    CoinbaseDialect,
    MarketDialect,
    PriceDialect,
    RtdsDialect,
    UserDialect,
)
from polybot.exchange.l2_auth import ApiCredentials
from polybot.exchange.wire_codec import decode
from polybot.exchange.wire_market_stream import MarketSubscription
from polybot.exchange.wire_price_stream import TWAP_CHANNEL, PriceRequest
from polybot.exchange.wire_user_stream import UserSubscription
from tests.unit.exchange.examples import CREDENTIALS

AUTH = {
    "apiKey": CREDENTIALS.api_key,
    "secret": CREDENTIALS.secret,
    "passphrase": CREDENTIALS.passphrase,
}


def logged_in() -> ApiCredentials | None:
    return CREDENTIALS


def logged_out() -> ApiCredentials | None:
    return None


def read(frames: list[str] | None) -> list[Any]:
    assert frames is not None
    return [json.loads(frame) for frame in frames]


def test_the_market_channel_is_subscribed_by_token_with_every_feature() -> None:
    frames = MarketDialect().opening(("11", "22"))

    assert read(frames) == [
        {"assets_ids": ["11", "22"], "type": "market", "custom_feature_enabled": True}
    ]
    assert frames is not None
    assert decode(frames[0], MarketSubscription).assets_ids == ["11", "22"]


def test_the_market_channel_has_nothing_to_say_without_tokens() -> None:
    assert MarketDialect().opening(()) is None


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (("1", "2"), ("1", "2"), []),
        (("1", "2"), ("2", "1"), []),
        (("1",), ("1", "2", "3"), [("subscribe", ["2", "3"])]),
        (("1", "2"), ("2",), [("unsubscribe", ["1"])]),
        # What is new comes first, so that no moment is without it.
        (("1", "2"), ("2", "3"), [("subscribe", ["3"]), ("unsubscribe", ["1"])]),
        (("1",), (), [("unsubscribe", ["1"])]),
    ],
)
def test_a_change_of_tokens_is_told_as_a_difference(
    old: tuple[str, ...], new: tuple[str, ...], expected: list[tuple[str, list[str]]]
) -> None:
    told = read(MarketDialect().change(old, new))
    assert [(frame["operation"], frame["assets_ids"]) for frame in told] == expected


def test_the_user_channel_authenticates_in_its_first_frame() -> None:
    frames = UserDialect(logged_in).opening(())

    assert read(frames) == [{"auth": AUTH, "markets": [], "type": "user"}]
    assert frames is not None
    assert decode(frames[0], UserSubscription).auth == CREDENTIALS


def test_the_user_channel_need_not_be_told_of_a_change() -> None:
    assert UserDialect(logged_in).change((), ("0xab",)) == []


def test_the_price_channel_authenticates_and_then_asks_for_both_prices_of_each_symbol() -> None:
    frames = PriceDialect(logged_in).opening(("btcusd", "ethusd"))

    auth, wanted = read(frames)
    assert auth == {"op": "auth", "rid": "1", "auth": AUTH}
    assert (wanted["op"], wanted["rid"]) == ("subscribe", "2")
    assert wanted["subscriptions"] == [
        entry
        for symbol in ("btcusd", "ethusd")
        for entry in (
            {"channel": "price.crypto", "filter": {"symbol": symbol, "provider": "chainlink"}},
            {"channel": TWAP_CHANNEL, "filter": {"symbol": symbol, "window_seconds": 60}},
        )
    ]
    assert frames is not None
    assert [decode(frame, PriceRequest).op for frame in frames] == ["auth", "subscribe"]


def test_other_symbols_need_a_new_connection() -> None:
    dialect = PriceDialect(logged_in)
    assert dialect.change(("btcusd",), ("btcusd", "ethusd")) is None
    assert dialect.change(("btcusd", "ethusd"), ("ethusd", "btcusd")) == []


@pytest.mark.parametrize("dialect", [UserDialect, PriceDialect])
def test_nothing_is_said_before_the_login_and_everything_after_it(
    dialect: Callable[[Callable[[], ApiCredentials | None]], UserDialect | PriceDialect],
) -> None:
    known: list[ApiCredentials] = []
    spoken = dialect(lambda: known[0] if known else None)
    assert spoken.opening(("btcusd",)) is None
    known.append(CREDENTIALS)
    assert spoken.opening(("btcusd",)) is not None


def test_the_price_channel_has_nothing_to_say_without_symbols() -> None:
    assert PriceDialect(logged_in).opening(()) is None
    assert PriceDialect(logged_out).opening(()) is None


def test_the_exchange_s_channels_ping_by_a_word_and_the_others_by_protocol() -> None:
    ours = (MarketDialect(), UserDialect(logged_in), PriceDialect(logged_in), RtdsDialect())
    others = (BinanceDialect(), CoinbaseDialect())
    assert [(d.name, d.ping, d.ping_s) for d in (*ours, *others)] == [
        ("market", "PING", 10.0),
        ("user", "PING", 10.0),
        ("price", "", 10.0),
        ("rtds", "PING", 5.0),
        ("binance", "", 10.0),
        ("coinbase", "", 10.0),
    ]


def test_public_price_feeds_are_asked_in_their_own_words_for_the_same_symbols() -> None:
    (legacy,) = read(RtdsDialect().opening(("btcusd",)))
    assert [entry["topic"] for entry in legacy["subscriptions"]] == [
        "crypto_prices_chainlink",
        "crypto_prices_twap_sixty",
    ]
    assert legacy["subscriptions"][0]["filters"] == '{"symbol": "btc/usd"}'
    assert read(BinanceDialect().opening(("btcusd", "ethusd"))) == [
        {"method": "SUBSCRIBE", "params": ["btcusdt@trade", "ethusdt@trade"], "id": 1}
    ]
    assert read(CoinbaseDialect().opening(("btcusd",))) == [
        {"type": "subscribe", "product_ids": ["BTC-USD"], "channels": ["ticker"]}
    ]


@pytest.mark.parametrize("dialect", [RtdsDialect(), BinanceDialect(), CoinbaseDialect()])
def test_a_public_price_feed_is_left_alone_until_it_is_wanted(
    dialect: RtdsDialect | BinanceDialect | CoinbaseDialect,
) -> None:
    assert dialect.opening(()) is None
    assert dialect.change(("btcusd",), ()) is None
    assert dialect.change(("btcusd",), ("btcusd",)) == []


@pytest.mark.parametrize("code", [1000, 1001, 1006, 1012, 4002, 4003])
def test_who_was_merely_cut_off_comes_back_soon(code: int) -> None:
    assert MarketDialect().may_return_soon(code)


@pytest.mark.parametrize("code", [1008, 4001, 4008])
def test_who_was_refused_comes_back_late(code: int) -> None:
    assert not MarketDialect().may_return_soon(code)
    assert not UserDialect(logged_in).may_return_soon(code)


@pytest.mark.parametrize(("code", "renewed"), [(1008, 1), (4001, 1), (4008, 0), (1006, 0)])
def test_credentials_that_are_refused_are_renewed_once(code: int, renewed: int) -> None:
    asked: list[int] = []
    known = [CREDENTIALS]
    dialect = UserDialect(lambda: known[0], lambda: asked.append(1))
    dialect.may_return_soon(code)
    dialect.may_return_soon(code)
    assert len(asked) == renewed
    known[0] = ApiCredentials(api_key="other", secret="c2VjcmV0", passphrase="p")
    dialect.may_return_soon(code)
    assert len(asked) == 2 * renewed
