"""Tests of reading values and of showing them without giving secrets away."""

from decimal import Decimal
from typing import Any

import pytest

from polybot.config.keys import all_keys
from polybot.config.values import HIDDEN, looks_secret, shown, typed
from polybot.errors import InvalidValue

KEYS = all_keys()
KEY = "0x" + "1" * 64


@pytest.mark.parametrize(
    ("path", "raw", "value"),
    [
        ("mode", "replay", "replay"),
        ("log.level", "INFO", "info"),
        ("trading_zone", "UTC", "UTC"),
        ("trader.tape_enabled", False, False),
        ("trader.tape_cap_mb", 7, 7),
        ("trader.checkpoint_s", 5, 5.0),
        ("trader.checkpoint_s", Decimal("0.2"), 0.2),
        ("risk.max_buy_price", Decimal("0.999"), Decimal("0.999")),
        ("risk.max_order_usdc", 25, Decimal(25)),
        ("trader.series", ["btc-updown-5m"], ("btc-updown-5m",)),
        ("agents.*.parameters.*", {"anything": [1]}, {"anything": [1]}),
    ],
)
def test_a_toml_value_becomes_its_keys_type(path: str, raw: Any, value: Any) -> None:
    assert typed(KEYS[path], raw, is_text=False) == value


@pytest.mark.parametrize(
    ("path", "raw", "value"),
    [
        ("trading_zone", " UTC ", "UTC"),
        ("trader.tape_enabled", "off", False),
        ("trader.tape_enabled", "YES", True),
        ("trader.tape_cap_mb", "7", 7),
        ("trader.checkpoint_s", "0.5", 0.5),
        ("risk.max_buy_price", "0.97", Decimal("0.97")),
        ("trader.series", "btc-updown-5m, eth-updown-5m,", ("btc-updown-5m", "eth-updown-5m")),
        ("trader.series", "", ()),
        ("agents.*.parameters.*", "0.95", Decimal("0.95")),
        ("agents.*.parameters.*", "true", True),
        ("agents.*.parameters.*", "resting", "resting"),
    ],
)
def test_an_environments_text_becomes_its_keys_type(path: str, raw: str, value: Any) -> None:
    assert typed(KEYS[path], raw, is_text=True) == value


@pytest.mark.parametrize(
    ("path", "raw"),
    [
        ("mode", "demo"),
        ("mode", 3),
        ("trader.tape_enabled", "true"),
        ("trader.tape_enabled", 1),
        ("trader.tape_cap_mb", True),
        ("trader.tape_cap_mb", Decimal("1.5")),
        ("trader.tape_cap_mb", 0),
        ("trader.checkpoint_s", Decimal("NaN")),
        ("trader.checkpoint_s", Decimal("inf")),
        ("trader.checkpoint_s", "5"),
        ("risk.max_buy_price", Decimal("0.9991")),
        ("trader.series", "btc-updown-5m"),
        ("trader.series", [1]),
    ],
)
def test_a_toml_value_that_does_not_fit_is_refused(path: str, raw: Any) -> None:
    with pytest.raises(InvalidValue, match=r"expected .+, was "):
        typed(KEYS[path], raw, is_text=False)


@pytest.mark.parametrize(
    ("path", "raw"),
    [
        ("trader.tape_enabled", "maybe"),
        ("trader.tape_cap_mb", "7.0"),
        ("trader.tape_cap_mb", ""),
        ("trader.checkpoint_s", "nan"),
        ("trader.checkpoint_s", "1e99"),
        ("risk.max_order_usdc", "Infinity"),
        ("risk.max_order_usdc", "$5"),
    ],
)
def test_a_text_that_does_not_fit_is_refused(path: str, raw: str) -> None:
    with pytest.raises(InvalidValue, match=r"expected .+, was "):
        typed(KEYS[path], raw, is_text=True)


def test_a_refused_secret_is_not_shown() -> None:
    with pytest.raises(InvalidValue) as refused:
        typed(KEYS["wallet.private_key"], 12345, is_text=False)
    assert "12345" not in str(refused.value)


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("a", "'a'"),
        (True, "true"),
        (Decimal("0.5"), "0.5"),
        (["a", 1], "['a', 1]"),
        (KEY, HIDDEN),
        ("sk-abcdefghijkl", HIDDEN),
        ("https://me:word@example.org/x", "'https://***@example.org/x'"),
    ],
)
def test_a_value_is_shown_without_what_it_may_give_away(raw: Any, text: str) -> None:
    assert shown(raw) == text


def test_a_long_value_is_cut() -> None:
    assert len(shown("x y " * 100)) == 80


@pytest.mark.parametrize(
    ("name", "raw", "secret"),
    [
        ("walet.privat_key", "x", True),
        ("telegram.token", "x", True),
        ("note", KEY, True),
        ("note", "hello", False),
    ],
)
def test_a_secret_is_known_by_its_name_or_its_shape(name: str, raw: str, secret: bool) -> None:
    assert looks_secret(name, raw) is secret
