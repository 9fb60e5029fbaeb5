"""A market as the exchange lists it becomes ours, or is refused: what is odd is never traded.

Every refusal is a MarketRefused with one stable code and a sentence a person can act on.
"""

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from polybot.domain.fees import fee_problem
from polybot.domain.market import FeeSchedule, Market, SettlementRule
from polybot.domain.money import PRICE_ONE_BPS, parse_price, parse_shares
from polybot.domain.window import Window, parse_slug
from polybot.errors import InvalidValue, MarketRefused, ProtocolError
from polybot.exchange.token_ids import (
    DOWN_INDEX_SET,
    UP_INDEX_SET,
    ctf_token_id,
    is_protocol_id,
    protocol_position_id,
)
from polybot.exchange.wire_gamma import MARKET_VERSION_CTF, MARKET_VERSION_PROTOCOL, GammaMarket

VERSIONS: Final = (MARKET_VERSION_CTF, MARKET_VERSION_PROTOCOL)
# In 1e-4 dollars; the exchange has used these ticks (its documentation: order creation).
TICKS_BPS: Final = frozenset({1000, 100, 50, 25, 10, 1})
MOST_MIN_SHARES: Final = 10_000_000_000
TOKEN_BITS: Final = 256
# A CTF id is a hash: one with this many leading zero bits is made up.
LEAST_CTF_BITS: Final = 192
_SHORT_CONDITION: Final = 2 + 2 * 31
STREAMS: Final = "https://data.chain.link/streams/"
_TWAP_NAME: Final = re.compile(r"-twap-(?P<seconds>[0-9]{1,4})s")
LONGEST_LOOKBACK_S: Final = 600


def market_of(listed: GammaMarket) -> Market:
    """Turn Gamma's words into a market; raises MarketRefused for what must not be traded."""
    window = _window(listed)
    version = listed.version or ""
    token_up, token_down = _tokens(listed, version)
    rule, lookback_s = _settlement(listed, window)
    return Market(
        slug=listed.slug,
        condition_id=listed.condition_id,
        token_up=token_up,
        token_down=token_down,
        asset=window.series.asset,
        open_ns=window.open_ns,
        close_ns=window.close_ns,
        version=version,
        neg_risk=listed.neg_risk,
        tick_bps=tick_of(listed.slug, listed.order_price_min_tick_size),
        min_size_shares=min_size_of(listed.slug, listed.order_min_size),
        fee=_fees(listed),
        rule=rule,
        twap_lookback_s=lookback_s,
    )


def tick_of(slug: str, tick: Decimal) -> int:
    """Return a tick in 1e-4 dollars; raises MarketRefused for one the exchange never had."""
    try:
        tick_bps = parse_price(str(tick))
    except InvalidValue:
        tick_bps = 0
    if tick_bps not in TICKS_BPS or Decimal(tick_bps) / PRICE_ONE_BPS != tick:
        raise _refused(slug, "tick_size", f"expected a known tick size, was {tick}")
    return tick_bps


def min_size_of(slug: str, size: Decimal) -> int:
    """Return the smallest resting order in micro-shares; raises MarketRefused when absurd."""
    try:
        shares = parse_shares(str(size))
    except InvalidValue:
        shares = 0
    if not 0 < shares <= MOST_MIN_SHARES:
        raise _refused(slug, "min_size", f"expected a minimum of 0 to 10000 shares, was {size}")
    return shares


def fees_of(slug: str, rate: Decimal, exponent: Decimal, *, taker_only: bool) -> FeeSchedule:
    """Return a fee schedule; raises MarketRefused for a negative, absurd or inexact one."""
    problem = fee_problem(rate, exponent)
    if problem:
        raise _refused(slug, "fee_schedule", problem)
    return FeeSchedule(
        rate_bps=int(rate * PRICE_ONE_BPS), exponent=int(exponent), taker_only=taker_only
    )


def _refused(slug: str, code: str, why: str) -> MarketRefused:
    return MarketRefused(f"{slug}: {why}", code=code)


def _window(listed: GammaMarket) -> Window:
    """Return the window a slug names, once the market's own dates say the same."""
    try:
        window = parse_slug(listed.slug)
    except InvalidValue as error:
        raise _refused(listed.slug, "slug", str(error)) from error
    told = (
        _instant_ns(listed, listed.event_start_time, "eventStartTime"),
        _instant_ns(listed, listed.end_date, "endDate"),
    )
    if told != (window.open_ns, window.close_ns):
        why = (
            f"expected eventStartTime and endDate at {_utc(window.open_ns)} and "
            f"{_utc(window.close_ns)} by its slug, was {listed.event_start_time} and "
            f"{listed.end_date}"
        )
        raise _refused(listed.slug, "times", why)
    return window


def _instant_ns(listed: GammaMarket, text: str | None, field: str) -> int:
    try:
        moment = datetime.fromisoformat(text or "")
    except ValueError as error:
        why = f"expected {field} as an ISO time, was {text!r}"
        raise _refused(listed.slug, "times", why) from error
    if moment.tzinfo is None:
        why = f"expected {field} with a time zone, was {text!r}"
        raise _refused(listed.slug, "times", why)
    return int(moment.timestamp() * 1_000_000) * 1_000


def _utc(ts_ns: int) -> str:
    return f"{datetime.fromtimestamp(ts_ns // 1_000_000_000, tz=UTC):%Y-%m-%dT%H:%M:%SZ}"


def _tokens(listed: GammaMarket, version: str) -> tuple[str, str]:
    """Return the ids of Up and Down; they must follow from the condition, in that order."""
    slug = listed.slug
    if version not in VERSIONS:
        why = (
            f"expected market version 'v1' or 'v2', was {listed.version!r}; "
            "polybot must learn a new version before it trades it"
        )
        raise _refused(slug, "version", why)
    try:
        names, tokens = listed.outcome_names(), listed.tradable_ids()
    except ProtocolError as error:
        raise _refused(slug, "tokens", str(error)) from error
    if [name.lower() for name in names] != ["up", "down"] or len(tokens) != len(names):
        why = f"expected outcomes Up and Down with a token each, was {names} with {tokens}"
        raise _refused(slug, "tokens", why)
    for token in tokens:
        _check_form(slug, version, token)
    expected = _derived(listed, version)
    if tuple(tokens) == expected[::-1]:
        raise _refused(slug, "tokens_swapped", "expected the token of Up first, was that of Down")
    if tuple(tokens) != expected:
        why = (
            f"expected tokens that belong to condition {listed.condition_id}, "
            f"was {tokens[0]} and {tokens[1]}"
        )
        raise _refused(slug, "tokens_foreign", why)
    return expected


def _check_form(slug: str, version: str, token: str) -> None:
    decimal = token.isascii() and token.isdecimal() and not token.startswith("0")
    bits = int(token).bit_length() if decimal and len(token) <= TOKEN_BITS else TOKEN_BITS + 1
    is_v2 = version == MARKET_VERSION_PROTOCOL
    fits = bits <= TOKEN_BITS and (is_v2 or bits >= LEAST_CTF_BITS)
    if not fits or is_protocol_id(int(token)) is not is_v2:
        why = f"expected a 256-bit token id of a {version} market as decimal text, was {token!r}"
        raise _refused(slug, "token_id", why)


def _derived(listed: GammaMarket, version: str) -> tuple[str, str]:
    condition = listed.condition_id
    try:
        if version == MARKET_VERSION_PROTOCOL:
            # Written as 31 bytes, or as 32 that end in the zero byte where the outcome goes.
            condition += "00" if len(condition) == _SHORT_CONDITION else ""
            return protocol_position_id(condition, 0), protocol_position_id(condition, 1)
        return ctf_token_id(condition, UP_INDEX_SET), ctf_token_id(condition, DOWN_INDEX_SET)
    except (InvalidValue, ValueError) as error:
        why = f"expected a condition id of 32 bytes as 0x hex, was {condition!r}: {error}"
        raise _refused(listed.slug, "condition_id", why) from error


def _settlement(listed: GammaMarket, window: Window) -> tuple[SettlementRule, int]:
    """Return the rule by which a window settles, from its source and configuration together."""
    source = (listed.resolution_source or "").lower()
    stream = f"{STREAMS}{window.series.asset}-usd"
    if source != stream and not source.startswith(f"{stream}-"):
        why = (
            f"expected the settlement source {stream}..., was {listed.resolution_source!r}; "
            "its windows cannot be judged, take the series out of trader.series"
        )
        raise _refused(listed.slug, "settlement_source", why)
    config = listed.crypto_market_config
    told = config.twap_lookback_seconds if config is not None else None
    named = _named_lookback_s(source)
    lookback_s = (named or 0) if told is None else told
    if not 0 <= lookback_s <= LONGEST_LOOKBACK_S or lookback_s != (named or 0):
        why = (
            f"expected one settlement rule, was a look-back of {told} s "
            f"with the source {listed.resolution_source!r}"
        )
        raise _refused(listed.slug, "settlement_source", why)
    return (SettlementRule.TWAP if lookback_s else SettlementRule.INSTANT), lookback_s


def _named_lookback_s(source: str) -> int | None:
    """Return the seconds a source averages over, as its own name says; None for the instant one."""
    match = _TWAP_NAME.search(source)
    return int(match["seconds"]) if match else None


def _fees(listed: GammaMarket) -> FeeSchedule:
    schedule = listed.fee_schedule
    if not listed.fees_enabled:
        return FeeSchedule(rate_bps=0)
    if schedule is None:
        why = "expected a feeSchedule where feesEnabled says that there are fees, was none"
        raise _refused(listed.slug, "fee_schedule", why)
    return fees_of(listed.slug, schedule.rate, schedule.exponent, taker_only=schedule.taker_only)
