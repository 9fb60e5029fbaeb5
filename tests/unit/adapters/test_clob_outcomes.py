"""The order book's service names the winner by its token; anything else is no outcome yet."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from polybot.adapters.clob_outcomes import ClobOutcomes
from polybot.errors import OutcomeUnknown, PolybotError, ProtocolError
from polybot.ports import CatalogAnswer
from tests.unit.adapters.loopback import (
    RESET,
    LoopbackServer,
    Told,
    answer,
    collect,
    transport_to,
)

SLUG, CONDITION = "btc-updown-5m-1787236800", "0xc0"


def told(*winners: str, closed: bool = True, condition_id: str = CONDITION) -> Told:
    tokens = [
        {"token_id": name, "outcome": name, "price": 0.5, "winner": name in winners}
        for name in ("Up", "Down")
    ]
    return answer({"condition_id": condition_id, "tokens": tokens, "closed": closed})


class Case:
    """A second route over a server that gives one answer."""

    def __init__(self) -> None:
        self.told: Told = answer({})
        self.server = LoopbackServer(lambda _: self.told)
        self.transport = transport_to(self.server, connections=1)
        self.woken = threading.Event()
        self.outcomes = ClobOutcomes(self.transport, wake=self.woken.set)

    def ask(self, said: Any) -> CatalogAnswer:
        self.told = said
        self.outcomes.request(SLUG, CONDITION)
        (given,) = collect(self.outcomes.take)
        return given


@pytest.fixture
def case() -> Iterator[Case]:
    made = Case()
    yield made
    made.transport.close()
    made.server.stop()


def test_the_token_that_won_is_the_outcome(case: Case) -> None:
    assert case.ask(told("Down")) == CatalogAnswer(SLUG, None, resolved="Down", closed=True)
    assert case.server.requests() == [("GET", f"/markets/{CONDITION}")]
    assert case.woken.is_set()
    assert case.outcomes.take() == []


@pytest.mark.parametrize("said", [told(), told("Up", closed=False), told("Up", "Down")])
def test_no_winner_an_open_market_and_two_winners_are_no_outcome(case: Case, said: Told) -> None:
    given = case.ask(said)
    assert (given.resolved, given.error) == ("", None)


@pytest.mark.parametrize(
    ("said", "error"),
    [
        (told("Up", condition_id="0xother"), ProtocolError),
        (answer("<html>"), ProtocolError),
        (answer({}, 500), OutcomeUnknown),
        (Told(then=RESET), OutcomeUnknown),
    ],
)
def test_an_answer_about_something_else_or_about_nothing_is_an_error(
    case: Case, said: Told, error: type[PolybotError]
) -> None:
    given = case.ask(said)
    assert isinstance(given.error, error)
    assert given.resolved == ""


def test_an_unknown_market_has_no_outcome(case: Case) -> None:
    assert case.ask(answer({"error": "market not found"}, 404)) == CatalogAnswer(SLUG, None)
