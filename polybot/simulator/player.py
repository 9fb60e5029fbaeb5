"""The task that plays a simulated market: on time, never ahead of who is slow, over every gap."""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import Protocol

from polybot.errors import FatalError, PolybotError
from polybot.simulator.world import World

logger = logging.getLogger(__name__)

# Happenings closer together than this are sent in one frame.
PASS_WALL_NS = 8_000_000
IDLE_WALL_NS = 100_000_000
# While the market catches up no request is answered, and the next time it has to make up for how
# long that took. Behind by this much, time stands still until that is done; else each would take
# longer than the one before. A busy machine alone makes a process wait for less.
MOST_BEHIND_WALL_NS = 100_000_000
# Clients are told of a jump while time stands still, so that nobody sees it happen late.
JUMP_PAUSE_S = 0.1
BEHIND = "behind"
_NS_PER_S = 1_000_000_000


class Congestion(Protocol):
    """What the player asks of the clients' queues."""

    @property
    def congested(self) -> bool:
        """Whether a client's queue is full."""

    async def room(self) -> None:
        """Return when no queue is full any more."""


class Player:
    """Runs a world by its clock; `changed` is called when market time starts, stops or jumps."""

    def __init__(self, world: World, clients: Congestion, changed: Callable[[], None]) -> None:
        self._world = world
        self._clients = clients
        self._changed = changed
        self._poked = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to play; the clock must be held for "starting"."""
        self._task = asyncio.create_task(self._run(), name="simulated market")

    async def stop(self) -> None:
        """Stop playing; what happened is durable already."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    def check(self) -> None:
        """Raise FatalError when the market stopped playing, whatever the reason was."""
        if self._world.failure is not None:
            raise FatalError(f"the simulated market stopped: {self._world.failure}")
        if self._task is not None and self._task.done() and not self._task.cancelled():
            raise FatalError("the simulated market stopped") from self._task.exception()

    def poke(self) -> None:
        """Look at the clock again: something is due earlier than it was."""
        self._poked.set()

    async def _run(self) -> None:
        try:
            await self._let_clients_know("starting")
            while True:
                await self._wait_for_clients()
                began_s = asyncio.get_running_loop().time()
                self._poked.clear()
                self._world.catch_up()
                self._world.commit()
                target_ns = self._world.skip_unplayed()
                if target_ns is not None:
                    self._world.clock.pause("jump")
                    self._world.jump_to(target_ns)
                    await self._let_clients_know("jump")
                self._hold_while_behind()
                await self._sleep(began_s)
        except PolybotError as error:
            # The service's next turn raises it, where the daemon can see it.
            self._world.failure = error
            self._changed()

    async def _let_clients_know(self, hold: str) -> None:
        self._changed()
        await asyncio.sleep(JUMP_PAUSE_S)
        self._world.clock.resume(hold)
        self._changed()

    async def _wait_for_clients(self) -> None:
        if self._clients.congested:
            self._world.clock.pause("slow client")
            self._changed()
            await self._clients.room()
            self._world.clock.resume("slow client")
            self._changed()

    def _hold_while_behind(self) -> None:
        """Stop time when catching up took too long, and let it go on after the next pass."""
        clock, behind_ns = self._world.clock, self._world.take_behind_ns()
        if clock.is_held_for(BEHIND):
            clock.resume(BEHIND)
            self._changed()
        elif behind_ns > clock.span_ns(MOST_BEHIND_WALL_NS):
            clock.pause(BEHIND)
            self._changed()

    async def _sleep(self, began_s: float) -> None:
        if self._world.clock.is_held_for(BEHIND):
            # Clients get a moment between two long passes.
            await asyncio.sleep(PASS_WALL_NS / _NS_PER_S)
            return
        due_ns = self._world.due_wall_ns()
        wait_ns = IDLE_WALL_NS if due_ns is None else max(due_ns, PASS_WALL_NS)
        if due_ns is not None and due_ns <= PASS_WALL_NS:
            # No poke can bring anything nearer than the next pass; a long one is its own pause.
            spent_s = asyncio.get_running_loop().time() - began_s
            await asyncio.sleep(max(0.0, PASS_WALL_NS / _NS_PER_S - spent_s))
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_ns / _NS_PER_S):
                await self._poked.wait()
