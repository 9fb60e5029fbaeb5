"""The player is on time, waits for slow clients, and tells of every change of market time."""

import asyncio

import pytest

from polybot.adapters.clock import SystemClock
from polybot.domain.market import Outcome
from polybot.errors import DiskFull, FatalError
from polybot.simulator.books.ledger import Ledger
from polybot.simulator.engine.core import NullListener
from polybot.simulator.engine.engine import SimulatedExchange
from polybot.simulator.engine.timers import ExchangeRules
from polybot.simulator.happenings import Happening, ListWindow, ResolveWindow
from polybot.simulator.market_clock import SegmentedClock
from polybot.simulator.player import MOST_BEHIND_WALL_NS, Player
from polybot.simulator.world import World
from tests.unit.simulator.samples import MARKET, SLUG, START, S
from tests.unit.simulator.stand import MemoryLog, ScriptedDriver, Stand, opening, until


class BusyClock:
    """A monotonic clock that moves on by a millisecond whenever it is looked at."""

    def __init__(self) -> None:
        self.wall_ns = 0

    def monotonic_ns(self) -> int:
        self.wall_ns += 1_000_000
        return self.wall_ns


class Clients:
    """Clients that are congested when a test says so."""

    def __init__(self) -> None:
        self.congested = False
        self.made_room = asyncio.Event()

    async def room(self) -> None:
        await self.made_room.wait()
        self.congested = False


def make(stand: Stand, speed: float = 100.0) -> tuple[World, Player, Clients, list[float]]:
    """Return a player on real time, and the speeds it told of."""
    clock = SegmentedClock(SystemClock().monotonic_ns, start_ns=START, speed=speed, held="starting")
    world = World(
        clock=clock,
        driver=stand.world.driver,
        exchange=stand.world.exchange,
        log=stand.log,
        outlet=stand.hub,
    )
    clients = Clients()
    speeds: list[float] = []
    player = Player(world, clients, lambda: speeds.append(clock.segment().speed))
    return world, player, clients, speeds


async def test_it_starts_after_a_pause_and_plays() -> None:
    world, player, _, speeds = make(Stand([ResolveWindow(START + 20 * S, SLUG, Outcome.UP)]))
    player.start()
    windows = world.exchange.ledger.state.windows
    await until(lambda: SLUG in windows and bool(windows[SLUG].resolved_ns))
    assert speeds[:2] == [0.0, 100.0]
    await player.stop()


async def test_market_time_waits_while_a_client_cannot_keep_up() -> None:
    world, player, clients, speeds = make(Stand())
    player.start()
    await until(lambda: world.clock.now_ns() > START + S)
    clients.congested = True
    await until(lambda: world.clock.paused)
    stood = world.clock.now_ns()
    await asyncio.sleep(0.05)
    assert world.clock.now_ns() == stood
    clients.made_room.set()
    await until(lambda: world.clock.now_ns() > stood + S)
    assert speeds[-2:] == [0.0, 100.0]
    await player.stop()


async def test_market_time_waits_for_a_market_that_takes_longer_than_it_lasts() -> None:
    clock = BusyClock()

    class Costly(ScriptedDriver):
        """Takes half again as long to tell of a stretch of time as the stretch lasts."""

        def __init__(self) -> None:
            super().__init__(opening())
            self.longest_ns = 0
            self._told_ns = START

        def take_until(self, until_ns: int) -> list[Happening]:
            taken_ns = until_ns - self._told_ns
            self.longest_ns = max(self.longest_ns, taken_ns)
            self._told_ns = until_ns
            clock.wall_ns += taken_ns * 3 // 2
            return super().take_until(until_ns)

    driver, stand = Costly(), Stand()
    market_clock = SegmentedClock(clock.monotonic_ns, start_ns=START, speed=1.0, held="starting")
    exchange = SimulatedExchange(Ledger(), ExchangeRules(), NullListener())
    world = World(
        clock=market_clock, driver=driver, exchange=exchange, log=MemoryLog(), outlet=stand.hub
    )
    speeds: list[float] = []
    player = Player(world, Clients(), lambda: speeds.append(market_clock.segment().speed))
    player.start()
    await until(lambda: world.exchange.now_ns > START + S)
    assert 0.0 in speeds[2:]
    assert 1.0 in speeds[3:]
    assert driver.longest_ns < 5 * MOST_BEHIND_WALL_NS
    await player.stop()


async def test_a_gap_is_jumped_and_told_while_time_stands_still() -> None:
    later = MARKET.__class__(
        slug="later",
        condition_id="c",
        token_up="u",
        token_down="d",
        asset="btc",
        open_ns=START + 7200 * S,
        close_ns=START + 7500 * S,
    )
    stand = Stand(
        [
            ResolveWindow(START + S, SLUG, Outcome.UP),
            ListWindow(START + 7000 * S, later),
        ]
    )
    world, player, _, speeds = make(stand)
    player.start()
    await until(lambda: "later" in world.exchange.core.books)
    await until(lambda: not world.clock.paused)
    assert START + 7000 * S <= world.clock.now_ns() < START + 7100 * S
    assert speeds == [0.0, 100.0, 0.0, 100.0]
    await player.stop()


async def test_a_disk_that_refuses_stops_the_market_and_the_process_hears_of_it() -> None:
    class Full(MemoryLog):
        def append(self, payload: bytes) -> int:
            if len(self.payloads) > 3:
                raise DiskFull("expected room, was none")
            return super().append(payload)

    world, player, _, _ = make(Stand(log=Full()))
    player.check()
    player.start()
    await until(lambda: world.failure is not None)
    with pytest.raises(FatalError, match="expected room"):
        player.check()
    await player.stop()


async def test_a_poke_brings_an_earlier_moment_forward() -> None:
    world, player, _, _ = make(Stand(), speed=0.01)
    player.start()
    await until(lambda: not world.clock.paused)
    await asyncio.sleep(0.02)
    before = world.happened
    player.poke()
    await asyncio.sleep(0.05)
    assert world.happened == before
    player.check()
    await player.stop()
