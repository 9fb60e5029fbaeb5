"""Requests are counted against their signer, and told how much is left."""

import pytest

from polybot.simulator.api.rate_limits import (
    CANCELS,
    ORDERS,
    Admission,
    Bucket,
    LimitMode,
    RateLimits,
)

S = 1_000_000_000
NOW = 1_800_000_000 * S


def taken(
    limits: RateLimits,
    cost: int = 1,
    *,
    at_s: float = 0,
    bucket: Bucket = ORDERS,
    signer: str = "0xA",
) -> Admission:
    at_ns = int(at_s * S)
    return limits.take(signer, bucket, cost, mono_ns=at_ns, wall_ns=NOW + at_ns)


def test_item_15_a_burst_of_60_orders_then_40_a_second() -> None:
    limits = RateLimits(LimitMode.ENFORCE)
    assert sum(taken(limits).admitted for _ in range(100)) == 60
    assert sum(taken(limits, at_s=0.5).admitted for _ in range(100)) == 20
    assert sum(taken(limits, at_s=10).admitted for _ in range(100)) == 60


def test_item_15_a_refusal_says_how_much_is_left_and_when_to_come_again() -> None:
    limits = RateLimits(LimitMode.ENFORCE)
    first = taken(limits, 59)
    assert first.headers == {
        "Poly-RateLimit-Remaining": "1",
        "Poly-RateLimit-Reset": "1800000000",
        "Poly-RateLimit-Tier": "standard",
    }
    refused = taken(limits, 15)
    assert not refused.admitted
    assert refused.headers["Poly-RateLimit-Remaining"] == "1"
    assert refused.headers["Retry-After"] == "1"
    assert refused.headers["Poly-RateLimit-Reset"] == "1800000001"


def test_item_15_a_batch_is_admitted_whole_or_not_at_all() -> None:
    limits = RateLimits(LimitMode.ENFORCE)
    assert taken(limits, 50).admitted
    assert not taken(limits, 15).admitted
    assert taken(limits, 10).admitted


def test_item_15_cancels_may_leave_a_debt() -> None:
    limits = RateLimits(LimitMode.ENFORCE)
    cancel_all = taken(limits, 201, bucket=CANCELS)
    assert cancel_all.admitted
    assert cancel_all.headers["Poly-RateLimit-Remaining"] == "-81"
    assert not taken(limits, bucket=CANCELS, at_s=1).admitted
    assert taken(limits, bucket=CANCELS, at_s=1.1).admitted


def test_signers_and_kinds_do_not_share() -> None:
    limits = RateLimits(LimitMode.ENFORCE)
    assert taken(limits, 60).admitted
    assert taken(limits, 60, signer="0xb").admitted
    assert taken(limits, 60, bucket=CANCELS).admitted
    assert not taken(limits, signer="0xa").admitted


def test_item_15_a_warning_lets_everything_pass_and_says_so() -> None:
    limits = RateLimits(LimitMode.WARN)
    answers = [taken(limits) for _ in range(61)]
    assert all(answer.admitted for answer in answers)
    warned = ["Poly-RateLimit-Warning" in answer.headers for answer in answers]
    assert warned == [False] * 60 + [True]
    assert answers[-1].headers["Poly-RateLimit-Warning"] == "true"
    assert "Retry-After" not in answers[-1].headers


@pytest.mark.parametrize("cost", [1, 1000])
def test_a_limiter_that_is_off_says_nothing(cost: int) -> None:
    assert taken(RateLimits(LimitMode.OFF), cost).headers == {}
