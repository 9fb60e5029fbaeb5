"""Numbers as the exchange writes them: decimal text, made quickly for many levels a second."""

from functools import cache, lru_cache

from polybot.domain.money import SHARE, format_price

_DECIMALS = 6


@cache
def price_text(price_bps: int) -> str:
    """Write a price as decimal text in dollars."""
    return format_price(price_bps)


@lru_cache(maxsize=65_536)
def amount_text(amount: int) -> str:
    """Write micro-shares or micro-dollars as decimal text, without needless zeros."""
    whole, rest = divmod(amount, SHARE)
    if not rest:
        return str(whole)
    return f"{whole}.{rest:0{_DECIMALS}d}".rstrip("0")


def seconds_text(ts_ns: int) -> str:
    """Write a time as whole UTC seconds."""
    return str(ts_ns // 1_000_000_000)


def milliseconds_text(ts_ns: int) -> str:
    """Write a time as whole UTC milliseconds."""
    return str(ts_ns // 1_000_000)
