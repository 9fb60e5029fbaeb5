"""Every documented kind of activity has its effect on cash and shares, and none is P&L."""

import pytest

from polybot.domain.activity import Activity, ActivityKind, with_keys


def row(kind: str, **fields: object) -> Activity:
    values: dict[str, object] = {"kind": kind, "at_ns": 5, "stated_usdc": 3_000_000, **fields}
    return Activity(**values)  # type: ignore[arg-type]


EFFECTS = {
    "SPLIT": (-3_000_000, 3_000_000),
    "MERGE": (3_000_000, -3_000_000),
    "REDEEM": (3_000_000, 0),
    "REWARD": (3_000_000, 0),
    "CONVERSION": (0, 0),
    "MIGRATION": (0, 0),
    "DEPOSIT": (3_000_000, 0),
    "WITHDRAWAL": (-3_000_000, 0),
    "YIELD": (3_000_000, 0),
    "MAKER_REBATE": (3_000_000, 0),
    "TAKER_REBATE": (3_000_000, 0),
    "REFERRAL_REWARD": (3_000_000, 0),
    "TIP": (0, 0),
}


def test_every_documented_kind_but_trades_has_a_row_here() -> None:
    assert set(EFFECTS) == {kind.value for kind in ActivityKind} - {"TRADE"}


@pytest.mark.parametrize("kind", EFFECTS)
def test_what_a_kind_does_to_cash_and_shares(kind: str) -> None:
    told = row(kind)
    assert (told.cash_usdc, told.set_shares) == EFFECTS[kind]
    assert told.is_documented
    assert told.matters


@pytest.mark.parametrize(("side", "cash"), [("IN", 3_000_000), ("OUT", -3_000_000)])
def test_a_tip_s_side_says_which_way_it_went(side: str, cash: int) -> None:
    assert row("TIP", side=side).cash_usdc == cash


def test_an_unknown_kind_is_booked_without_an_effect() -> None:
    told = row("AIRDROP")
    assert (told.is_documented, told.matters, told.cash_usdc) == (False, True, 0)


@pytest.mark.parametrize("told", [row("TRADE"), row("REDEEM", stated_usdc=0)])
def test_trades_and_empty_redemptions_are_not_booked(told: Activity) -> None:
    assert not told.matters


def test_keys_are_the_same_at_every_reading_and_tell_equal_rows_apart() -> None:
    rows = [row("REWARD"), row("REWARD"), row("REWARD", at_ns=6)]
    keys = [key for key, _ in with_keys(rows)]
    assert len(set(keys)) == 3
    assert [key for key, _ in with_keys(rows)] == keys
    # Another order of rows, as the service may tell them, gives the same keys.
    assert {key for key, _ in with_keys(reversed(rows))} == set(keys)
