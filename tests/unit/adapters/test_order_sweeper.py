import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import msgspec

from polybot.adapters.order_sweeper import ThreadedSweeper
from polybot.errors import OutcomeUnknown, PolybotError, StorageError
from polybot.exchange.wire_account import OpenOrder
from polybot.ports.fence import Sweep


class Answer(msgspec.Struct, frozen=True):
    not_canceled: dict[str, str]


class FakeAccount:
    """An exchange with open orders; `opened` counts how often the account was opened."""

    def __init__(self, *order_ids: str) -> None:
        self.resting = list(order_ids)
        self.canceled: list[Sequence[str]] = []
        self.refused: dict[str, str] = {}
        self.error: Exception | None = None
        self.opened = 0

    @contextmanager
    def open(self) -> Iterator["FakeAccount"]:
        self.opened += 1
        yield self

    def open_orders(self) -> list[OpenOrder]:
        if self.error is not None:
            raise self.error
        return [OpenOrder(id=order_id, status="LIVE") for order_id in self.resting]

    def cancel(self, order_ids: Sequence[str]) -> Answer:
        self.canceled.append(tuple(order_ids))
        self.resting = [i for i in self.resting if i not in order_ids or i in self.refused]
        return Answer(self.refused)


class FakeOwn:
    """Orders by the number they were journaled under."""

    def __init__(self, **seqs: int) -> None:
        self.seqs = seqs
        self.error: PolybotError | None = None

    def newest_seq(self) -> int:
        if self.error is not None:
            raise self.error
        return max(self.seqs.values(), default=0)

    def of(self, order_ids: Sequence[str], up_to_seq: int) -> frozenset[str]:
        if self.error is not None:
            raise self.error
        return frozenset(i for i in order_ids if i in self.seqs and self.seqs[i] <= up_to_seq)


class Case:
    """A sweeper that a test waits for."""

    def __init__(self, account: FakeAccount, own: FakeOwn) -> None:
        self.woken = threading.Event()
        self.sweeper = ThreadedSweeper(account.open, own, self.woken.set)

    def sweep(self, up_to_seq: int = 9) -> Sweep:
        self.woken.clear()
        self.sweeper.begin(up_to_seq)
        assert self.woken.wait(5)
        ended = self.sweeper.take()
        assert ended is not None
        return ended


def test_our_own_orders_are_canceled_and_foreign_ones_left_alone() -> None:
    account = FakeAccount("ours", "theirs", "late")
    case = Case(account, FakeOwn(ours=3, late=10))

    assert case.sweep() == Sweep(ours=("ours",), foreign=2)
    assert account.canceled == [("ours",)]
    assert case.sweep() == Sweep(foreign=2)
    assert account.canceled == [("ours",)]
    assert account.opened == 2


def test_what_the_exchange_does_not_cancel_is_told_in_its_words() -> None:
    account = FakeAccount("ours")
    account.refused = {"ours": "matched"}

    assert Case(account, FakeOwn(ours=1)).sweep() == Sweep(ours=("ours",), refused=account.refused)


def test_every_order_is_canceled_where_ours_cannot_be_told() -> None:
    account, own = FakeAccount("ours", "theirs"), FakeOwn()
    own.error = StorageError("no journal")
    case = Case(account, own)

    assert case.sweeper.newest_seq() == 0
    assert case.sweep() == Sweep(ours=("ours", "theirs"))
    assert account.canceled == [("ours", "theirs")]


def test_an_exchange_that_does_not_answer_is_an_error_and_not_an_empty_listing() -> None:
    account = FakeAccount("ours")
    account.error = OutcomeUnknown("timed out")
    case = Case(account, FakeOwn(ours=1))

    assert case.sweep() == Sweep(error="timed out")
    account.error = None
    assert case.sweep() == Sweep(ours=("ours",))


def test_a_sweep_is_taken_once_and_one_at_a_time_is_under_way() -> None:
    account = FakeAccount()
    case = Case(account, FakeOwn())
    assert case.sweeper.take() is None
    case.sweeper.begin(0)
    case.sweeper.begin(0)
    assert case.woken.wait(5)

    assert case.sweeper.take() == Sweep()
    assert case.sweeper.take() is None
    assert account.opened == 1
