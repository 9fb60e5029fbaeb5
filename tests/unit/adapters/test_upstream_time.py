"""Tests of the market time of a mirrored exchange."""

import json
from collections.abc import Callable

from polybot.adapters.upstream_time import AskedUpstreamTime, WallUpstreamTime
from polybot.errors import Unavailable
from polybot.exchange.http_calls import HttpAnswer, HttpCall
from polybot.ports import MarketMoment
from tests.fakes import FakeClock

MARKET_NS = 1_795_000_000_000_000_000


class HeldTransport:
    """Keeps every question until a test answers it."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.waiting: list[Callable[[HttpAnswer], None]] = []

    def send(self, call: HttpCall, done: Callable[[HttpAnswer], None]) -> None:
        self.asked.append(call.path)
        self.waiting.append(done)

    def warm(self, path: str = "/ok") -> None:
        raise NotImplementedError

    def answer(self, status: int | None = 200, body: bytes | None = None, **told: object) -> None:
        whole = json.dumps({"market_ns": MARKET_NS, "speed": 20.0, "mono_ns": 1, **told}).encode()
        error = Unavailable("nobody there") if status is None else None
        self.waiting.pop(0)(HttpAnswer(status, whole if body is None else body, error=error))


class Asked:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.transport = HeldTransport()
        self.woken = 0
        self.time = AskedUpstreamTime(self.transport, self.clock, wake=self._wake)

    def _wake(self) -> None:
        self.woken += 1


def test_a_simulators_time_was_true_half_way_between_question_and_answer() -> None:
    asked = Asked()
    assert asked.time.moment() is None
    began = asked.clock.mono_ns
    asked.clock.advance(0.1)
    asked.transport.answer()
    assert asked.time.moment() == MarketMoment(began + 50_000_000, MARKET_NS, 20.0)
    assert (asked.transport.asked, asked.woken) == (["/simulator/time"], 1)


def test_it_is_asked_twice_a_second_and_one_question_at_a_time() -> None:
    asked = Asked()
    for _ in range(30):
        asked.time.moment()
        asked.clock.advance(0.1)
    assert len(asked.transport.asked) == 1
    asked.transport.answer()
    for _ in range(10):
        asked.time.moment()
        if asked.transport.waiting:
            asked.transport.answer()
        asked.clock.advance(0.1)
    assert len(asked.transport.asked) == 3


def test_a_question_that_is_never_answered_is_asked_again() -> None:
    asked = Asked()
    asked.time.moment()
    asked.clock.advance(5.1)
    asked.time.moment()
    assert len(asked.transport.asked) == 2


def test_an_exchange_without_the_route_lives_by_the_wall() -> None:
    asked = Asked()
    asked.time.moment()
    asked.transport.answer(404)
    asked.clock.advance(3)
    moment = asked.time.moment()
    assert moment is not None
    assert moment.at(asked.clock.mono_ns) == asked.clock.wall_ns
    assert len(asked.transport.asked) == 1


def test_a_simulator_that_is_away_or_talks_nonsense_keeps_its_last_time() -> None:
    asked = Asked()
    asked.time.moment()
    asked.transport.answer()
    known = asked.time.moment()
    for status, body in ((None, b""), (404, b""), (500, b""), (200, b"<html>"), (200, b"[]")):
        asked.clock.advance(1)
        asked.time.moment()
        asked.transport.answer(status, body)
        assert asked.time.moment() == known


def test_before_the_first_answer_an_outage_decides_nothing() -> None:
    asked = Asked()
    asked.time.moment()
    asked.transport.answer(None)
    assert asked.time.moment() is None
    asked.clock.advance(1)
    asked.time.moment()
    asked.transport.answer()
    assert asked.time.moment() is not None


def test_a_slow_answer_is_worth_less_than_the_moment_known() -> None:
    asked = Asked()
    asked.time.moment()
    asked.clock.advance(2)
    asked.transport.answer()
    known = asked.time.moment()
    assert known is not None
    asked.clock.advance(1)
    asked.time.moment()
    asked.clock.advance(0.3)
    asked.transport.answer(market_ns=MARKET_NS + 60)
    assert asked.time.moment() == known


def test_the_walls_time_is_always_known() -> None:
    clock = FakeClock()
    moment = WallUpstreamTime(clock).moment()
    assert moment == MarketMoment(clock.mono_ns, clock.wall_ns, 1.0)
