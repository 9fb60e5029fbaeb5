"""Ids of outcome shares: derived from a condition id, or from a slug when a recording has none."""

from typing import Final, NamedTuple

from polybot.errors import InvalidValue
from polybot.exchange.contracts import CHAIN_ID, CTF_COLLATERAL
from polybot.exchange.eip712 import ADDRESS_BYTES, address_word, bytes32_word, uint_word
from polybot.exchange.keccak import keccak256

UP_INDEX_SET: Final = 1
DOWN_INDEX_SET: Final = 2

# alt_bn128, y**2 = x**3 + 3 over this field (Gnosis conditional-tokens-contracts: CTHelpers).
_FIELD: Final = 21888242871839275222246405745257275088696311157297823662689037894645226208583
_CURVE_B: Final = 3
_ODD_BIT: Final = 1 << 254
# Protocol V2 ids keep these 64 bits zero; a CTF id is a hash and practically never does.
_RESERVED_BITS: Final = ((1 << 64) - 1) << 40
_BINARY_MODULE: Final = 1
_BINARY_ARITY: Final = 2


class MarketIds(NamedTuple):
    """The ids of a binary market: condition as 0x hex, tokens as decimal text."""

    condition_id: str
    token_up: str
    token_down: str


def _square_root(value: int) -> int:
    # The field's prime is 3 modulo 4, so this power is a root wherever one exists.
    return pow(value, (_FIELD + 1) // 4, _FIELD)


def collection_id(condition_id: str, index_set: int) -> bytes:
    """Return the id of an outcome collection without parent, as CTHelpers.getCollectionId does."""
    digest = keccak256(bytes32_word(condition_id) + uint_word(index_set))
    x = int.from_bytes(digest, "big")
    wants_odd = bool(x >> 255)
    while True:
        x = (x + 1) % _FIELD
        square = (pow(x, 3, _FIELD) + _CURVE_B) % _FIELD
        y = _square_root(square)
        if y * y % _FIELD == square:
            break
    if bool(y % 2) != wants_odd:
        y = _FIELD - y
    return uint_word(x ^ _ODD_BIT if y % 2 else x)


def ctf_token_id(condition_id: str, index_set: int) -> str:
    """Return the token id of one outcome of a condition: index set 1 is Up, 2 is Down."""
    collateral = address_word(CTF_COLLATERAL)[-ADDRESS_BYTES:]
    digest = keccak256(collateral + collection_id(condition_id, index_set))
    return str(int.from_bytes(digest, "big"))


def derive_ids(slug: str) -> MarketIds:
    """Derive ids for a market that has none: the same ones for the same slug, for ever."""
    return complete_ids(slug)


def complete_ids(
    slug: str, condition_id: str = "", token_up: str = "", token_down: str = ""
) -> MarketIds:
    """Fill in the ids a recording lacks, keeping those it has.

    Tokens without their condition are not kept: no condition made up here could be theirs.
    """
    condition = condition_id or "0x" + keccak256(b"polybot market " + slug.encode()).hex()
    if not condition_id:
        token_up = token_down = ""
    return MarketIds(
        condition,
        token_up or ctf_token_id(condition, UP_INDEX_SET),
        token_down or ctf_token_id(condition, DOWN_INDEX_SET),
    )


def protocol_position_id(condition_id: str, outcome_index: int) -> str:
    """Return a Protocol V2 position id: 31 bytes of condition, then the outcome's index.

    Raises InvalidValue when the condition does not end in a zero byte.
    """
    raw = int.from_bytes(bytes32_word(condition_id), "big")
    if raw % 256:
        raise InvalidValue(f"expected a 31-byte condition id and a zero byte, was {condition_id}")
    return str(raw + outcome_index)


def derive_protocol_ids(slug: str) -> MarketIds:
    """Derive Protocol V2 ids for a market that has none: the same ones for the same slug.

    An id is module (8 bits), base hash (128), arity (16), 64 zero bits, chain (16), condition (16)
    and outcome (8; 0 is Up), and the condition's id is the same without an outcome (the exchange's
    public contracts: position ids).
    """
    base_hash = int.from_bytes(keccak256(b"polybot market " + slug.encode())[:16], "big")
    raw = _BINARY_MODULE << 248 | base_hash << 120 | _BINARY_ARITY << 104 | CHAIN_ID << 24
    condition = f"0x{raw:064x}"
    return MarketIds(
        condition, protocol_position_id(condition, 0), protocol_position_id(condition, 1)
    )


def is_protocol_id(token_id: int) -> bool:
    """Say whether an id is one of Protocol V2 (the exchange's documentation: position ids)."""
    return not token_id & _RESERVED_BITS
