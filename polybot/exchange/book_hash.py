"""The hash by which the exchange identifies a state of a book: an integrity check."""

import hashlib

import msgspec

from polybot.exchange.wire_codec import encode
from polybot.exchange.wire_market import BookAnswer


def book_hash(book: BookAnswer) -> str:
    """Return the hash of a book: SHA-1 of its compact JSON with an empty hash.

    The key order is that of BookAnswer (official client: generate_orderbook_summary_hash).
    """
    unhashed = encode(msgspec.structs.replace(book, hash=""))
    # An identifier chosen by the exchange, no protection against forgery.
    return hashlib.sha1(unhashed, usedforsecurity=False).hexdigest()
