"""A mirrored exchange's time: a moment that can be carried on."""

from polybot.adapters.upstream_time import AskedUpstreamTime, WallUpstreamTime
from polybot.ports import MarketMoment, UpstreamTime
from tests.fakes import FakeClock
from tests.unit.ports.contract import unmet


def test_times_offer_the_port() -> None:
    clock = FakeClock()
    for time in (WallUpstreamTime(clock), AskedUpstreamTime(None, clock)):
        assert unmet(UpstreamTime, time) == []


def test_a_moment_is_carried_on_at_its_speed() -> None:
    moment = MarketMoment(1_000, 50_000, 20.0)
    assert (moment.at(1_000), moment.at(1_010), moment.at(990)) == (50_000, 50_200, 49_800)
