"""Fixed-point money: prices in 1e-4 dollars, shares and dollars in 1e-6, reference prices in 1e-8.

Inside polybot every amount is an integer; the name's suffix says the unit (`_bps`, `_shares`,
`_usdc`, `_e8`). `Decimal` appears only in the parse and format functions below, at the edge where
a person or a wire format reads or writes the number.
"""

from decimal import ROUND_HALF_UP, Decimal

from polybot.errors import InvalidValue

PRICE_ONE_BPS = 10_000
SHARE = 1_000_000
DOLLAR_USDC = 1_000_000
REFERENCE_ONE_E8 = 100_000_000


def _scaled(text: str, scale: int, what: str) -> int:
    try:
        value = Decimal(text) * scale
    except ArithmeticError as error:
        raise InvalidValue(f"expected {what} as a decimal number, was {text!r}") from error
    if not value.is_finite():
        raise InvalidValue(f"expected {what} as a finite number, was {text!r}")
    return int(value.to_integral_value(rounding=ROUND_HALF_UP))


def parse_price(text: str) -> int:
    """Parse a price in dollars ("0.95") into 1e-4 dollars; range 0..10000."""
    value = _scaled(text, PRICE_ONE_BPS, "a price")
    if not 0 <= value <= PRICE_ONE_BPS:
        raise InvalidValue(f"expected a price between 0 and 1, was {text!r}")
    return value


def parse_shares(text: str) -> int:
    """Parse a number of shares ("25", "11.034481") into micro-shares."""
    return _scaled(text, SHARE, "a number of shares")


def parse_usdc(text: str) -> int:
    """Parse dollars ("12.5") into micro-dollars."""
    return _scaled(text, DOLLAR_USDC, "an amount of dollars")


def parse_reference(text: str) -> int:
    """Parse a reference price in dollars ("71485.23965784832") into 1e-8 dollars."""
    return _scaled(text, REFERENCE_ONE_E8, "a reference price")


def _decimal(value: int, scale: int) -> str:
    quotient = Decimal(value) / scale
    text = format(quotient, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def format_price(value_bps: int) -> str:
    """Write a price as the shortest decimal string in dollars."""
    return _decimal(value_bps, PRICE_ONE_BPS)


def format_shares(value_shares: int) -> str:
    """Write micro-shares as the shortest decimal string in shares."""
    return _decimal(value_shares, SHARE)


def format_usdc(value_usdc: int) -> str:
    """Write micro-dollars as the shortest decimal string in dollars."""
    return _decimal(value_usdc, DOLLAR_USDC)


def format_reference(value_e8: int) -> str:
    """Write a reference price as the shortest decimal string in dollars."""
    return _decimal(value_e8, REFERENCE_ONE_E8)


def notional_usdc(price: int, size: int) -> int:
    """Return price x size in micro-dollars, rounded down to the micro-dollar.

    `price` is in 1e-4 dollars, `size` in micro-shares. The simulated exchange and the trader's own
    books use this one function, so their cash agrees to the micro-dollar.
    """
    return price * size // PRICE_ONE_BPS


def floor_to_tick(price: int, tick: int) -> int:
    """Round a price down to the market's tick; both in 1e-4 dollars."""
    return price - price % tick


def ceil_to_tick(price: int, tick: int) -> int:
    """Round a price up to the market's tick; both in 1e-4 dollars."""
    return -(-price // tick) * tick
