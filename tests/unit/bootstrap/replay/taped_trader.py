"""A trader that leaves a real tape and a real journal, around which everything else is a fake."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import zstandard

from polybot.adapters.clock import SystemTurnClock
from polybot.adapters.market_clock import SegmentMarketClock
from polybot.adapters.order_signer import WalletOrderSigner
from polybot.domain.market import Market
from polybot.exchange.signing import OrderSigner
from polybot.messages.lifecycle import Heartbeat, MarketTimeChanged, ProcessStarted
from polybot.ports import CatalogAnswer
from polybot.runtime.journal import Journal
from polybot.runtime.journal_history import JournalHistory
from polybot.runtime.outbox import JournaledOutbox
from polybot.runtime.tape import TapeSettings, TapeWriter, list_tapes
from polybot.runtime.tape_format import TapeFrame, TapeReader
from polybot.services.trader.parts import TraderPorts, TraderSettings
from polybot.services.trader.restore import restore
from polybot.services.trader.service import TraderService
from polybot.services.trader.tape_records import TAPE_SESSION, encode_value
from polybot.services.trader.taped_session import (
    SEGMENTS,
    AgentRecord,
    SessionRecord,
    agents_of,
    read_session,
    tape_session,
)
from polybot.strategies.registry import effective_parameters
from tests.fakes import FakeCatalog, FakeCheckpoints, FakeClock, FakeInbox
from tests.story import AGENT, CLOSE_NS, market_at, settled
from tests.unit.services.trader import frames
from tests.unit.services.trader.fakes_exchange import (
    API_KEY,
    FakeAccess,
    FakeBookSource,
    FakeGateway,
    FakePreflight,
    FakeStream,
    accepted,
    trade_frame,
)
from tests.unit.services.trader.whole_trader import SETTINGS

S = 1_000_000_000
KEY = OrderSigner("0x" + "4c" * 32)
BIDS, ASKS = (("0.96", "500"),), (("0.97", "500"),)


class NoBus:
    """Nobody listens."""

    def send(self, topic: bytes, payload: bytes) -> None:
        pass


class TapedTrader:
    """One directory of a trader, as its lives leave it; market time runs as fast as the wall's."""

    def __init__(
        self,
        directory: Path,
        settings: TraderSettings = SETTINGS,
        *,
        tape: TapeSettings | None = None,
    ) -> None:
        self.directory = directory
        self.settings = settings
        self.clock = FakeClock()
        self.turns = SystemTurnClock(self.clock)
        self.market_clock = SegmentMarketClock(self.turns)
        self.catalog, self.preflight = FakeCatalog(), FakePreflight()
        self.books, self.gateway = FakeBookSource(), FakeGateway()
        self._tape_settings = tape
        self._lives = 0
        for number in range(3):
            market = market_at(number)
            self.catalog.known[market.slug] = CatalogAnswer(market.slug, market)

    def live(self) -> "TapedTrader":
        """Begin a life and reconcile; the first one 90 market seconds before a window closes."""
        self.begin()
        for stream in (self.market, self.user, self.price):
            stream.connect()
        self.turn()
        self.gateway.answers.append(self.gateway.snapshot(balance_usdc=1_000_000_000))
        self.turn()
        return self

    def begin(self) -> "TapedTrader":
        """Begin a life."""
        self._lives += 1
        begins_ns = CLOSE_NS - 90 * S if self._lives == 1 else self.market_clock.now_ns()
        self.market_clock = SegmentMarketClock(self.turns)
        self.session = f"life{self._lives}"
        self.inbox = FakeInbox()
        self.market, self.user, self.price = map(FakeStream, ("market", "user", "price"))
        self.journal = Journal.open(self.directory)
        self.outbox = JournaledOutbox(
            "trader", self.session, journal=self.journal, sender=NoBus(), clock=self.turns
        )
        self.tape = self.tape_writer(self.session)
        access = FakeAccess(self.gateway)
        access.signer = WalletOrderSigner(KEY, funder="", signature_type=0, owner=API_KEY)  # type: ignore[assignment]
        ports = TraderPorts(
            wake=asyncio.Event(),
            outbox=self.outbox,
            inbox=self.inbox,
            checkpoints=FakeCheckpoints(),
            catalog=self.catalog,
            preflight=self.preflight,
            access=access,
            market=self.market,
            user=self.user,
            prices=(self.price,),
            book_source=self.books,
            tape=self.tape,
            clock=self.turns,
            market_clock=self.market_clock,
        )
        history = JournalHistory(self.directory)
        restored = restore(0, None, (payload for _, payload in history.payloads_after(0)))
        record = self.record()
        tape_session(self.tape, record, restored)
        self.state = restored.state
        self.service = TraderService(self.settings, ports, agents_of(record), restored)
        asyncio.run(self.service.start())
        self.outbox.record(
            ProcessStarted(
                process="trader",
                pid=1,
                version="",
                mode="",
                config_hash="",
                restored_seq=0,
                replayed=restored.replayed,
            )
        )
        self.outbox.commit()
        self.run_market_time(begins_ns)
        return self

    def tape_writer(self, session: str) -> TapeWriter:
        """Return a writer of a tape here."""
        return TapeWriter(self.directory / "tape", session, self._tape_settings)

    def record(self) -> SessionRecord:
        """Return what the session begins with."""
        return SessionRecord(
            program="test",
            session=self.session,
            mono_ns=self.turns.monotonic_ns(),
            wall_ns=self.turns.now_ns(),
            last_seq=self.outbox.last_seq(),
            market_time=SEGMENTS,
            settings=self.settings,
            agents=(
                AgentRecord(
                    name=AGENT,
                    strategy="capture_99c",
                    parameters=effective_parameters("capture_99c", {}),
                    capital_usdc=200_000_000,
                    series=(),
                ),
            ),
            prices=("price",),
            needs_arming=False,
        )

    def run_market_time(self, market_ns: int) -> None:
        """Say on the bus what time it is at the market."""
        change = MarketTimeChanged(
            origin_mono_ns=self.clock.mono_ns, origin_market_ns=market_ns, speed=1.0
        )
        self.inbox.put_volatile(change, source="simulator")

    def turn(self, seconds: float = 1) -> None:
        """Let time pass and do one turn."""
        self.clock.advance(seconds)
        for process in ("watchdog", "tracker"):
            heartbeat = Heartbeat(
                process=process, pid=1, last_seq=0, turns=0, progress=0, status=""
            )
            self.inbox.put_volatile(heartbeat, source=process)
        self.service.turn()

    def look(self, market: Market | None = None, **values: Any) -> None:
        """Show the book of a window that is all but decided, and do a turn."""
        self.market.put(frames.books(market, **({"bids": BIDS, "asks": ASKS} | values)))
        self.turn()

    def trade_a_window(self) -> "TapedTrader":
        """Enter the first window, be filled, and settle it."""
        for _ in range(70):
            self.look()
            if self.gateway.posted:
                break
        order = next(iter(self.state.orders.values()))
        self.gateway.answers.append(accepted(order.venue_order_id, "matched", "t0"))
        self.user.put(trade_frame(order, status="CONFIRMED"))
        for _ in range(5):
            self.look()
        while self.market_clock.now_ns() < CLOSE_NS + 5 * S:
            self.turn()
        self.inbox.put(settled(), source="tracker")
        self.turn()
        return self

    def end(self) -> "TapedTrader":
        """Stop as asked to."""
        asyncio.run(self.service.stop())
        self.journal.close()
        return self

    def kill(self) -> "TapedTrader":
        """End without a word: what the tape's thread was not handed is lost."""
        self.outbox.commit()
        self.tape._block.clear()  # noqa: SLF001
        self.tape._frames = 0  # noqa: SLF001
        self.tape.close()
        self.journal.close()
        return self


def retape(directory: Path, session: str, change: Callable[[SessionRecord], SessionRecord]) -> None:
    """Rewrite a session's tape as if it had begun with other settings."""
    (path,) = list_tapes(directory / "tape", session)
    frames = list(TapeReader(path))
    changed = encode_value(change(read_session(frames[0].data)))
    frames[0] = TapeFrame(TAPE_SESSION, frames[0].mono_ns, 0, changed)
    data = b"".join(frame.encode() for frame in frames)
    path.write_bytes(zstandard.ZstdCompressor(write_checksum=True).compress(data))


def with_parameters(**changes: Any) -> Callable[[SessionRecord], SessionRecord]:
    """Return what changes the agent's parameters in a session's record."""

    def change(record: SessionRecord) -> SessionRecord:
        (agent,) = record.agents
        changed = msgspec.structs.replace(agent, parameters=agent.parameters | changes)
        return msgspec.structs.replace(record, agents=(changed,))

    return change
