"""The trading state is the strictest claim; each source ends its own, a halt ends by a person."""

import itertools

import pytest

from polybot.domain.trading_state import (
    OPERATOR,
    STRICTNESS,
    Claim,
    TradingState,
    add_claim,
    effective_state,
    strictest_first,
    take_back,
)

A, R, C, H = (
    TradingState.ACTIVE,
    TradingState.REDUCING,
    TradingState.RECONCILING,
    TradingState.HALTED,
)


def a_claim(source: str, state: TradingState, since_ns: int = 1, reason: str = "why") -> Claim:
    return Claim(source=source, state=state, reason=reason, since_ns=since_ns)


def claims_of(*claims: Claim) -> tuple[Claim, ...]:
    held: tuple[Claim, ...] = ()
    for claim in claims:
        held = add_claim(held, claim)
    return held


def test_nobody_claiming_anything_means_active() -> None:
    assert effective_state(()) is A


@pytest.mark.parametrize(("one", "other"), [*itertools.combinations((A, R, C, H), 2)])
def test_the_stricter_of_two_claims_wins(one: TradingState, other: TradingState) -> None:
    assert STRICTNESS[one] < STRICTNESS[other]
    both = claims_of(a_claim("trader", one), a_claim("watchdog", other))
    assert effective_state(both) is other


def test_a_repeated_claim_keeps_its_first_moment_and_its_newest_reason() -> None:
    claims = claims_of(a_claim("watchdog", R, 5, "disk"), a_claim("watchdog", R, 9, "feed"))
    assert claims == (a_claim("watchdog", R, 5, "feed"),)


def test_a_milder_wish_of_the_same_source_does_not_replace_its_halt() -> None:
    claims = claims_of(a_claim(OPERATOR, H), a_claim(OPERATOR, R))
    assert effective_state(claims) is H
    assert len(claims) == 2


def test_each_source_takes_back_its_own_claims_only() -> None:
    claims = claims_of(a_claim("watchdog", R), a_claim("tracker", R), a_claim("trader", C))
    left = take_back(claims, "watchdog")
    assert [claim.source for claim in left] == ["tracker", "trader"]
    assert effective_state(take_back(left, "trader")) is R


def test_claiming_active_is_taking_back() -> None:
    assert add_claim(claims_of(a_claim("watchdog", R)), a_claim("watchdog", A)) == ()


def test_a_halt_ends_by_the_operator_and_by_nobody_else() -> None:
    claims = claims_of(a_claim("trader", H), a_claim("watchdog", R))
    assert take_back(claims, "trader") == claims
    resumed = take_back(claims, OPERATOR)
    assert resumed == (a_claim("watchdog", R),)


def test_a_settlement_stop_waits_for_a_person_though_it_only_reduces() -> None:
    claims = claims_of(a_claim("settlement", R))
    assert take_back(claims, "settlement") == claims
    assert take_back(claims, OPERATOR) == ()


def test_claims_are_listed_strictest_and_oldest_first() -> None:
    claims = claims_of(a_claim("x", R, 7), a_claim("y", H, 9), a_claim("z", R, 3))
    assert [claim.source for claim in strictest_first(claims)] == ["y", "z", "x"]
