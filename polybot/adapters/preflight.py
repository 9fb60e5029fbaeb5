"""Reads account and market at the exchange before a window: clock, version, ban, funds, listing."""

import logging
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeVar
from urllib.parse import urlsplit

import msgspec

from polybot.domain.market import FeeSchedule, Market
from polybot.domain.preflight import ListedAtClob, PreflightFacts
from polybot.errors import MarketRefused, PolybotError, ProtocolError
from polybot.exchange.answers import body_of
from polybot.exchange.balance_query import balance_query
from polybot.exchange.contracts import order_domain
from polybot.exchange.http_calls import HttpAnswer, HttpCall, Transport
from polybot.exchange.l2_auth import RequestSigner
from polybot.exchange.market_listing import fees_of, min_size_of, tick_of
from polybot.exchange.wire_account import BalanceAllowance
from polybot.exchange.wire_codec import decode
from polybot.exchange.wire_market import ShortMarket, VersionAnswer
from polybot.ports import Clock

logger = logging.getLogger(__name__)

SECOND_NS = 1_000_000_000
HALF_SECOND_NS = SECOND_NS // 2
# An answer that took this long says too little about either clock.
SLOWEST_NS = 2 * SECOND_NS
# An unlimited allowance is 2**256 - 1: beyond a billion dollars the figure says nothing more.
UNLIMITED_USDC = 10**15
# A machine seldom moves to another country.
REGION_NS = 3600 * SECOND_NS

Wire = TypeVar("Wire")
Use = Callable[[HttpAnswer], dict[str, Any]]


class ClosedOnlyAnswer(msgspec.Struct, frozen=True):
    """The answer of GET /auth/ban-status/closed-only."""

    closed_only: bool


class RegionAnswer(msgspec.Struct, frozen=True):
    """The answer of the exchange's page about a machine's region."""

    blocked: bool
    country: str = ""
    region: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PreflightWays:
    """How the exchange is reached: `region` None where nobody is asked for the region.

    `signer` is None before the login.
    """

    reads: Transport
    region: Transport | None
    region_url: Callable[[], str | None]
    signer: Callable[[], RequestSigner | None]
    signature_type: int
    clock: Clock
    wake: Callable[[], None]


class _Job(msgspec.Struct):
    """One window's reading; answers come in any order, in the transports' threads."""

    market: Market
    lock: threading.Lock = msgspec.field(default_factory=threading.Lock)
    waiting: int = 0
    told: dict[str, Any] = msgspec.field(default_factory=dict)
    failures: dict[str, str] = msgspec.field(default_factory=dict)


class ExchangePreflight:
    """Asks for everything at once; the last answer completes the facts of a window."""

    def __init__(self, ways: PreflightWays) -> None:
        self._ways = ways
        self._answers: deque[PreflightFacts] = deque()
        self._under_way: set[str] = set()
        self._region: tuple[int, bool] | None = None

    def request(self, market: Market) -> None:
        """Read everything once for a window; an unfinished question of the same is not repeated."""
        signer = self._ways.signer()
        if signer is None or market.slug in self._under_way:
            return
        self._under_way.add(market.slug)
        job = _Job(market)
        questions = self._questions(market, signer)
        job.waiting = len(questions)
        for check, transport, call, use in questions:
            transport.send(call, self._taker(job, check, use))

    def refresh_balance(self, token_id: str) -> None:
        """Have the exchange read a token's balance, "" for the collateral, from the chain again."""
        signer = self._ways.signer()
        if signer is not None:
            query = balance_query(token_id, self._ways.signature_type)
            self._ways.reads.send(self._signed(signer, "/balance-allowance/update", query), _note)

    def take(self) -> list[PreflightFacts]:
        """Return what was read since the last call."""
        taken = []
        while self._answers:
            taken.append(self._answers.popleft())
            self._under_way.discard(taken[-1].slug)
        return taken

    def _questions(
        self, market: Market, signer: RequestSigner
    ) -> list[tuple[str, Transport, HttpCall, Use]]:
        reads = self._ways.reads
        closed_only = self._signed(signer, "/auth/ban-status/closed-only", {})
        funds = self._signed(
            signer, "/balance-allowance", balance_query("", self._ways.signature_type)
        )
        listing = HttpCall("GET", f"/clob-markets/{market.condition_id}")
        questions: list[tuple[str, Transport, HttpCall, Use]] = [
            ("clock", reads, HttpCall("GET", "/time"), self._clock_reader()),
            ("version", reads, HttpCall("GET", "/version"), _version),
            ("closed_only", reads, closed_only, _closed_only),
            ("allowance", reads, funds, _funds_reader(market)),
            ("market", reads, listing, _listing_reader(market)),
        ]
        region = self._ways.region
        if region is not None and self._known_region() is None:
            path = urlsplit(self._ways.region_url() or "").path or "/"
            questions.append(("region", region, HttpCall("GET", path), self._read_region))
        return questions

    def _taker(self, job: _Job, check: str, use: Use) -> Callable[[HttpAnswer], None]:
        def done(answer: HttpAnswer) -> None:
            try:
                found, failure = use(answer), ""
            except PolybotError as error:
                found, failure = {}, str(error)
            with job.lock:
                job.told |= found
                if failure:
                    job.failures[check] = failure
                job.waiting -= 1
                if job.waiting:
                    return
            self._finish(job)

        return done

    def _finish(self, job: _Job) -> None:
        known = self._known_region()
        self._answers.append(
            PreflightFacts(slug=job.market.slug, failures=job.failures, blocked=known, **job.told)
        )
        self._ways.wake()

    def _signed(self, signer: RequestSigner, path: str, query: dict[str, str]) -> HttpCall:
        headers = signer.headers(self._ways.clock.now_ns() // SECOND_NS, "GET", path)
        return HttpCall("GET", path, query=query, headers=headers)

    def _clock_reader(self) -> Use:
        clock = self._ways.clock
        sent_ns = clock.monotonic_ns()

        def read(answer: HttpAnswer) -> dict[str, Any]:
            told = body_of(answer).strip()
            took_ns = clock.monotonic_ns() - sent_ns
            if not told.isdigit():
                raise ProtocolError(f"expected the exchange's time in seconds, was {told[:40]!r}")
            if took_ns > SLOWEST_NS:
                raise ProtocolError(f"expected an answer within 2 s, took {took_ns / 1e9:.1f} s")
            # The exchange tells whole seconds, rounded down.
            theirs_ns = int(told) * SECOND_NS + HALF_SECOND_NS + took_ns // 2
            return {"skew_s": (clock.now_ns() - theirs_ns) / SECOND_NS}

        return read

    def _known_region(self) -> bool | None:
        known = self._region
        fresh = known is not None and self._ways.clock.monotonic_ns() - known[0] < REGION_NS
        return known[1] if known is not None and fresh else None

    def _read_region(self, answer: HttpAnswer) -> dict[str, Any]:
        told = _decoded(answer, RegionAnswer)
        self._region = (self._ways.clock.monotonic_ns(), told.blocked)
        return {}


def _decoded(answer: HttpAnswer, wanted: type[Wire]) -> Wire:
    return decode(body_of(answer), wanted)


def _version(answer: HttpAnswer) -> dict[str, Any]:
    return {"version": _decoded(answer, VersionAnswer).version}


def _closed_only(answer: HttpAnswer) -> dict[str, Any]:
    return {"closed_only": _decoded(answer, ClosedOnlyAnswer).closed_only}


def _funds_reader(market: Market) -> Use:
    """Return the reader of balance and of what the contract that settles this market may spend."""
    contract = order_domain(market.version, neg_risk=market.neg_risk).verifying_contract.lower()

    def read(answer: HttpAnswer) -> dict[str, Any]:
        told = _decoded(answer, BalanceAllowance)
        allowances = {spender.lower(): amount for spender, amount in told.allowances.items()}
        try:
            # Where our contract is not named, any other's allowance would say nothing of ours.
            return {
                "balance_usdc": int(told.balance),
                "allowance_usdc": min(int(allowances.get(contract, "0")), UNLIMITED_USDC),
            }
        except ValueError as error:
            raise ProtocolError(f"expected whole numbers, was {told}") from error

    return read


def _listing_reader(market: Market) -> Use:
    def read(answer: HttpAnswer) -> dict[str, Any]:
        return {"listed": _listed(market.slug, _decoded(answer, ShortMarket))}

    return read


def _listed(slug: str, told: ShortMarket) -> ListedAtClob:
    fees = told.fees
    rate = Decimal(0) if fees is None else fees.rate or Decimal(0)
    exponent = Decimal(1) if fees is None or fees.exponent is None else fees.exponent
    taker_only = fees is None or fees.taker_only is not False
    try:
        fee = fees_of(slug, rate, exponent, taker_only=taker_only) if rate else NO_FEE
        return ListedAtClob(
            token_ids=tuple(token.token_id for token in told.tokens if token is not None),
            tick_bps=tick_of(slug, told.tick_size),
            min_size_shares=min_size_of(slug, told.min_order_size),
            neg_risk=told.neg_risk,
            fee=fee,
        )
    except MarketRefused as error:
        return ListedAtClob(refusal=str(error))


NO_FEE = FeeSchedule(rate_bps=0)


def _note(answer: HttpAnswer) -> None:
    """Say when the balance could not be refreshed: the next snapshot shows what it is."""
    try:
        body_of(answer)
    except PolybotError as error:
        logger.info("the exchange did not refresh the balance: %s", error)
