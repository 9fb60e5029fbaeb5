"""Keccak-256, the hash of Ethereum; its padding differs from the standard library's SHA-3."""

from functools import lru_cache

from Crypto.Hash import keccak


# Who checks an order hashes the same few things several times, at 15 us each.
@lru_cache(maxsize=256)
def keccak256(message: bytes) -> bytes:
    """Return the 32-byte Keccak-256 digest of a message."""
    return keccak.new(digest_bits=256, data=message).digest()
