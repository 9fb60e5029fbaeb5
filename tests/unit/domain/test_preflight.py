"""A window is entered only when everything that was read of the exchange speaks for it."""

from typing import Any

import msgspec
import pytest

from polybot.domain.market import FeeSchedule, Market
from polybot.domain.preflight import (
    CHECKS,
    LEAST_ALLOWANCE_USDC,
    ListedAtClob,
    PreflightFacts,
    figures,
    objections,
)
from tests.story import market_at

MARKET = market_at()
LISTED = ListedAtClob(
    token_ids=(MARKET.token_down, MARKET.token_up),
    tick_bps=100,
    min_size_shares=5_000_000,
    fee=MARKET.fee,
)


def facts(**changes: Any) -> PreflightFacts:
    values: dict[str, Any] = {
        "slug": MARKET.slug,
        "skew_s": 0.4,
        "version": 2,
        "closed_only": False,
        "balance_usdc": 0,
        "allowance_usdc": LEAST_ALLOWANCE_USDC,
        "listed": LISTED,
        "blocked": False,
    }
    return PreflightFacts(**(values | changes))


def listed(**changes: Any) -> dict[str, Any]:
    return {"listed": msgspec.structs.replace(LISTED, **changes)}


def found(market: Market = MARKET, **changes: Any) -> list[str]:
    return [o.check for o in objections(facts(**changes), market, max_skew_s=5.0)]


def test_a_good_exchange_objects_to_nothing() -> None:
    assert found() == []


@pytest.mark.parametrize(
    ("changes", "check"),
    [
        ({"skew_s": 5.1}, "clock"),
        ({"skew_s": -60.0}, "clock"),
        ({"version": 1}, "version"),
        ({"version": 3}, "version"),
        ({"closed_only": True}, "closed_only"),
        ({"blocked": True}, "region"),
        ({"allowance_usdc": LEAST_ALLOWANCE_USDC - 1}, "allowance"),
        ({"allowance_usdc": 0}, "allowance"),
        (listed(token_ids=("1", "2")), "market"),
        (listed(token_ids=(MARKET.token_up,)), "market"),
        (listed(neg_risk=True), "market"),
        (listed(refusal="x: expected a fee rate of 0 to 0.1, was -1"), "market"),
        (listed(fee=FeeSchedule(rate_bps=701)), "fee"),
        (listed(fee=FeeSchedule(rate_bps=700, exponent=2)), "fee"),
        (listed(fee=FeeSchedule(rate_bps=700, taker_only=False)), "fee"),
    ],
    ids=repr,
)
def test_each_check_objects_to_what_it_is_for(changes: dict[str, Any], check: str) -> None:
    assert found(**changes) == [check]


@pytest.mark.parametrize("changes", [{"skew_s": 5.0}, {"skew_s": -5.0}, {"blocked": None}])
def test_what_just_fits_or_was_not_asked_for_passes(changes: dict[str, Any]) -> None:
    assert found(**changes) == []


@pytest.mark.parametrize("check", CHECKS)
def test_what_could_not_be_read_objects_once(check: str) -> None:
    (objection,) = objections(facts(failures={check: "timed out"}), MARKET, max_skew_s=5.0)
    assert str(objection) == f"{check}: could not be read: timed out"


def test_a_market_of_the_next_protocol_may_meet_either_version() -> None:
    market = msgspec.structs.replace(MARKET, version="v2")
    assert [found(market, version=version) for version in (1, 2, 3, 4)] == [
        ["version"], [], [], ["version"]
    ]  # fmt: skip


def test_every_objection_is_one_line_that_says_what_was_found() -> None:
    bad = facts(
        skew_s=61.0, version=1, closed_only=True, blocked=True, allowance_usdc=0,
        **listed(fee=FeeSchedule(rate_bps=100)),
    )  # fmt: skip
    lines = [str(o) for o in objections(bad, MARKET, max_skew_s=5.0)]
    assert len(lines) == 6
    assert "was +61.0 s" in lines[0]
    assert "timedatectl" in lines[0]
    assert not any("\n" in line for line in lines)


def test_the_journal_keeps_what_was_read() -> None:
    kept = figures(facts())
    assert kept["skew_s"] == 0.4
    assert (kept["version"], kept["fee_rate_bps"], kept["tick_bps"]) == (2, 700, 100)
    assert figures(PreflightFacts(slug="x"))["tick_bps"] is None
