"""Tests of a mirror at work: its clock, its connections and its wake-ups."""

import asyncio

from polybot.simulator.drivers.mirror import Mirror, first_time
from polybot.simulator.market_clock import SegmentedClock
from tests.unit.simulator.samples import START
from tests.unit.simulator.upstream import Mirrored


def mirror_of(mirrored: Mirrored) -> tuple[Mirror, SegmentedClock]:
    clock = SegmentedClock(mirrored.clock.monotonic_ns, start_ns=0, speed=20.0)
    return Mirror(mirrored.driver, mirrored.upstream, clock), clock


def test_the_market_clock_waits_for_the_other_exchanges_time() -> None:
    mirrored = Mirrored()
    mirror, clock = mirror_of(mirrored)
    assert clock.paused
    assert not mirror.knows_time
    assert mirror.turn()
    assert (clock.now_ns(), clock.speed, clock.paused) == (START, 1.0, False)
    assert mirror.knows_time
    assert mirror.rounds == 1


async def test_what_arrives_pokes_the_player_and_stopping_ends_it() -> None:
    mirrored = Mirrored()
    mirror, _ = mirror_of(mirrored)
    poked = asyncio.Event()
    await mirror.start(poked.set)
    assert mirrored.market.running
    mirrored.upstream.wake.set()
    await asyncio.wait_for(poked.wait(), timeout=5)
    assert not mirrored.upstream.wake.is_set()
    await mirror.stop()
    assert not mirrored.market.running


async def test_a_first_start_waits_for_the_time_a_moment() -> None:
    mirrored = Mirrored()
    newest, mirrored.time.newest = mirrored.time.newest, None
    waiting = asyncio.create_task(first_time(mirrored.upstream))
    await asyncio.sleep(0.1)
    assert not waiting.done()
    mirrored.time.newest = newest
    await asyncio.wait_for(waiting, timeout=2)


async def test_an_exchange_that_is_away_is_waited_for_no_longer_than_that() -> None:
    mirrored = Mirrored()
    mirrored.time.newest = None
    await asyncio.wait_for(first_time(mirrored.upstream, 0.1), timeout=2)
