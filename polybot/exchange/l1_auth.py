"""L1 authentication: a wallet proves itself once to get API credentials (EIP-712 ClobAuth)."""

from collections.abc import Mapping
from functools import lru_cache

from polybot.errors import InvalidValue
from polybot.exchange.contracts import CHAIN_ID
from polybot.exchange.eip712 import (
    address_word,
    domain_separator,
    signing_prefix,
    string_word,
    uint_word,
)
from polybot.exchange.error_texts import INVALID_L1_HEADERS
from polybot.exchange.keccak import keccak256
from polybot.exchange.signing import OrderSigner, recover_address

ATTESTATION = "This message attests that I control the given wallet"
TOLERANCE_S = 300

_TYPE_HASH = keccak256(b"ClobAuth(address address,string timestamp,uint256 nonce,string message)")
_ATTESTATION_WORD = string_word(ATTESTATION)


@lru_cache(maxsize=4)
def _prefix(chain_id: int) -> bytes:
    return signing_prefix(domain_separator("ClobAuthDomain", "1", chain_id))


def attestation_digest(
    address: str, timestamp: str, nonce: int, *, chain_id: int = CHAIN_ID
) -> bytes:
    """Return the 32 bytes a wallet signs; `timestamp` is in seconds, as text."""
    words = (_TYPE_HASH, address_word(address), string_word(timestamp), uint_word(nonce))
    return keccak256(_prefix(chain_id) + keccak256(b"".join(words) + _ATTESTATION_WORD))


def l1_headers(
    signer: OrderSigner, *, timestamp_s: int, nonce: int = 0, chain_id: int = CHAIN_ID
) -> dict[str, str]:
    """Return the headers of a request for API credentials."""
    digest = attestation_digest(signer.address, str(timestamp_s), nonce, chain_id=chain_id)
    return {
        "POLY_ADDRESS": signer.address,
        "POLY_SIGNATURE": signer.sign_digest(digest),
        "POLY_TIMESTAMP": str(timestamp_s),
        "POLY_NONCE": str(nonce),
    }


def l1_refusal(headers: Mapping[str, str], *, now_s: int, tolerance_s: int = TOLERANCE_S) -> str:
    """Return the exchange's refusal of L1 headers, or "" when the named wallet signed them."""
    address, timestamp = headers.get("POLY_ADDRESS", ""), headers.get("POLY_TIMESTAMP", "")
    try:
        skew_s = abs(int(timestamp) - now_s)
        digest = attestation_digest(address, timestamp, int(headers.get("POLY_NONCE", "0")))
        signed_by = recover_address(digest, headers.get("POLY_SIGNATURE", ""))
    except (InvalidValue, ValueError):
        return INVALID_L1_HEADERS
    accepted = signed_by.lower() == address.lower() and skew_s <= tolerance_s
    return "" if accepted else INVALID_L1_HEADERS
