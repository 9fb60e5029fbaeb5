"""Numbers of a recording as integers, read from their text: no float touches a price or a size."""

from decimal import ROUND_HALF_UP, Decimal
from typing import TypeAlias

from polybot.domain.money import PRICE_ONE_BPS, REFERENCE_ONE_E8, SHARE

# A JSON number as the decoder hands it over: an int, or the text of a number with a fraction.
Number: TypeAlias = int | str

# A file repeats a few hundred prices and sizes; reference prices hardly ever repeat.
_MOST_REMEMBERED = 50_000


class IntegerTable(dict[Number, int]):
    """Numbers times a scale, rounded half up, each spelling computed once."""

    def __init__(self, scale: int) -> None:
        super().__init__()
        self._scale = scale

    def __missing__(self, number: Number) -> int:
        """Compute a number not seen before; ArithmeticError or ValueError when it is not one."""
        if len(self) >= _MOST_REMEMBERED:
            self.clear()
        scaled = Decimal(number) * self._scale
        value = int(scaled.to_integral_value(rounding=ROUND_HALF_UP))
        self[number] = value
        return value


class RowNumbers:
    """The tables of one reader: prices in 1e-4 dollars, sizes in micro-shares."""

    def __init__(self) -> None:
        self.prices = IntegerTable(PRICE_ONE_BPS)
        self.sizes = IntegerTable(SHARE)

    def best(self, number: Number | None) -> int | None:
        """Return a best price, None for null and for 0 and 1, which mean that the side is empty."""
        if number is None:
            return None
        value = self.prices[number]
        return value if 0 < value < PRICE_ONE_BPS else None

    def levels(self, pairs: list[tuple[Number, Number]]) -> tuple[tuple[int, int], ...]:
        """Return price and size of each level."""
        prices, sizes = self.prices, self.sizes
        return tuple([(prices[price], sizes[size]) for price, size in pairs])


def reference_e8(number: Number) -> int:
    """Return a reference price in 1e-8 dollars; ArithmeticError or ValueError otherwise."""
    scaled = Decimal(number) * REFERENCE_ONE_E8
    return int(scaled.to_integral_value(rounding=ROUND_HALF_UP))
