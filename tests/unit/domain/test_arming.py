"""Arming: what it is worth at a moment, and what it takes."""

from typing import Any

import pytest

from polybot.domain.arming import (
    CLOCK_SLACK_NS,
    DAY_NS,
    HOUR_NS,
    Arming,
    ArmingState,
    LiveOrderProof,
    judge,
    parse_ttl_ns,
    proven_versions,
    unproven,
    with_proof,
)
from polybot.errors import InvalidValue

NOW = 1_800_000_000_000_000_000
FUNDER = "0xAbC"


def arming(**changes: Any) -> Arming:
    values: dict[str, Any] = {
        "funder": FUNDER,
        "signature_type": 3,
        "versions": ("v1",),
        "armed_ns": NOW,
        "expires_ns": NOW + DAY_NS,
        "by": "me",
    }
    return Arming(**(values | changes))


def state(given: Arming | None, at_ns: int, funder: str = FUNDER, kind: int = 3) -> ArmingState:
    return judge(given, funder=funder, signature_type=kind, now_ns=at_ns).state


def proof(**changes: Any) -> LiveOrderProof:
    values: dict[str, Any] = {
        "signature_type": 3,
        "version": "v1",
        "funder": FUNDER,
        "order_id": "0xAA",
        "order_hash": "0xaa",
        "placed_ns": NOW,
    }
    return LiveOrderProof(**(values | changes))


def test_nothing_is_allowed_without_an_arming() -> None:
    verdict = judge(None, funder=FUNDER, signature_type=3, now_ns=NOW)
    assert verdict.state is ArmingState.NOT_ARMED
    assert not verdict.allows_entries
    assert "polybot arm" in verdict.detail


@pytest.mark.parametrize(
    ("after_ns", "expected", "warnings"),
    [
        (0, ArmingState.ARMED, 0),
        (DAY_NS - DAY_NS // 10 - 1, ArmingState.ARMED, 0),
        (DAY_NS - DAY_NS // 10, ArmingState.EXPIRING, 1),
        (DAY_NS - HOUR_NS, ArmingState.EXPIRING, 2),
        (DAY_NS - 1, ArmingState.EXPIRING, 2),
        (DAY_NS, ArmingState.EXPIRED, 2),
    ],
)
def test_it_warns_at_a_tenth_and_at_an_hour_before_it_ends(
    after_ns: int, expected: ArmingState, warnings: int
) -> None:
    verdict = judge(arming(), funder=FUNDER, signature_type=3, now_ns=NOW + after_ns)
    assert (verdict.state, verdict.warnings) == (expected, warnings)
    assert verdict.allows_entries is (expected is not ArmingState.EXPIRED)


def test_one_without_an_end_lasts() -> None:
    forever = arming(expires_ns=0)
    assert state(forever, NOW + 400 * DAY_NS) is ArmingState.ARMED


def test_another_wallet_or_kind_is_not_armed_by_it() -> None:
    assert state(arming(), NOW, funder=FUNDER.upper().replace("X", "x")) is ArmingState.ARMED
    assert state(arming(), NOW, funder="0xdef") is ArmingState.REFUSED
    assert state(arming(), NOW, kind=0) is ArmingState.REFUSED


def test_a_key_that_cannot_sign_for_the_wallet_is_not_armed_by_it() -> None:
    problem = "not one of the key's wallets; run: polybot init"
    verdict = judge(arming(), funder=FUNDER, signature_type=3, now_ns=NOW, wallet_problem=problem)
    assert (verdict.state, verdict.detail) == (ArmingState.REFUSED, problem)
    assert not verdict.allows_entries


def test_a_clock_set_back_does_not_make_it_last_longer() -> None:
    assert state(arming(), NOW - CLOCK_SLACK_NS) is ArmingState.ARMED
    assert state(arming(), NOW - CLOCK_SLACK_NS - 1) is ArmingState.REFUSED


def test_a_file_somebody_stretched_is_refused() -> None:
    assert state(arming(expires_ns=NOW + 31 * DAY_NS), NOW) is ArmingState.REFUSED


@pytest.mark.parametrize(
    ("text", "hours"), [("1h", 1), ("24h", 24), ("90m", 1.5), ("7d", 168), (" 30D ", 720)]
)
def test_a_time_to_live_is_read(text: str, hours: float) -> None:
    assert parse_ttl_ns(text) == int(hours * HOUR_NS)


@pytest.mark.parametrize("text", ["", "h", "24", "59m", "31d", "-1d", "1.5h", "\u0661h", "1w"])
def test_a_time_outside_an_hour_and_thirty_days_is_refused(text: str) -> None:
    with pytest.raises(InvalidValue):
        parse_ttl_ns(text)


def test_only_equal_ids_of_this_wallet_prove_a_version() -> None:
    proofs = (
        proof(),
        proof(version="v2", order_id="0xbb"),
        proof(version="v3", signature_type=0),
        proof(version="v4", funder="0xother"),
        proof(version="v5", order_id="", order_hash=""),
    )
    assert proven_versions(proofs, funder=FUNDER.lower(), signature_type=3) == ("v1",)


def test_a_newer_proof_replaces_one_of_the_same_kind() -> None:
    newer = proof(placed_ns=NOW + 1)
    other = proof(version="v2")
    assert with_proof((proof(), other), newer) == (other, newer)


def test_versions_nobody_tried_are_named() -> None:
    assert unproven(arming(), {"v1", "v2"}) == ("v2",)
    assert unproven(arming(), set()) == ()
