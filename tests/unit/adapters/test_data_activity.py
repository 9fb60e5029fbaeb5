"""The wallet's activity is read page by page, back to the moment that was asked for."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from polybot.adapters.data_activity import MOST_PAGES, DataApiActivity
from polybot.errors import OutcomeUnknown, ProtocolError, RateLimited
from polybot.ports.activity import ActivityAnswer
from tests.unit.adapters.loopback import (
    CLOSE,
    Heard,
    LoopbackServer,
    Told,
    answer,
    collect,
    transport_to,
)

Page = Callable[[Heard], Told]


class Case:
    """A feed over a server that answers each page as a test wants."""

    def __init__(self) -> None:
        self.page: Page = lambda _: page([])
        self.server = LoopbackServer(self._answer)
        self.transport = transport_to(self.server)
        self.woken = 0
        self.funder: str | None = "0xfunder"
        self.feed = DataApiActivity(self.transport, lambda: self.funder, self.wake)

    def _answer(self, heard: Heard) -> Told:
        return self.page(heard)

    def wake(self) -> None:
        self.woken += 1

    def ask(self, since_s: int = 100) -> ActivityAnswer:
        self.feed.request(since_s)
        (given,) = collect(self.feed.take)
        return given


@pytest.fixture
def case() -> Iterator[Case]:
    made = Case()
    yield made
    made.transport.close()
    made.server.stop()


def row(timestamp: int, kind: str = "REWARD") -> dict[str, Any]:
    return {"type": kind, "timestamp": timestamp, "usdc_size": 1.5, "transaction_hash": "0xt"}


def page(rows: list[dict[str, Any]], cursor: str | None = None) -> Told:
    pagination = {"limit": 500, "has_more": cursor is not None, "next_cursor": cursor}
    return answer({"data": rows, "pagination": pagination})


def test_the_funder_is_asked_for_since_a_moment(case: Case) -> None:
    case.page = lambda _: page([row(150), row(120, "REDEEM")])
    told = case.ask(since_s=110)
    assert [each.kind for each in told.rows] == ["REWARD", "REDEEM"]
    assert told.rows[0].stated_usdc == 1_500_000
    (heard,) = case.server.heard
    assert heard.target == "/v2/activity?user=0xfunder&limit=500&start=110"
    assert case.woken == 1


def test_pages_follow_each_other_by_their_cursor(case: Case) -> None:
    def by_cursor(heard: Heard) -> Told:
        return page([row(130)]) if "&cursor=more" in heard.target else page([row(150)], "more")

    case.page = by_cursor
    assert [each.at_ns for each in case.ask().rows] == [150 * 10**9, 130 * 10**9]


def test_a_page_that_reaches_back_far_enough_is_the_last(case: Case) -> None:
    case.page = lambda _: page([row(150), row(90)], "more")
    told = case.ask(since_s=100)
    assert [each.at_ns for each in told.rows] == [150 * 10**9]
    assert len(case.server.heard) == 1


def test_pages_without_end_are_an_error_not_a_loop(case: Case) -> None:
    case.page = lambda _: page([row(150)], "more")
    told = case.ask()
    assert isinstance(told.error, OutcomeUnknown)
    assert len(case.server.heard) == MOST_PAGES


def test_before_a_login_nobody_is_asked(case: Case) -> None:
    case.funder = None
    case.feed.request(1)
    case.funder = "0xfunder"
    case.ask()
    assert len(case.server.heard) == 1


@pytest.mark.parametrize(
    ("told", "error"),
    [
        (answer({"error": "slow down"}, 429), RateLimited),
        (answer(b"<html>", 200), ProtocolError),
        (answer({"data": [{"type": "REWARD"}]}), ProtocolError),
        (Told(then=CLOSE), OutcomeUnknown),
    ],
)
def test_what_cannot_be_read_is_an_error_of_the_answer(
    case: Case, told: Told, error: type[Exception]
) -> None:
    case.page = lambda _: told
    given = case.ask()
    assert isinstance(given.error, error)
    assert given.rows == ()
