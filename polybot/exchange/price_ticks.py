"""Prices and sizes of the wire as integers: every spelling of a price is parsed once."""

from typing import Final

from polybot.domain.money import PRICE_ONE_BPS, parse_price, parse_shares
from polybot.errors import InvalidValue

# ".48", "0.48", "0.480" and "0.4800" are spellings of one price; longer ones are not remembered.
_LONGEST_SPELLING: Final = 6
_SHARE_DECIMALS: Final = 6
_NOTHING: Final = ("0", "")
# What digits with so many of them behind the point are worth in micro-shares.
_SHARE_SCALES: Final = (1_000_000, 100_000, 10_000, 1_000, 100, 10, 1)


class PriceTable(dict[str, int]):
    """Prices in 1e-4 dollars by their spelling; one lookup for a spelling seen before.

    A miss is parsed in decimal (half up to the 1e-4 grid) and remembered, so the table holds at
    most the spellings of the grid. Raises InvalidValue for text that is no price in 0..1.
    """

    def __missing__(self, text: str) -> int:
        """Parse a new spelling and remember it."""
        value = parse_price(text)
        if len(text) <= _LONGEST_SPELLING:
            self[text] = value
        return value


PRICE_BPS: Final = PriceTable()


def best_price(text: str) -> int | None:
    """Return a best price of the wire in 1e-4 dollars; "", 0 and 1 mean that the side is empty."""
    value = PRICE_BPS[text] if text else 0
    return value if 0 < value < PRICE_ONE_BPS else None


def size_shares(text: str) -> int:
    """Parse a size of the wire ("15.31") into micro-shares; "" is 0, as in some user events."""
    # A level that goes is the most frequent size of all.
    if text in _NOTHING:
        return 0
    whole, _, decimals = text.partition(".")
    digits = whole + decimals
    if digits.isdecimal() and len(decimals) <= _SHARE_DECIMALS:
        return int(digits) * _SHARE_SCALES[len(decimals)]
    value = parse_shares(text)
    if value < 0:
        raise InvalidValue(f"expected a size of at least 0, was {text!r}")
    return value
