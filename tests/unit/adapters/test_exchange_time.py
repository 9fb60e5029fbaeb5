from collections.abc import Callable

import pytest

from polybot.adapters.exchange_time import ExchangeTime
from polybot.errors import OutcomeUnknown
from polybot.exchange.http_calls import HttpAnswer, HttpCall
from tests.fakes import FakeClock

NOW_S = 1_800_000_000


class FakeTransport:
    """Keeps calls until a test answers them."""

    def __init__(self) -> None:
        self.calls: list[tuple[HttpCall, Callable[[HttpAnswer], None]]] = []

    def send(self, call: HttpCall, done: Callable[[HttpAnswer], None]) -> None:
        self.calls.append((call, done))

    def warm(self, path: str = "/ok") -> None:
        """Do nothing."""

    def answer(self, answer: HttpAnswer) -> None:
        self.calls[-1][1](answer)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(now_ns=NOW_S * 1_000_000_000)


@pytest.fixture
def transport() -> FakeTransport:
    return FakeTransport()


def test_the_difference_is_ours_minus_theirs(clock: FakeClock, transport: FakeTransport) -> None:
    told = ExchangeTime(transport, clock)
    assert told.skew_s() is None
    told.ask()
    clock.advance(0.2)

    transport.answer(HttpAnswer(200, str(NOW_S - 10).encode()))

    assert transport.calls[0][0] == HttpCall("GET", "/time")
    assert told.skew_s() == pytest.approx(10 + 0.2 - 0.5 - 0.1)


def test_one_question_at_a_time(clock: FakeClock, transport: FakeTransport) -> None:
    told = ExchangeTime(transport, clock)
    told.ask()
    told.ask()
    assert len(transport.calls) == 1

    transport.answer(HttpAnswer(200, b"1800000000"))
    told.ask()

    assert len(transport.calls) == 2


def test_a_slow_answer_says_nothing_new(clock: FakeClock, transport: FakeTransport) -> None:
    told = ExchangeTime(transport, clock)
    told.ask()
    transport.answer(HttpAnswer(200, str(NOW_S).encode()))
    before = told.skew_s()
    told.ask()
    clock.advance(3)

    transport.answer(HttpAnswer(200, str(NOW_S - 100).encode()))

    assert told.skew_s() == before


@pytest.mark.parametrize(
    "answer",
    [
        HttpAnswer(None, error=OutcomeUnknown("reset")),
        HttpAnswer(503, b"busy"),
        HttpAnswer(200, b"<html>"),
    ],
)
def test_without_a_readable_answer_nothing_is_known(
    clock: FakeClock, transport: FakeTransport, answer: HttpAnswer
) -> None:
    told = ExchangeTime(transport, clock)
    told.ask()
    transport.answer(HttpAnswer(200, str(NOW_S).encode()))
    told.ask()

    transport.answer(answer)

    assert told.skew_s() is None


@pytest.mark.parametrize(("behind_s", "agrees"), [(0, True), (4, True), (6, False), (-3600, False)])
def test_an_exchange_that_agrees_confirms_the_wall_clock(
    clock: FakeClock, transport: FakeTransport, behind_s: int, agrees: bool
) -> None:
    confirmed: list[int] = []
    told = ExchangeTime(transport, clock, max_skew_s=5.0, agrees=confirmed.append)
    told.ask()

    transport.answer(HttpAnswer(200, str(NOW_S - behind_s).encode()))

    offset_ns = clock.now_ns() - clock.monotonic_ns()
    assert confirmed == ([offset_ns] if agrees else [])


def test_an_answer_that_took_long_or_cannot_be_read_confirms_nothing(
    clock: FakeClock, transport: FakeTransport
) -> None:
    confirmed: list[int] = []
    told = ExchangeTime(transport, clock, max_skew_s=5.0, agrees=confirmed.append)
    told.ask()
    clock.advance(2.5)
    transport.answer(HttpAnswer(200, str(NOW_S).encode()))
    told.ask()
    transport.answer(HttpAnswer(500, b"1800000000"))

    assert confirmed == []
