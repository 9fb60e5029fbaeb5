"""Tests of the configuration's schema: that it says of every key what a person needs to know."""

import pytest

from polybot.config.keys import REQUIRED, Key, Kind, all_keys
from polybot.config.schema import Config
from polybot.config.values import typed

KEYS = list(all_keys().values())


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.path)
def test_every_key_says_what_it_means(key: Key) -> None:
    assert len(key.doc) > 10


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.path)
def test_every_number_has_a_range_that_holds_its_default(key: Key) -> None:
    if key.kind in (Kind.INTEGER, Kind.NUMBER, Kind.AMOUNT):
        assert key.bounds is not None
        assert typed(key, str(key.default), is_text=True) == key.default


def test_only_an_agents_name_has_no_default() -> None:
    assert [key.path for key in KEYS if key.default is REQUIRED] == ["agents.*.name"]


def test_a_configuration_of_defaults_is_frozen() -> None:
    with pytest.raises(AttributeError):
        Config().mode = "live"  # type: ignore[misc]
