"""The entry filter's three rules, their words, and what it makes of missing asks."""

import pytest

from polybot.domain.entry_filter import (
    AskHistory,
    EntryFilterRules,
    check_entry_filter,
    largest_jump_bps,
)

RULES = EntryFilterRules()
STEADY = (9600,) * 12
JUMPY = (9600, 8700, 9600, 9600, 9600, 9600, 9600, 9600, 9600)
WEAK = (400,) * 12
STRONG = (*(400,) * 11, 1600)


def test_too_little_history_lets_pass() -> None:
    result = check_entry_filter((5000,) * 9, (5000,) * 9, RULES)
    assert (result.passes, result.reason) == (True, "insufficient_history")


def test_a_stable_favorite_passes_whatever_else_is_seen() -> None:
    own = (1000, 9900, 1000, 9900, 1000, 9900, 1000, 9700, 9700, 9700)
    result = check_entry_filter(own, (9999,) * 10, RULES)
    assert (result.passes, result.reason) == (True, "passed")


def test_a_steady_price_beside_a_weak_opponent_passes() -> None:
    result = check_entry_filter(STEADY, WEAK, RULES)
    assert (result.passes, result.reason) == (True, "passed")
    assert (result.lowest_recent_bps, result.largest_jump_bps) == (9600, 0)


@pytest.mark.parametrize(
    ("own", "opponent", "reason"),
    [
        ((*JUMPY, 9600), WEAK, "volatile"),
        (STEADY, STRONG, "opp_high"),
        ((*JUMPY, 9600), STRONG, "unstable"),
    ],
)
def test_what_failed_names_the_refusal(
    own: tuple[int, ...], opponent: tuple[int, ...], reason: str
) -> None:
    result = check_entry_filter(own, opponent, RULES)
    assert (result.passes, result.reason) == (False, reason)


def test_an_old_jump_is_forgotten_after_ten_samples_but_a_strong_opponent_only_after_thirty() -> (
    None
):
    own = JUMPY + STEADY
    assert check_entry_filter(own, WEAK, RULES).passes
    opponent = (1600, *(400,) * 29)
    assert check_entry_filter(STEADY, opponent, RULES).reason == "opp_high"
    assert check_entry_filter(STEADY, (*opponent, 400), RULES).passes


def test_the_limits_themselves_still_pass() -> None:
    own = (*(9600,) * 11, 8800)
    assert largest_jump_bps(own) == 800
    assert check_entry_filter(own, (1500,) * 12, RULES).passes


def test_the_history_counts_a_missing_ask_as_a_dollar_and_keeps_its_length() -> None:
    history = AskHistory()
    for ask in (9700, None, 9800):
        history = history.appended(ask, None, 2)
    assert history == AskHistory(up=(10_000, 9800), down=(10_000, 10_000))
