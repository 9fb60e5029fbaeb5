"""A mirror at work: keeps a world in step with the exchange it follows, awake when that speaks."""

import asyncio
import contextlib
from collections.abc import Callable

from polybot.ports import Clock
from polybot.simulator.drivers.driver_mirror import MirrorDriver, Upstream
from polybot.simulator.drivers.mirror_pace import FOLLOWING, MirrorPace
from polybot.simulator.market_clock import SegmentedClock

# Frames closer together than this are played in one pass.
PASS_S = 0.008
# A first start waits so long for the other exchange's time; every later one has its own books'.
FIRST_TIME_S = 5.0
_LOOK_S = 0.05


class Mirror:
    """Connects a driver to its upstream; the market clock stands still until the time is known."""

    def __init__(self, driver: MirrorDriver, upstream: Upstream, clock: SegmentedClock) -> None:
        self.driver = driver
        self._upstream = upstream
        self._market_clock = clock
        self._clock: Clock = upstream.clock
        self._pace = MirrorPace(upstream.time)
        self._listening: asyncio.Task[None] | None = None
        self.rounds = 0
        clock.pause(FOLLOWING)

    @property
    def knows_time(self) -> bool:
        """Whether market time was ever known; before, the clock shows nothing worth telling."""
        return self._pace.known

    async def start(self, poke: Callable[[], None]) -> None:
        """Begin to connect; `poke` is called when something arrived."""
        await self.driver.start()
        self._listening = asyncio.create_task(self._listen(poke), name="mirror")

    async def stop(self) -> None:
        """Let go of the other exchange."""
        if self._listening is not None:
            self._listening.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._listening
        await self.driver.stop()

    def turn(self) -> bool:
        """Follow the other exchange's time; return whether clients should be told of a change."""
        self.rounds += 1
        return self._pace.follow(self._market_clock, self._clock.monotonic_ns())

    async def _listen(self, poke: Callable[[], None]) -> None:
        while True:
            await self._upstream.wake.wait()
            self._upstream.wake.clear()
            poke()
            await asyncio.sleep(PASS_S)


async def first_time(upstream: Upstream, patience_s: float = FIRST_TIME_S) -> None:
    """Wait until the other exchange's time is known, or too long.

    A market begins where the exchange that is mirrored is: its books could not be brought to an
    earlier time later on.
    """
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(patience_s):
            # Looking is asking again, too; the answer comes in a thread.
            while upstream.time.moment() is None:  # noqa: ASYNC110
                await asyncio.sleep(_LOOK_S)
