"""The books are what the records add up to."""

import pytest

from polybot.errors import JournalError
from polybot.simulator.books.ledger import Ledger, replayed
from polybot.simulator.books.records import (
    AccountOpened,
    Deposited,
    FunderLinked,
    OrderEnded,
    OrderState,
    TimeMark,
    WorldOpened,
)
from tests.unit.simulator.samples import ADDRESS, START


def test_a_world_is_opened_once_and_leases_its_times() -> None:
    ledger = replayed(
        None,
        [
            WorldOpened(ts_ns=START, source="a script"),
            TimeMark(ts_ns=START + 5, lease_ns=START + 50),
            TimeMark(ts_ns=START + 6, lease_ns=START + 20),
        ],
    )
    state = ledger.state
    assert (state.source, state.start_ns) == ("a script", START)
    assert (state.now_ns, state.lease_ns) == (START + 6, START + 50)


def test_money_from_outside_is_not_earned() -> None:
    ledger = replayed(
        None,
        [
            AccountOpened(ts_ns=1, address=ADDRESS, amount_usdc=100),
            Deposited(ts_ns=2, address=ADDRESS.lower(), amount_usdc=-30),
        ],
    )
    account = ledger.account(ADDRESS)
    assert account is not None
    assert (account.cash_usdc, account.deposited_usdc) == (70, 70)


def test_an_account_is_found_by_its_funder_in_any_letter_case() -> None:
    funder = "0x" + "AB" * 20
    ledger = replayed(
        None,
        [
            AccountOpened(ts_ns=1, address=ADDRESS, amount_usdc=1),
            FunderLinked(ts_ns=2, address=ADDRESS, funder=funder),
        ],
    )
    assert ledger.account(funder.lower()) is ledger.account(ADDRESS)
    assert Ledger(ledger.state).account(funder) is ledger.account(ADDRESS)


def test_a_record_about_something_unknown_is_damage() -> None:
    with pytest.raises(JournalError, match="about something known"):
        Ledger().apply(OrderEnded(ts_ns=1, order_id="0x1", state=OrderState.CANCELED))
