"""The exchange's public routes as a person's checks ask them: one question, one answer."""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec

from polybot.errors import NotFound, OutcomeUnknown
from polybot.exchange.answers import body_of
from polybot.exchange.http_calls import HttpAnswer, HttpCall
from polybot.exchange.wire_codec import decode
from polybot.exchange.wire_market import BookAnswer, ShortMarket, VersionAnswer
from polybot.ports import Clock

NOT_FOUND = 404
SECOND_NS = 1_000_000_000

# Sends one request and waits for its answer, or for one that carries the error.
Ask = Callable[[HttpCall], HttpAnswer]


class Place(msgspec.Struct, frozen=True):
    """Where the exchange sees this machine, and whether it may trade from there."""

    blocked: bool
    country: str


class ExchangeProbe:
    """Asks the CLOB's host; raises ExchangeError, or ProtocolError for an unreadable body."""

    def __init__(self, ask: Ask, clock: Clock) -> None:
        self._ask = ask
        self._clock = clock

    def version(self) -> int:
        """Return the order version the exchange takes."""
        return decode(self._get("/version"), VersionAnswer).version

    def skew_s(self) -> float:
        """Return our wall time minus the exchange's, in seconds, within half a second."""
        began_ns = self._clock.monotonic_ns()
        told = self._get("/time").strip()
        took_ns = self._clock.monotonic_ns() - began_ns
        if not told.isdigit():
            raise OutcomeUnknown(f"expected the time in seconds, was {told[:40]!r}")
        # Whole seconds, rounded down: half a second is the best guess of the rest.
        theirs_ns = int(told) * SECOND_NS + SECOND_NS // 2 + took_ns // 2
        return (self._clock.now_ns() - theirs_ns) / SECOND_NS

    def fees(self, condition_id: str) -> tuple[Decimal, Decimal]:
        """Return fee rate and exponent as the CLOB itself names them for a market."""
        fees = decode(self._get(f"/clob-markets/{condition_id}"), ShortMarket).fees
        if fees is None or fees.rate is None:
            return (Decimal(0), Decimal(1))
        return (fees.rate, Decimal(1) if fees.exponent is None else fees.exponent)

    def book(self, token_id: str) -> BookAnswer:
        """Return a token's book; NotFound before trading begins and after it ended."""
        return decode(self._get("/book", {"token_id": token_id}), BookAnswer)

    def _get(self, path: str, query: dict[str, str] | None = None) -> bytes:
        return _found(self._ask(HttpCall("GET", path, query=query or {})), path)


def read_place(answer: HttpAnswer) -> Place:
    """Return what the geoblock route says; raises ExchangeError."""
    try:
        told: dict[str, Any] = json.loads(_found(answer, "geoblock"))
        return Place(blocked=bool(told["blocked"]), country=str(told.get("country", "?")))
    except (ValueError, KeyError, TypeError) as error:
        shown = answer.body[:100].decode(errors="replace")
        raise OutcomeUnknown(f"geoblock: expected blocked true or false, was {shown}") from error


def _found(answer: HttpAnswer, what: str) -> bytes:
    if answer.status == NOT_FOUND:
        raise NotFound(f"{what}: not found", status=NOT_FOUND)
    return body_of(answer)
