"""Where production is: encrypted, and a configuration key for each address."""

from urllib.parse import urlsplit

import pytest

from polybot.config.schema import ExchangeConfig
from polybot.exchange.production import PRODUCTION_URLS


@pytest.mark.parametrize("key", PRODUCTION_URLS)
def test_every_address_is_encrypted_and_has_a_key_that_is_empty_by_default(key: str) -> None:
    parts = urlsplit(PRODUCTION_URLS[key])
    assert parts.scheme == ("wss" if key.startswith("ws_") else "https")
    assert parts.hostname
    assert getattr(ExchangeConfig(), key) == ""


def test_no_address_of_the_exchange_is_forgotten() -> None:
    keys = {name for name in ExchangeConfig.__struct_fields__ if name.endswith("_url")}
    assert keys == set(PRODUCTION_URLS)
