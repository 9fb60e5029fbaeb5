"""Rows of the Data API's activity, as the exchange writes them, in our own units."""

import pytest

from polybot.errors import ProtocolError
from polybot.exchange.wire_activity import WalletActivity, activity_of
from polybot.exchange.wire_codec import decode


def test_a_redemption_with_all_its_fields() -> None:
    text = (
        b'{"proxy_wallet":"0xf","timestamp":1795000000,"condition_id":"0xc","type":"REDEEM",'
        b'"size":25.5,"usdc_size":25.5,"price":1,"token_id":"7","side":"","slug":"s",'
        b'"outcome":"Up","outcome_index":0,"transaction_hash":"0xt"}'
    )
    told = activity_of(decode(text, WalletActivity))
    assert (told.kind, told.at_ns) == ("REDEEM", 1_795_000_000_000_000_000)
    assert (told.stated_usdc, told.size_shares) == (25_500_000, 25_500_000)
    assert (told.slug, told.condition_id, told.token_id) == ("s", "0xc", "7")
    assert told.transaction_hash == "0xt"


def test_a_reward_has_hardly_any_field_and_nulls() -> None:
    text = b'{"type":"REWARD","timestamp":1,"usdc_size":0.123456789,"condition_id":null}'
    told = activity_of(decode(text, WalletActivity))
    assert (told.stated_usdc, told.condition_id, told.size_shares) == (123_456, "", 0)


def test_a_negative_amount_is_refused() -> None:
    told = decode(b'{"type":"DEPOSIT","timestamp":1,"usdc_size":-1}', WalletActivity)
    with pytest.raises(ProtocolError, match="expected an amount of 0 or more"):
        activity_of(told)


@pytest.mark.parametrize("text", [b"{}", b'{"type":"X","timestamp":"soon"}'])
def test_a_row_without_kind_or_time_is_refused(text: bytes) -> None:
    with pytest.raises(ProtocolError):
        decode(text, WalletActivity)
