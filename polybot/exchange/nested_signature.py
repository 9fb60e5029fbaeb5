"""The nested signature of a deposit wallet (ERC-7739): what its key signs, wraps and unwraps.

The wallet is a contract, so the exchange asks it (ERC-1271), and it checks a signature of its owner
over the order *inside* a typed message that names the wallet. What is posted is that signature, the
exchange's domain separator, the order's hash, the type of the order, and the length of that type.
"""

from functools import lru_cache
from typing import Final

from polybot.errors import InvalidValue
from polybot.exchange.contracts import ZERO_BYTES32, ExchangeDomain
from polybot.exchange.eip712 import address_word, bytes32_word, string_word, uint_word
from polybot.exchange.keccak import keccak256
from polybot.exchange.order_hash import ORDER_TYPE

SIGNATURE_HEX: Final = 2 * 65
_WORD_HEX: Final = 2 * 32

_NESTED_TYPE_HASH: Final = keccak256(
    b"TypedDataSign(Order contents,string name,string version,uint256 chainId,"
    b"address verifyingContract,bytes32 salt)" + ORDER_TYPE.encode()
)
_WALLET_WORDS: Final = string_word("DepositWallet") + string_word("1")
_NO_SALT: Final = bytes32_word(ZERO_BYTES32)
_TYPE_TRAILER: Final = ORDER_TYPE.encode().hex() + len(ORDER_TYPE).to_bytes(2, "big").hex()
NESTED_HEX: Final = SIGNATURE_HEX + 2 * _WORD_HEX + len(_TYPE_TRAILER)


# One wallet in the trader, a few in the simulator.
@lru_cache(maxsize=256)
def _wallet_tail(wallet: str, chain_id: int) -> bytes:
    return _WALLET_WORDS + uint_word(chain_id) + address_word(wallet) + _NO_SALT


@lru_cache(maxsize=64)
def _separator_hex(domain: ExchangeDomain) -> str:
    return domain.prefix[2:].hex()


def nested_digest(contents_hash: bytes, wallet: str, domain: ExchangeDomain) -> bytes:
    """Return the 32 bytes the wallet's owner signs; `contents_hash` is the order's struct hash."""
    nested = keccak256(_NESTED_TYPE_HASH + contents_hash + _wallet_tail(wallet, domain.chain_id))
    return keccak256(domain.prefix + nested)


def wrap_signature(signature: str, contents_hash: bytes, domain: ExchangeDomain) -> str:
    """Return what is posted for the owner's signature (0x and 130 hex digits): 0x and 634."""
    return f"{signature}{_separator_hex(domain)}{contents_hash.hex()}{_TYPE_TRAILER}"


def unwrap_signature(wrapped: str, contents_hash: bytes, domain: ExchangeDomain) -> str:
    """Return the owner's signature inside a posted one.

    Raises InvalidValue when length, domain separator, contents hash or type are not those of this
    order in this domain.
    """
    given = wrapped.removeprefix("0x").lower()
    if len(given) != NESTED_HEX:
        raise InvalidValue(
            f"expected a nested signature of {NESTED_HEX} hex digits, was {len(given)}"
        )
    expected = f"{_separator_hex(domain)}{contents_hash.hex()}{_TYPE_TRAILER}"
    if given[SIGNATURE_HEX:] != expected:
        raise InvalidValue(_difference(given[SIGNATURE_HEX:], expected))
    return "0x" + given[:SIGNATURE_HEX]


def _difference(given: str, expected: str) -> str:
    for name, begin, end in (
        ("domain separator", 0, _WORD_HEX),
        ("contents hash", _WORD_HEX, 2 * _WORD_HEX),
        ("contents type", 2 * _WORD_HEX, len(expected)),
    ):
        if given[begin:end] != expected[begin:end]:
            return f"expected the {name} 0x{expected[begin:end]}, was 0x{given[begin:end]}"
    return ""
