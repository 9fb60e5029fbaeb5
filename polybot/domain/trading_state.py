"""The trading state: what may be traded now, as the strictest of the claims of several sources."""

from collections.abc import Iterable
from enum import Enum

import msgspec

OPERATOR = "operator"
# The exchange refused an order for a reason that nothing but a person mends.
EXCHANGE_REFUSAL = "exchange_refusal"
# Sources whose claims end only when a person resumes, whatever their state.
LASTING_SOURCES = frozenset({"settlement", "emergency_pause", EXCHANGE_REFUSAL})


class TradingState(Enum):
    """What may be traded.

    ACTIVE everything the limits allow; REDUCING only what does not raise the worst-case loss;
    RECONCILING and HALTED cancels only.
    """

    ACTIVE = "ACTIVE"
    REDUCING = "REDUCING"
    RECONCILING = "RECONCILING"
    HALTED = "HALTED"


STRICTNESS: dict[TradingState, int] = {
    TradingState.ACTIVE: 0,
    TradingState.REDUCING: 1,
    TradingState.RECONCILING: 2,
    TradingState.HALTED: 3,
}


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """One source's wish for a state, since a moment of wall time; a restart keeps that moment."""

    source: str
    state: TradingState
    reason: str
    since_ns: int


Claims = tuple[Claim, ...]


def effective_state(claims: Iterable[Claim]) -> TradingState:
    """Return the strictest state claimed; ACTIVE when nobody claims anything."""
    return max(
        (claim.state for claim in claims), key=STRICTNESS.__getitem__, default=TradingState.ACTIVE
    )


def strictest_first(claims: Claims) -> Claims:
    """Return the claims in the order a person wants them: strictest first, then oldest."""
    return tuple(sorted(claims, key=lambda claim: (-STRICTNESS[claim.state], claim.since_ns)))


def add_claim(claims: Claims, claim: Claim) -> Claims:
    """Return the claims with one more.

    A source that repeats a state keeps its first moment and gives its newest reason. A halt stands
    beside the same source's other claims, so that a milder wish cannot replace it.
    """
    if claim.state is TradingState.ACTIVE:
        return take_back(claims, claim.source)
    merged: list[Claim] = []
    found = False
    for held in claims:
        same = held.source == claim.source and held.state is claim.state
        found = found or same
        merged.append(msgspec.structs.replace(held, reason=claim.reason) if same else held)
    return tuple(merged) if found else (*merged, claim)


def ends_only_by_person(claim: Claim) -> bool:
    """Return whether its own source cannot take the claim back."""
    return claim.state is TradingState.HALTED or claim.source in LASTING_SOURCES


def take_back(claims: Claims, source: str) -> Claims:
    """Return the claims without those this source may end.

    A process ends its own, except a halt. The operator ends the operator's own, and everything
    that waits for a person; what other sources still claim by themselves stays.
    """
    if source == OPERATOR:
        return tuple(c for c in claims if c.source != OPERATOR and not ends_only_by_person(c))
    return tuple(c for c in claims if c.source != source or ends_only_by_person(c))
