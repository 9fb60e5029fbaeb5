"""A simulated exchange in motion: clock, driver, engine and journal, kept in step.

Nothing is shown to anybody before the journal holds it: `catch_up` lets everything due happen,
`commit` makes it durable and then lets the feeds send. Market times are leased a little ahead, so
that after a kill time resumes after everything clients can have seen.
"""

import asyncio
import logging
from typing import Protocol

from polybot.errors import PolybotError
from polybot.ports import RecordLog
from polybot.ports.crash_points import reach
from polybot.simulator.books.records import TimeMark, WorldOpened, encode_record
from polybot.simulator.drivers.driver import Driver
from polybot.simulator.engine.engine import SimulatedExchange
from polybot.simulator.happenings import SettleWindow
from polybot.simulator.market_clock import SegmentedClock

logger = logging.getLogger(__name__)

LEASE_WALL_NS = 200_000_000
# A gap shorter than this is waited for; a longer one is jumped.
SHORTEST_JUMP_NS = 2_000_000_000


class Outlet(Protocol):
    """What sends to clients once the journal holds what they will see."""

    def flush(self) -> None:
        """Hand everything collected since the last call to the clients' queues."""


class World:
    """Keeps market, books and journal at one market time."""

    def __init__(
        self,
        *,
        clock: SegmentedClock,
        driver: Driver,
        exchange: SimulatedExchange,
        log: RecordLog,
        outlet: Outlet,
    ) -> None:
        self.clock = clock
        self.driver = driver
        self.exchange = exchange
        self._log = log
        self._outlet = outlet
        self._waiters: list[asyncio.Future[None]] = []
        self.last_seq = 0
        self.happened = 0
        self._behind_ns = 0
        self.failure: PolybotError | None = None

    def open(self) -> None:
        """Name the market in the journal when it is played for the first time."""
        if not self.exchange.ledger.state.source:
            # Where its market begins: market time may stand later already, when it is wall time.
            began_ns = self.driver.start_ns
            self.exchange.core.emit(WorldOpened(ts_ns=began_ns, source=self.driver.source))
            self.commit()

    @property
    def idle(self) -> bool:
        """Whether everything was played and nothing is under way."""
        is_over = not self.driver.endless and self.driver.peek() is None
        return is_over and self.exchange.is_quiet()

    def catch_up(self) -> int:
        """Let everything happen that is due, and return market time."""
        now_ns = max(self.clock.now_ns(), self.exchange.now_ns)
        happenings = self.driver.take_until(now_ns)
        self.happened += len(happenings)
        self.exchange.advance(now_ns, happenings)
        self._lease(now_ns)
        self._behind_ns = max(self._behind_ns, self.clock.now_ns() - now_ns)
        return now_ns

    def take_behind_ns(self) -> int:
        """Return the most market time that passed during one `catch_up` since the last call."""
        behind_ns, self._behind_ns = self._behind_ns, 0
        return behind_ns

    def commit(self) -> None:
        """Make what happened durable, then let the feeds send it.

        Raises StorageError or FatalError when the disk refuses. The books are then ahead of the
        journal, so nothing more is committed or sent in this life.
        """
        if self.failure is not None:
            raise self.failure
        try:
            self._journal()
        except PolybotError as error:
            self.failure = error
            raise
        self._outlet.flush()

    async def durable(self) -> None:
        """Wait until everything that happened so far is durable; waiters share one sync."""
        if not self.exchange.core.records:
            return
        loop = asyncio.get_running_loop()
        if not self._waiters:
            loop.call_soon(self._commit_for_all)
        # A future for each: one waiter that goes away takes nothing from the others.
        waiter = loop.create_future()
        self._waiters.append(waiter)
        await waiter

    def due_wall_ns(self) -> int | None:
        """Return the wall nanoseconds until something is due, None while the clock is held."""
        moments = [self.exchange.ledger.state.lease_ns - self._margin_ns()]
        happening = self.driver.peek()
        if happening is not None:
            moments.append(happening.ts_ns)
        timer_ns = self.exchange.next_timer_ns()
        if timer_ns is not None:
            moments.append(timer_ns)
        return self.clock.wall_ns_until(min(moments))

    def skip_unplayed(self) -> int | None:
        """Return where a gap should be jumped to, None when there is nothing to jump.

        Windows that are only settled are settled on the way, however many there are.
        """
        if not self.exchange.is_quiet():
            return None
        now_ns = self.exchange.now_ns
        while isinstance(happening := self.driver.peek(), SettleWindow):
            settled = self.driver.take_until(happening.ts_ns)
            self.exchange.advance(max(happening.ts_ns, self.exchange.now_ns), settled)
            if not self.exchange.is_quiet():
                break
        target_ns = self.exchange.now_ns
        if happening is not None and self.exchange.is_quiet():
            target_ns = max(target_ns, happening.ts_ns)
        return target_ns if target_ns - now_ns >= SHORTEST_JUMP_NS else None

    def jump_to(self, market_ns: int) -> None:
        """Move market time over a gap."""
        self.clock.jump_to(max(market_ns, self.clock.now_ns()))
        self.catch_up()
        self.commit()

    def _journal(self) -> None:
        records = self.exchange.take_records()
        for record in records:
            self.last_seq = self._log.append(encode_record(record))
        if records:
            reach("exchange.unsynced")
            self._log.sync()
            reach("exchange.synced")

    def _margin_ns(self) -> int:
        return self.clock.span_ns(LEASE_WALL_NS // 2)

    def _lease(self, now_ns: int) -> None:
        if now_ns + self._margin_ns() >= self.exchange.ledger.state.lease_ns:
            lease_ns = now_ns + self.clock.span_ns(LEASE_WALL_NS)
            self.exchange.core.emit(TimeMark(ts_ns=now_ns, lease_ns=lease_ns))

    def _commit_for_all(self) -> None:
        waiters, self._waiters = self._waiters, []
        failure: PolybotError | None = None
        try:
            self.commit()
        except PolybotError as error:
            failure = error
        for waiter in waiters:
            if waiter.done():
                continue
            if failure is None:
                waiter.set_result(None)
            else:
                waiter.set_exception(failure)
