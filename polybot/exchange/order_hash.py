"""An order and its EIP-712 hash, which is the exchange's order id before it is sent."""

from enum import IntEnum

import msgspec

from polybot.exchange.contracts import ZERO_BYTES32, ExchangeDomain
from polybot.exchange.eip712 import address_word, bytes32_word, uint_word
from polybot.exchange.keccak import keccak256

ORDER_TYPE = (
    "Order(uint256 salt,address maker,address signer,uint256 tokenId,uint256 makerAmount,"
    "uint256 takerAmount,uint8 side,uint8 signatureType,uint256 timestamp,bytes32 metadata,"
    "bytes32 builder)"
)
_ORDER_TYPE_HASH = keccak256(ORDER_TYPE.encode())


class WireSide(IntEnum):
    """The side of an order as it is signed."""

    BUY = 0
    SELL = 1


class SignatureType(IntEnum):
    """What kind of wallet holds the funds (the exchange's documentation: wallets)."""

    EOA = 0
    POLY_PROXY = 1
    GNOSIS_SAFE = 2
    POLY_1271 = 3


class UnsignedOrder(msgspec.Struct, frozen=True, kw_only=True):
    """The signed fields of an order, one to one.

    Amounts are micro-dollars or micro-shares: a BUY gives `maker_amount` dollars for `taker_amount`
    shares, a SELL the reverse. `salt` stays below 2**53 (it travels as a JSON number),
    `timestamp_ms` makes the order unique, `metadata` and `builder` are bytes32 as hex.
    """

    salt: int
    maker: str
    signer: str
    token_id: int
    maker_amount: int
    taker_amount: int
    side: WireSide
    signature_type: int = SignatureType.EOA
    timestamp_ms: int
    metadata: str = ZERO_BYTES32
    builder: str = ZERO_BYTES32


class SignedOrder(msgspec.Struct, frozen=True):
    """An order, its id at the exchange, and its signature as 0x hex."""

    order: UnsignedOrder
    order_id: str
    signature: str


def struct_hash(order: UnsignedOrder) -> bytes:
    """Hash the order alone; InvalidValue when a field does not fit its type."""
    return keccak256(
        b"".join(
            (
                _ORDER_TYPE_HASH,
                uint_word(order.salt),
                address_word(order.maker),
                address_word(order.signer),
                uint_word(order.token_id),
                uint_word(order.maker_amount),
                uint_word(order.taker_amount),
                uint_word(order.side),
                uint_word(order.signature_type),
                uint_word(order.timestamp_ms),
                bytes32_word(order.metadata),
                bytes32_word(order.builder),
            )
        )
    )


def order_digest(order: UnsignedOrder, domain: ExchangeDomain) -> bytes:
    """Return the 32 bytes that are signed for this order in this domain."""
    return keccak256(domain.prefix + struct_hash(order))


def order_id(order: UnsignedOrder, domain: ExchangeDomain) -> str:
    """Return the id the exchange will give the order: 0x and 64 hex digits.

    It is the signing digest for every signature type, also for type 3, whose signature covers a
    wrapper around the same order (the exchange's documentation: orders).
    """
    return "0x" + order_digest(order, domain).hex()
