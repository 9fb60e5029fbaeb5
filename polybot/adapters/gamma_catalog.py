"""Looks markets up at Gamma, the exchange's metadata service, and reads their official outcome."""

from collections import deque
from collections.abc import Callable
from datetime import datetime

from polybot.domain.market import FeeSchedule, Market, SettlementRule
from polybot.domain.money import PRICE_ONE_BPS, parse_price, parse_shares
from polybot.errors import ExchangeError, InvalidValue, ProtocolError
from polybot.exchange.classify import classify
from polybot.exchange.http_calls import HttpAnswer, HttpCall, Transport
from polybot.exchange.wire_codec import decode
from polybot.exchange.wire_gamma import GammaEvent, GammaMarket
from polybot.ports import CatalogAnswer

OK = 200
NOT_FOUND = 404


class GammaCatalog:
    """Answers come from the transport's threads; `wake` tells the service that one is there."""

    def __init__(self, transport: Transport, *, wake: Callable[[], None]) -> None:
        self._transport = transport
        self._wake = wake
        self._answers: deque[CatalogAnswer] = deque()

    def request(self, slug: str) -> None:
        """Ask for a market by its slug."""
        call = HttpCall("GET", f"/events/slug/{slug}")
        self._transport.send(call, lambda answer: self._done(slug, answer))

    def take(self) -> list[CatalogAnswer]:
        """Return the answers that arrived since the last call."""
        taken = []
        while self._answers:
            taken.append(self._answers.popleft())
        return taken

    def _done(self, slug: str, answer: HttpAnswer) -> None:
        self._answers.append(_read(slug, answer))
        self._wake()


def _read(slug: str, answer: HttpAnswer) -> CatalogAnswer:
    if answer.error is not None:
        return CatalogAnswer(slug, None, error=answer.error)
    if answer.status == NOT_FOUND:
        return CatalogAnswer(slug, None)
    try:
        if answer.status != OK:
            raise classify(answer.status, answer.body, retry_after=answer.retry_after)
        event = decode(answer.body, GammaEvent)
        listed = next((market for market in event.markets if market.slug == slug), None)
        if listed is None:
            return CatalogAnswer(slug, None)
        return CatalogAnswer(
            slug, market_of(listed), resolved=listed.winner() or "", closed=listed.closed
        )
    except (ExchangeError, ProtocolError, InvalidValue) as error:
        return CatalogAnswer(slug, None, error=error)


def market_of(listed: GammaMarket) -> Market:
    """Turn Gamma's words into a market; raises ProtocolError for what cannot be traded safely.

    Tokens and labels are matched by position, and the labels must be Up and Down, in that order.
    """
    names = listed.outcome_names()
    tokens = listed.tradable_ids()
    tradable = len(tokens) == len(names) and all(token.isdecimal() for token in tokens)
    if [name.lower() for name in names] != ["up", "down"] or not tradable:
        message = f"expected outcomes Up and Down with a token each, was {names} with {tokens}"
        raise ProtocolError(f"{listed.slug}: {message}")
    rule, lookback = _settlement(listed)
    return Market(
        slug=listed.slug,
        condition_id=listed.condition_id,
        token_up=tokens[0],
        token_down=tokens[1],
        asset=listed.slug.split("-", 1)[0],
        open_ns=_instant_ns(listed, listed.event_start_time, "eventStartTime"),
        close_ns=_instant_ns(listed, listed.end_date, "endDate"),
        version=listed.version or "",
        neg_risk=listed.neg_risk,
        tick_bps=parse_price(str(listed.order_price_min_tick_size)),
        min_size_shares=parse_shares(str(listed.order_min_size)),
        fee=_fees(listed),
        rule=rule,
        twap_lookback_s=lookback,
    )


def _settlement(listed: GammaMarket) -> tuple[SettlementRule, int]:
    config = listed.crypto_market_config
    source = (listed.resolution_source or "").lower()
    if config is not None and config.twap_lookback_seconds:
        return SettlementRule.TWAP, config.twap_lookback_seconds
    if "twap" in source:
        return SettlementRule.TWAP, 60
    if "data.chain.link" in source:
        return SettlementRule.INSTANT, 0
    return SettlementRule.UNKNOWN, 0


def _fees(listed: GammaMarket) -> FeeSchedule:
    schedule = listed.fee_schedule
    if not listed.fees_enabled or schedule is None:
        return FeeSchedule(rate_bps=0)
    try:
        rate_bps, exponent = int(schedule.rate * PRICE_ONE_BPS), int(schedule.exponent)
    except (ValueError, ArithmeticError) as error:
        message = f"{listed.slug}: expected a fee rate and exponent, was {schedule}"
        raise ProtocolError(message) from error
    return FeeSchedule(rate_bps=rate_bps, exponent=exponent, taker_only=schedule.taker_only)


def _instant_ns(listed: GammaMarket, text: str | None, field: str) -> int:
    try:
        moment = datetime.fromisoformat(text or "")
    except ValueError as error:
        message = f"{listed.slug}: expected {field} as an ISO time, was {text!r}"
        raise ProtocolError(message) from error
    if moment.tzinfo is None:
        message = f"{listed.slug}: expected {field} with a time zone, was {text!r}"
        raise ProtocolError(message)
    return int(moment.timestamp()) * 1_000_000_000
