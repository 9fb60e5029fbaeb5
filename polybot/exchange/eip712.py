"""EIP-712 building blocks: domain separators, 32-byte words, signing digests."""

from functools import lru_cache

from polybot.errors import InvalidValue
from polybot.exchange.keccak import keccak256

WORD_BYTES = 32
ADDRESS_BYTES = 20

_DOMAIN_FIELDS = "string name,string version,uint256 chainId"
_DOMAIN_TYPE_HASH = keccak256(f"EIP712Domain({_DOMAIN_FIELDS})".encode())
_CONTRACT_DOMAIN_TYPE_HASH = keccak256(
    f"EIP712Domain({_DOMAIN_FIELDS},address verifyingContract)".encode()
)


def uint_word(value: int) -> bytes:
    """Encode an unsigned integer as one word; InvalidValue outside 0..2**256-1."""
    try:
        return value.to_bytes(WORD_BYTES, "big")
    except OverflowError as error:
        raise InvalidValue(f"expected an unsigned 256-bit integer, was {value}") from error


def string_word(text: str) -> bytes:
    """Encode a string as EIP-712 does: by its hash."""
    return keccak256(text.encode())


def _hex_bytes(text: str, length: int, what: str) -> bytes:
    try:
        value = bytes.fromhex(text[2:]) if text.startswith("0x") else b""
    except ValueError:
        value = b""
    if len(value) != length:
        raise InvalidValue(f"expected {what} as 0x and {2 * length} hex digits, was {text!r}")
    return value


# The same few addresses come back in every order: one wallet in the trader, some in the simulator.
@lru_cache(maxsize=1024)
def address_word(address: str) -> bytes:
    """Encode a 20-byte hex address as one word; InvalidValue when it is not one."""
    return _hex_bytes(address, ADDRESS_BYTES, "an address").rjust(WORD_BYTES, b"\0")


@lru_cache(maxsize=64)
def bytes32_word(text: str) -> bytes:
    """Decode a bytes32 value from hex; InvalidValue when it is not one."""
    return _hex_bytes(text, WORD_BYTES, "a bytes32 value")


def domain_separator(name: str, version: str, chain_id: int, contract: str = "") -> bytes:
    """Return the separator of a domain, with or without a verifying contract."""
    words = string_word(name) + string_word(version) + uint_word(chain_id)
    if not contract:
        return keccak256(_DOMAIN_TYPE_HASH + words)
    return keccak256(_CONTRACT_DOMAIN_TYPE_HASH + words + address_word(contract))


def signing_prefix(separator: bytes) -> bytes:
    """Return the bytes that precede a struct hash in what is signed."""
    return b"\x19\x01" + separator
