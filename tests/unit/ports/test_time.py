"""Both kinds of time are what everybody takes them for, and the two are never one."""

from polybot.adapters.clock import SystemClock, SystemTurnClock
from polybot.adapters.market_clock import SegmentMarketClock, WallMarketClock
from polybot.ports import Clock, MarketClock, TurnClock
from tests.fakes import FakeClock, FakeMarketClock
from tests.unit.ports.contract import demands, unmet


def test_clocks_offer_the_port() -> None:
    for clock in (SystemClock(), FakeClock()):
        assert unmet(Clock, clock) == []


def test_turn_clocks_offer_the_port() -> None:
    for clock in (SystemTurnClock(SystemClock()), FakeClock()):
        assert unmet(TurnClock, clock) == []
    assert unmet(TurnClock, SystemClock()) == ["no begin_turn", "no elapsed_ns"]


def test_market_clocks_offer_the_port() -> None:
    clock = FakeClock()
    for market_clock in (SegmentMarketClock(clock), WallMarketClock(clock), FakeMarketClock()):
        assert unmet(MarketClock, market_clock) == []


def test_a_market_clock_cannot_be_taken_for_a_clock() -> None:
    assert unmet(Clock, FakeMarketClock()) == ["no monotonic_ns"]
    assert "speed" not in demands(Clock)
