"""Spellings the exchange also uses: statuses with a prefix, and fields that are empty or null."""

import re
from typing import Final

_STATUS: Final = re.compile(
    rb'"status":"(LIVE|MATCHED|DELAYED|UNMATCHED|CANCELED|INVALID|MINED|CONFIRMED|RETRYING|FAILED)"'
)
_EMPTIED: Final = (
    (re.compile(rb'"size_matched":"0"'), b'"size_matched":""'),
    (re.compile(rb'"expiration":"0"'), b'"expiration":null'),
    (re.compile(rb'"associate_trades":\[\]'), b'"associate_trades":null'),
    (re.compile(rb'"created_at":\d+'), b'"created_at":""'),
)


def long_statuses(data: bytes, prefix: bytes) -> bytes:
    """Spell statuses as the newer documentation does; `prefix` is ORDER or TRADE."""
    return _STATUS.sub(rb'"status":"' + prefix + rb'_STATUS_\1"', data)


def empty_fields(data: bytes) -> bytes:
    """Write "" and null where the exchange has nothing to say about an order."""
    for pattern, empty in _EMPTIED:
        data = pattern.sub(empty, data)
    return data
