import pytest

from polybot.adapters.market_clock import SegmentMarketClock, WallMarketClock
from polybot.messages.lifecycle import MarketTimeChanged
from tests.fakes import FakeClock

SECOND = 1_000_000_000
START = 1_787_236_800 * SECOND


def segment(
    clock: FakeClock, market_ns: int, speed: float = 1.0, *, idle: bool = False
) -> MarketTimeChanged:
    return MarketTimeChanged(
        origin_mono_ns=clock.mono_ns, origin_market_ns=market_ns, speed=speed, idle=idle
    )


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def market(clock: FakeClock) -> SegmentMarketClock:
    return SegmentMarketClock(clock)


def test_outside_a_simulation_market_time_is_the_wall_s(clock: FakeClock) -> None:
    market = WallMarketClock(clock)
    market.accept(segment(clock, START, 25.0))
    clock.advance(3)
    assert market.now_ns() == clock.now_ns()
    assert (market.speed(), market.ready()) == (1.0, True)


def test_before_the_first_segment_nothing_is_known(market: SegmentMarketClock) -> None:
    assert (market.now_ns(), market.speed(), market.ready(), market.idle()) == (
        0,
        0.0,
        False,
        False,
    )


@pytest.mark.parametrize("speed", [0.0, 0.5, 1.0, 25.0])
def test_market_time_runs_from_its_origin_with_its_speed(
    clock: FakeClock, market: SegmentMarketClock, speed: float
) -> None:
    market.accept(segment(clock, START, speed))
    assert market.now_ns() == START
    clock.advance(2)
    assert market.now_ns() == START + int(2 * SECOND * speed)
    assert (market.speed(), market.ready()) == (speed, True)


def test_a_step_of_the_wall_clock_changes_nothing(
    clock: FakeClock, market: SegmentMarketClock
) -> None:
    market.accept(segment(clock, START))
    clock.wall_ns += 3600 * SECOND
    assert market.now_ns() == START


def test_a_jump_ahead_is_followed(clock: FakeClock, market: SegmentMarketClock) -> None:
    market.accept(segment(clock, START, 25.0))
    clock.advance(1)
    market.accept(segment(clock, START + 900 * SECOND, 0.0))
    clock.advance(1)
    assert market.now_ns() == START + 900 * SECOND


def test_market_time_never_goes_back(clock: FakeClock, market: SegmentMarketClock) -> None:
    market.accept(segment(clock, START, 10.0))
    clock.advance(1)
    before = market.now_ns()
    market.accept(segment(clock, START + 9 * SECOND))
    assert market.now_ns() == before
    clock.advance(2)
    assert market.now_ns() == before + SECOND


def test_a_segment_from_the_future_waits_at_its_origin(
    clock: FakeClock, market: SegmentMarketClock
) -> None:
    ahead = FakeClock(mono_ns=clock.mono_ns + SECOND)
    market.accept(segment(ahead, START))
    assert market.now_ns() == START


def test_an_exchange_that_has_played_everything_is_idle(
    clock: FakeClock, market: SegmentMarketClock
) -> None:
    market.accept(segment(clock, START, 0.0, idle=True))
    assert market.idle()
    market.accept(segment(clock, START))
    assert not market.idle()
