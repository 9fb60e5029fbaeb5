import pytest
from eth_account.messages import encode_typed_data

from polybot.errors import InvalidValue
from polybot.exchange.eip712 import (
    address_word,
    bytes32_word,
    domain_separator,
    signing_prefix,
    string_word,
    uint_word,
)
from polybot.exchange.keccak import keccak256
from tests.unit.exchange.examples import ADDRESS


def test_an_integer_fills_one_word_from_the_right() -> None:
    assert uint_word(258) == bytes(30) + b"\x01\x02"


@pytest.mark.parametrize("value", [-1, 2**256])
def test_an_integer_outside_the_word_is_refused(value: int) -> None:
    with pytest.raises(InvalidValue, match="unsigned 256-bit"):
        uint_word(value)


def test_an_address_fills_one_word_whatever_its_case() -> None:
    assert address_word(ADDRESS) == bytes(12) + bytes.fromhex(ADDRESS[2:])
    assert address_word(ADDRESS.lower()) == address_word(ADDRESS)


@pytest.mark.parametrize("text", ["", "0x12", ADDRESS[2:], ADDRESS + "00", "0x" + "g" * 40])
def test_what_is_not_an_address_is_refused(text: str) -> None:
    with pytest.raises(InvalidValue, match="40 hex digits"):
        address_word(text)


def test_a_bytes32_must_have_all_its_digits() -> None:
    assert bytes32_word("0x" + "ab" * 32) == b"\xab" * 32
    with pytest.raises(InvalidValue, match="64 hex digits"):
        bytes32_word("0xab")


@pytest.mark.parametrize("contract", ["", ADDRESS])
def test_a_domain_separator_equals_the_one_of_eth_account(contract: str) -> None:
    domain = {"name": "A name", "version": "7", "chainId": 137}
    if contract:
        domain["verifyingContract"] = contract
    reference = encode_typed_data(domain, {"Empty": [{"name": "x", "type": "uint256"}]}, {"x": 1})
    separator = domain_separator("A name", "7", 137, contract)
    assert separator == reference.header
    assert signing_prefix(separator) == b"\x19\x01" + reference.header


def test_a_string_is_encoded_by_its_hash() -> None:
    assert string_word("Up") == keccak256(b"Up")
