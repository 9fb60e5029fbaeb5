"""Tests of how a mirror's market time follows another exchange's."""

import pytest

from polybot.ports import MarketMoment
from polybot.simulator.drivers.mirror_pace import FOLLOWING, MirrorPace
from polybot.simulator.market_clock import SegmentedClock
from tests.fakes import FakeClock
from tests.unit.simulator.samples import START, S
from tests.unit.simulator.upstream import FakeTime


class Follower:
    def __init__(self, *, start_ns: int = START, speed: float = 1.0) -> None:
        self.wall = FakeClock()
        self.time = FakeTime(self.wall, speed=speed)
        self.clock = SegmentedClock(self.wall.monotonic_ns, start_ns=start_ns, speed=1.0)
        self.clock.pause(FOLLOWING)
        self.pace = MirrorPace(self.time)

    def tell(self, seconds: float, speed: float = 1.0) -> None:
        """Say where the other exchange is now, in market seconds after the start."""
        self.time.newest = MarketMoment(self.wall.mono_ns, START + int(seconds * S), speed)

    def follow(self) -> bool:
        return self.pace.follow(self.clock, self.wall.mono_ns)

    @property
    def seconds(self) -> float:
        return (self.clock.now_ns() - START) / S


def test_while_the_time_is_unknown_the_market_stands_still() -> None:
    follower = Follower()
    follower.time.newest = None
    assert not follower.follow()
    follower.wall.advance(5)
    assert (follower.seconds, follower.pace.known) == (0, False)


def test_the_first_moment_sets_time_and_speed() -> None:
    follower = Follower(start_ns=0)
    follower.tell(100, 20.0)
    assert follower.follow()
    follower.wall.advance(2)
    assert (follower.seconds, follower.clock.segment().speed) == (140, 20.0)
    assert follower.pace.known


def test_a_small_difference_is_left_alone_and_a_jump_followed() -> None:
    follower = Follower()
    follower.follow()
    follower.wall.advance(1)
    follower.tell(1.03)
    assert not follower.follow()
    follower.tell(700)
    assert follower.follow()
    assert follower.seconds == 700


def test_ahead_of_the_other_exchange_it_waits_and_never_goes_back() -> None:
    follower = Follower()
    follower.follow()
    follower.wall.advance(10)
    follower.tell(4)
    assert follower.follow()
    assert follower.clock.paused
    seen = []
    for second in range(5, 13):
        seen.append(follower.seconds)
        follower.wall.advance(1)
        follower.tell(second)
        follower.follow()
    assert seen == sorted(seen)
    assert seen[:5] == [10] * 5
    assert not follower.clock.paused
    follower.tell(50)
    follower.follow()
    assert follower.seconds == 50


def test_a_time_nobody_confirms_stops_the_market() -> None:
    follower = Follower()
    follower.follow()
    follower.wall.advance(2.9)
    assert not follower.follow()
    follower.wall.advance(0.2)
    assert follower.follow()
    assert follower.clock.paused
    follower.wall.advance(60)
    assert not follower.follow()
    assert follower.seconds == pytest.approx(3.1)


def test_it_stands_still_with_the_other_exchange() -> None:
    follower = Follower()
    follower.follow()
    follower.tell(0, speed=0.0)
    assert follower.follow()
    assert follower.clock.paused
    follower.tell(0, speed=1.0)
    assert follower.follow()
    assert not follower.clock.paused


def test_far_behind_is_said_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    follower = Follower(start_ns=START + 3600 * S)
    for _ in range(90):
        follower.tell(0)
        follower.follow()
        follower.wall.advance(1)
    assert caplog.text.count("3600 s behind") == 2
