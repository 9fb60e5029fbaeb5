"""Preflight: whether a window may be entered, by what the exchange says just before it opens.

Pure: what was read comes in, objections come out. A window without objections may be entered.
"""

from collections.abc import Callable

import msgspec

from polybot.domain.market import FeeSchedule, Market

# By market version, the exchange's own versions (GET /version) our signatures are made for.
EXCHANGE_VERSIONS = {"v1": frozenset({2}), "v2": frozenset({2, 3})}
# The exchange takes no order of less (the exchange's documentation: order creation).
LEAST_ALLOWANCE_USDC = 1_000_000

Figures = dict[str, str | int | float | bool | None]


class ListedAtClob(msgspec.Struct, frozen=True, kw_only=True):
    """A market as the order book's own service lists it; `refusal` says why it cannot be used."""

    token_ids: tuple[str, ...] = ()
    tick_bps: int = 0
    min_size_shares: int = 0
    neg_risk: bool = False
    fee: FeeSchedule | None = None
    refusal: str = ""


class PreflightFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What was read for one window; None where it was not, `failures` says why by check.

    `skew_s` is our wall time minus the exchange's. Money in micro-dollars. `blocked` is whether
    this machine's region may not trade; it is None where nobody was asked.
    """

    slug: str
    skew_s: float | None = None
    version: int | None = None
    closed_only: bool | None = None
    balance_usdc: int | None = None
    allowance_usdc: int | None = None
    listed: ListedAtClob | None = None
    blocked: bool | None = None
    failures: dict[str, str] = msgspec.field(default_factory=dict)


class Objection(msgspec.Struct, frozen=True):
    """Why a window is not entered: which check, what was found, and what a person can do."""

    check: str
    reason: str

    def __str__(self) -> str:
        """Return the line a person reads."""
        return f"{self.check}: {self.reason}"


def objections(
    facts: PreflightFacts, market: Market, *, max_skew_s: float
) -> tuple[Objection, ...]:
    """Judge what was read for a window; an unread check objects too."""
    found = [Objection(check, f"could not be read: {why}") for check, why in facts.failures.items()]
    for check, judge in _CHECKS:
        reason = "" if check in facts.failures else judge(facts, market, max_skew_s)
        if reason:
            found.append(Objection(check, reason))
    return tuple(found)


def figures(facts: PreflightFacts) -> Figures:
    """Return what was read as the journal keeps it."""
    listed = facts.listed or ListedAtClob()
    fee = listed.fee or FeeSchedule(rate_bps=0)
    return {
        "skew_s": None if facts.skew_s is None else round(facts.skew_s, 2),
        "version": facts.version,
        "closed_only": facts.closed_only,
        "balance_usdc": facts.balance_usdc,
        "allowance_usdc": facts.allowance_usdc,
        "blocked": facts.blocked,
        "tick_bps": listed.tick_bps or None,
        "fee_rate_bps": fee.rate_bps,
    }


def _clock(facts: PreflightFacts, _: Market, max_skew_s: float) -> str:
    skew = facts.skew_s
    if skew is None or abs(skew) <= max_skew_s:
        return ""
    return (
        f"expected within {max_skew_s:g} s of the exchange's, was {skew:+.1f} s: "
        "set this machine's clock (timedatectl set-ntp true)"
    )


def _version(facts: PreflightFacts, market: Market, _: float) -> str:
    expected = EXCHANGE_VERSIONS.get(market.version, frozenset())
    if facts.version is None or facts.version in expected:
        return ""
    words = " or ".join(map(str, sorted(expected))) or "one we know"
    return f"expected exchange version {words}, was {facts.version}: update polybot"


def _closed_only(facts: PreflightFacts, _: Market, __: float) -> str:
    return "the account may only sell and cancel" if facts.closed_only else ""


def _region(facts: PreflightFacts, _: Market, __: float) -> str:
    return "the exchange does not serve this machine's region" if facts.blocked else ""


def _allowance(facts: PreflightFacts, _: Market, __: float) -> str:
    allowed = facts.allowance_usdc
    if allowed is None or allowed >= LEAST_ALLOWANCE_USDC:
        return ""
    return (
        f"the exchange may spend ${allowed / 1e6:.2f} of this wallet: "
        "approve it (polybot wallet approve)"
    )


def _market(facts: PreflightFacts, market: Market, _: float) -> str:
    listed = facts.listed
    if listed is None:
        return ""
    if listed.refusal:
        return listed.refusal
    if set(listed.token_ids) != {market.token_up, market.token_down}:
        return "the order book's service lists other tokens than the catalog"
    if listed.neg_risk is not market.neg_risk:
        return "order book and catalog disagree about neg risk, which decides the contract"
    return ""


def _fee(facts: PreflightFacts, market: Market, _: float) -> str:
    fee = facts.listed.fee if facts.listed else None
    if fee is None or fee == market.fee:
        return ""
    told, listed = (_fee_words(each) for each in (market.fee, fee))
    return f"the catalog says {told}, the order book's service {listed}"


def _fee_words(fee: FeeSchedule) -> str:
    who = "takers" if fee.taker_only else "everybody"
    return f"rate {fee.rate_bps / 1e4:g} exponent {fee.exponent} for {who}"


_CHECKS: tuple[tuple[str, Callable[[PreflightFacts, Market, float], str]], ...] = (
    ("clock", _clock),
    ("version", _version),
    ("closed_only", _closed_only),
    ("region", _region),
    ("allowance", _allowance),
    ("market", _market),
    ("fee", _fee),
)
CHECKS = tuple(check for check, _ in _CHECKS)
