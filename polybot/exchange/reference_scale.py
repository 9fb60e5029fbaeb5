"""Reference prices of the wire as integers: their spellings, and the two scales they come in."""

from decimal import Decimal
from typing import Final

from polybot.domain.money import parse_reference
from polybot.errors import InvalidValue

NS_PER_MS: Final = 1_000_000
# Recorded legacy frames carry 76211.8001656001 dollars as "76211800165600190000000".
_WHOLE_DIGITS_MOST: Final = 12
_SCALE: Final = -18


def reference_e8(full_accuracy: str, value: Decimal | None) -> int | None:
    """Return a price in 1e-8 dollars, None when neither spelling of it is there.

    `full_accuracy` wins: dollars as a decimal, or, without a point and with more digits than
    dollars have, dollars times 1e18. Raises InvalidValue for what is no positive number.
    """
    if full_accuracy:
        scaled = full_accuracy.isdecimal() and len(full_accuracy) > _WHOLE_DIGITS_MOST
        text = str(Decimal(full_accuracy).scaleb(_SCALE)) if scaled else full_accuracy
    elif value is not None:
        text = str(value)
    else:
        return None
    price = parse_reference(text)
    if price <= 0:
        raise InvalidValue(f"expected a price above 0, was {text}")
    return price


def milliseconds_ns(stamp: int | str) -> int:
    """Return a time in milliseconds as nanoseconds; InvalidValue when it is not a number."""
    text = str(stamp)
    if not text.isdecimal():
        raise InvalidValue(f"expected a time in milliseconds, was {text!r}")
    return int(text) * NS_PER_MS
