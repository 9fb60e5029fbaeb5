"""The wallets a key can own at the exchange: addresses that follow from the key's own address.

Each wallet contract is created by a factory at an address that CREATE2 (EIP-1014) fixes in advance.
Factories, implementations and byte code are those of the official client's production environment
(polymarket-client 0.14.0: environments and wallet derivation).
"""

from functools import lru_cache
from typing import Final

import msgspec

from polybot.exchange.eip712 import ADDRESS_BYTES, address_word
from polybot.exchange.keccak import keccak256
from polybot.exchange.order_hash import SignatureType
from polybot.exchange.signing import checksum_address

PROXY_FACTORY: Final = "0xaB45c5A4B0c941a2F231C04C3f49182e1A254052"
PROXY_IMPLEMENTATION: Final = "0x44e999d5c2F66Ef0861317f9A4805AC2e90aEB4f"
SAFE_FACTORY: Final = "0xaacFeEa03eb1561C4e67d661e40682Bd20E3541b"
SAFE_INIT_CODE_HASH: Final = bytes.fromhex(
    "2bce2127ff07fb632d16c8347c4ebf501f4841168bed00d9e6ef715ddb6fcecf"
)
DEPOSIT_FACTORY: Final = "0x00000000000Fb5C9ADea0298D729A0CB3823Cc07"
DEPOSIT_BEACON: Final = "0x7A18EDfe055488A3128f01F563e5B479D92ffc3a"
DEPOSIT_IMPLEMENTATION: Final = "0x58CA52ebe0DadfdF531Cde7062e76746de4Db1eB"

_ADDRESS_CALL_WORDS: Final = (32).to_bytes(32, "big") + bytes(32)
# Solady's ERC-1967 proxies with immutable arguments, by beacon and by implementation; the length of
# the arguments is part of the code.
_BEACON_HEAD: Final = 0x6100523D8160233D3973
_BEACON_TAIL: Final = bytes.fromhex(
    "60195155f3363d3d373d3d363d602036600436635c60da"
    "1b60e01b36527fa3f0ad74e5423aebfd80d3ef4346578335a9a72aeaee59ff6c"
    "b3582b35133d50545afa5036515af43d6000803e604d573d6000fd5b3d6000f3"
)
_PLAIN_HEAD: Final = 0x61003D3D8160233D3973
_PLAIN_TAIL: Final = bytes.fromhex(
    "60095155f3363d3d373d3d363d7f360894a13ba1a3210667c828492db98dca3e2076"
    "cc3735a920a3ca505d382bbc545af43d6000803e6038573d6000fd5b3d6000f3"
)
_HEAD_BYTES: Final = 10


class WalletCandidate(msgspec.Struct, frozen=True):
    """A wallet that a key owns if it was ever created: its kind and its checksummed address."""

    signature_type: SignatureType
    address: str


def _raw(address: str) -> bytes:
    return address_word(address)[-ADDRESS_BYTES:]


def _create2(factory: str, salt: bytes, code_hash: bytes) -> str:
    return checksum_address(keccak256(b"\xff" + _raw(factory) + salt + code_hash)[-ADDRESS_BYTES:])


def proxy_wallet(address: str) -> str:
    """Return the proxy wallet of an address: accounts made with an e-mail."""
    code = b"".join(
        (
            bytes.fromhex("3d3d606380380380913d393d73"),
            _raw(PROXY_FACTORY),
            bytes.fromhex("5af4602a57600080fd5b602d8060366000396000f3363d3d373d3d3d363d73"),
            _raw(PROXY_IMPLEMENTATION),
            bytes.fromhex("5af43d82803e903d91602b57fd5bf352e831dd"),
            _ADDRESS_CALL_WORDS,
        )
    )
    return _create2(PROXY_FACTORY, keccak256(_raw(address)), keccak256(code))


def safe_wallet(address: str) -> str:
    """Return the Gnosis Safe of an address: accounts made with a browser's wallet."""
    return _create2(SAFE_FACTORY, keccak256(address_word(address)), SAFE_INIT_CODE_HASH)


def _deposit_wallet(address: str, head: int, target: str, tail: bytes) -> str:
    arguments = address_word(DEPOSIT_FACTORY) + address_word(address)
    sized_head = (head + (len(arguments) << 56)).to_bytes(_HEAD_BYTES, "big")
    code_hash = keccak256(sized_head + _raw(target) + tail + arguments)
    return _create2(DEPOSIT_FACTORY, keccak256(arguments), code_hash)


def deposit_wallet(address: str) -> str:
    """Return the deposit wallet of an address: accounts made since May 2026."""
    return _deposit_wallet(address, _BEACON_HEAD, DEPOSIT_BEACON, _BEACON_TAIL)


def first_deposit_wallet(address: str) -> str:
    """Return the deposit wallet of an address as the factory made them before it had a beacon."""
    return _deposit_wallet(address, _PLAIN_HEAD, DEPOSIT_IMPLEMENTATION, _PLAIN_TAIL)


@lru_cache(maxsize=256)
def _wallets(address: str) -> tuple[WalletCandidate, ...]:
    return (
        WalletCandidate(SignatureType.POLY_1271, deposit_wallet(address)),
        WalletCandidate(SignatureType.POLY_1271, first_deposit_wallet(address)),
        WalletCandidate(SignatureType.POLY_PROXY, proxy_wallet(address)),
        WalletCandidate(SignatureType.GNOSIS_SAFE, safe_wallet(address)),
        WalletCandidate(SignatureType.EOA, checksum_address(_raw(address))),
    )


def derived_wallets(address: str) -> list[WalletCandidate]:
    """Return every wallet the key of an address can own, the likeliest kind first.

    All five addresses exist as numbers; which of them was created and funded only the exchange
    knows. Raises InvalidValue when `address` is not 20 bytes as hex.
    """
    return list(_wallets(address))


# Every order names the same few wallets.
@lru_cache(maxsize=1024)
def owns_wallet(address: str, signature_type: int, wallet: str) -> bool:
    """Say whether a wallet of this kind follows from an address (any letter case)."""
    return any(
        candidate.signature_type == signature_type and candidate.address.lower() == wallet.lower()
        for candidate in _wallets(address.lower())
    )
