"""A simulated exchange whose books change as fast as it can tell, in a process of its own.

Run as `python -m tests.bench.update_source`; prints one JSON line with its URLs and tokens, and
ends when its standard input does.
"""

import asyncio
import json
import sys
from collections.abc import Sequence
from typing import Final

from polybot.adapters.clock import SystemClock
from polybot.domain.market import FeeSchedule, Market
from polybot.domain.order import Side
from polybot.simulator.api.desk import Desk
from polybot.simulator.api.heartbeats import HeartbeatWatch
from polybot.simulator.api.keyring import KeyRing
from polybot.simulator.books.ledger import Ledger
from polybot.simulator.drivers.driver import IsSettled
from polybot.simulator.engine.engine import SimulatedExchange
from polybot.simulator.engine.timers import ExchangeRules
from polybot.simulator.engine.window_book import WindowBook
from polybot.simulator.feeds.hub import Hub
from polybot.simulator.happenings import Happening, ListWindow, SetBook, SetLevels
from polybot.simulator.market_clock import SegmentedClock
from polybot.simulator.player import Player
from polybot.simulator.server import Address, Server, endpoints, make_app
from polybot.simulator.world import World

S: Final = 1_000_000_000
SHARE: Final = 1_000_000
START: Final = 1_800_000_000 * S
# More than it can do: the market then waits for the clients, and the figure is the server's own.
OFFERED_A_SECOND: Final = 24_000
MARKETS: Final = 2
LEVELS: Final = 20


def market(number: int) -> Market:
    """Return one of the markets whose books change."""
    return Market(
        slug=f"btc-updown-1h-{number}",
        condition_id=f"0x{number:064x}",
        token_up=str(2**255 + 2 * number),
        token_down=str(2**255 + 2 * number + 1),
        asset="btc",
        open_ns=START,
        close_ns=START + 86_400 * S,
        fee=FeeSchedule(rate_bps=700),
    )


class Torrent:
    """A driver of single level changes, evenly spaced, over books of 20 levels a side."""

    source = "a torrent of changes"
    start_ns = START

    def __init__(self) -> None:
        self._opening: list[Happening] = []
        bids = tuple((100 * cents, 100 * SHARE) for cents in range(48 - LEVELS, 48))
        asks = tuple((100 * cents, 100 * SHARE) for cents in range(53, 53 + LEVELS))
        for number in range(MARKETS):
            listed = market(number)
            self._opening.append(ListWindow(START, listed))
            self._opening.append(SetBook(START, listed.slug, bids, asks))
        self._number = 0
        self._slugs = [market(number).slug for number in range(MARKETS)]
        self._next = self._change()

    def seek(self, played_ns: int, is_settled: IsSettled) -> None:
        """Begin at the start, always."""

    def peek(self) -> Happening | None:
        """Return the next change."""
        return self._opening[0] if self._opening else self._next

    def take_until(self, until_ns: int) -> Sequence[Happening]:
        """Take the changes up to a time."""
        taken, self._opening = list(self._opening), []
        while self._next.ts_ns <= until_ns:
            taken.append(self._next)
            self._next = self._change()
        return taken

    def _change(self) -> SetLevels:
        self._number += 1
        number = self._number
        side, cents = (Side.BUY, 47) if number // MARKETS % 2 else (Side.SELL, 53)
        step = number // (2 * MARKETS) % LEVELS
        price = 100 * (cents - step if side is Side.BUY else cents + step)
        size = (50 + number % 97) * SHARE
        ts_ns = START + number * S // OFFERED_A_SECOND
        return SetLevels(ts_ns, self._slugs[number % MARKETS], ((side, price, size),))


class _NoLog:
    """A journal that keeps nothing: changes of books are never journaled."""

    def append(self, payload: bytes) -> int:
        return len(payload)

    def sync(self) -> None:
        return

    def records_after(self, seq: int) -> Sequence[tuple[int, bytes]]:
        del seq
        return ()


async def serve() -> None:
    """Serve until standard input ends."""
    clock = SystemClock()
    ledger, books = Ledger(), dict[str, WindowBook]()
    hub = Hub(ledger, books)
    exchange = SimulatedExchange(ledger, ExchangeRules(), hub, books)
    market_clock = SegmentedClock(clock.monotonic_ns, start_ns=START, speed=1.0, held="starting")
    world = World(clock=market_clock, driver=Torrent(), exchange=exchange, log=_NoLog(), outlet=hub)
    world.open()
    keys = KeyRing(exchange, secret=b"bench", opening_balance_usdc=0)
    player = Player(world, hub, lambda: None)
    watch = HeartbeatWatch(exchange, clock.monotonic_ns())
    server = Server(make_app(Desk(world, hub, keys, watch, clock, player.poke)))
    await server.start(Address("127.0.0.1", 0))
    player.start()
    tokens = [market(number).token_up for number in range(MARKETS)]
    tokens += [market(number).token_down for number in range(MARKETS)]
    print(json.dumps({**endpoints(server.address), "tokens": tokens}), flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await player.stop()
    await server.stop()


if __name__ == "__main__":
    asyncio.run(serve())
