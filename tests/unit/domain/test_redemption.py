"""Winners wait for their dollars until they are paid out; free cash pays for so many windows."""

import pytest

from polybot.domain.market import Outcome
from polybot.domain.redemption import OVERDUE_NS, Funds, HeldToken, Resolution, unredeemed

WON = HeldToken(slug="w-1", token_id="up-1", outcome=Outcome.UP, size_shares=25_000_000)
RESOLVED = {"w-1": Resolution(outcome=Outcome.UP, resolved_ns=1_000)}


def test_a_winner_waits_from_the_moment_its_outcome_was_known() -> None:
    (winner,) = unredeemed([WON], RESOLVED, set(), now_ns=1_500)
    assert (winner.slug, winner.payout_usdc, winner.age_ns) == ("w-1", 25_000_000, 500)
    assert not winner.is_overdue


@pytest.mark.parametrize(("age_ns", "overdue"), [(OVERDUE_NS - 1, False), (OVERDUE_NS, True)])
def test_after_a_day_it_is_overdue(age_ns: int, overdue: bool) -> None:
    (winner,) = unredeemed([WON], RESOLVED, set(), now_ns=1_000 + age_ns)
    assert winner.is_overdue is overdue


@pytest.mark.parametrize(
    ("held", "resolutions", "redeems"),
    [
        (WON, {}, set()),
        (WON, {"w-1": Resolution(outcome=Outcome.DOWN, resolved_ns=1_000)}, set()),
        (WON, RESOLVED, {"up-1"}),
        (HeldToken(slug="w-1", token_id="up-1", outcome=Outcome.UP, size_shares=0), RESOLVED, ()),
    ],
    ids=["no outcome yet", "it lost", "paid out", "sold before"],
)
def test_nothing_else_waits(
    held: HeldToken, resolutions: dict[str, Resolution], redeems: set[str]
) -> None:
    assert unredeemed([held], resolutions, redeems, now_ns=2_000) == ()


def test_the_longest_waiting_stands_first() -> None:
    other = HeldToken(slug="w-0", token_id="up-0", outcome=Outcome.UP, size_shares=5)
    resolutions = RESOLVED | {"w-0": Resolution(outcome=Outcome.UP, resolved_ns=500)}
    found = unredeemed([WON, other], resolutions, set(), now_ns=2_000)
    assert [winner.slug for winner in found] == ["w-0", "w-1"]


def test_a_moment_before_the_outcome_is_no_negative_age() -> None:
    (winner,) = unredeemed([WON], RESOLVED, set(), now_ns=0)
    assert winner.age_ns == 0


def test_free_cash_is_what_orders_leave_and_pays_for_whole_windows() -> None:
    funds = Funds(
        cash_usdc=100_000_000,
        reserved_usdc=10_000_000,
        window_cost_usdc={"a": 20_000_000, "b": 10_000_000},
    )
    assert funds.free_usdc == 90_000_000
    assert funds.windows_left(["a"]) == 4
    assert funds.windows_left(["a", "b"]) == 3


@pytest.mark.parametrize("agents", [[], ["new"]])
def test_before_anybody_traded_nobody_knows_how_long_it_lasts(agents: list[str]) -> None:
    assert Funds(cash_usdc=1, window_cost_usdc={"a": 1}).windows_left(agents) is None


def test_reservations_beyond_the_cash_leave_nothing_free() -> None:
    funds = Funds(cash_usdc=5, reserved_usdc=10, window_cost_usdc={"a": 1})
    assert (funds.free_usdc, funds.windows_left(["a"])) == (0, 0)
