"""What the judge looks at: both sides' books, read from files, a little more after each kill."""

import json
import sqlite3
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from polybot.domain.order import Order, OrderStatus
from polybot.domain.trading_state import Claim
from polybot.errors import JournalError, PolybotError
from polybot.messages.codec import decode_body, decode_envelope
from polybot.messages.envelope import Envelope
from polybot.messages.safety import TradingStateChanged
from polybot.messages.trading import OrderSubmitted, ReconcileFinished
from polybot.runtime.journal_reader import JournalReader
from polybot.services.trader.claims import RECONCILE
from polybot.services.trader.state import TraderState

BATCH: Final = 5_000
POST: Final = "POST /order"

# Of a durable event: its session, its type, when it was made, and its bytes.
Event = tuple[str, str, int, str]


@dataclass(frozen=True, slots=True)
class Intent:
    """An order as the trader wrote it down before sending it."""

    seq: int
    session: str
    order: Order
    body: str


@dataclass(slots=True)
class Session:
    """One life of the trader as its journal tells it; wall times (ns) as the prover saw them.

    `over_ns` is when nothing it had sent could still be on its way unseen, 0 while it lives.
    """

    name: str
    first_seq: int
    reconciled_seq: int = 0
    deciding_seq: int = 0
    claims_before: tuple[Claim, ...] = ()
    claims_told: tuple[Claim, ...] | None = None
    over_ns: int = 0


@dataclass(frozen=True, slots=True)
class Post:
    """An order as it arrived at the exchange; `wall_ns` is when."""

    wall_ns: int
    body: str
    number: int
    life: int


@dataclass(slots=True)
class Journal:
    """Every event of one process's journal, by seq; read on from where it stopped."""

    directory: Path
    events: dict[int, Event] = field(default_factory=dict)
    last_seq: int = 0
    damage: str = ""

    def read(self, until_seq: int | None = None) -> list[tuple[Envelope, Any]]:
        """Take what was written since; without a limit only of a process that is dead."""
        found: list[tuple[Envelope, Any]] = []
        while until_seq is None or self.last_seq < until_seq:
            try:
                reader = JournalReader(self.directory)
                if self.last_seq + 1 < reader.first_seq:
                    self.damage = f"{self.directory.name}: trimmed past {self.last_seq}"
                    self.last_seq = reader.first_seq - 1
                records = reader.read_from(self.last_seq + 1, BATCH, until_seq=until_seq)
            except JournalError as error:
                self.damage = str(error)
                break
            if not records:
                break
            for record in records:
                envelope = decode_envelope(record.payload)
                self.last_seq = record.seq
                self.events[record.seq] = event_of(envelope)
                found.append((envelope, decode_body(envelope.type, envelope.body)))
        return found


def event_of(envelope: Envelope) -> Event:
    """Return what must be the same wherever an event is kept."""
    return envelope.session, envelope.type, envelope.ts_init, bytes(envelope.body).decode()


@dataclass(slots=True)
class Trader:
    """The trader's journal folded: its state by the production's own fold, intents, sessions."""

    state: TraderState = field(default_factory=TraderState)
    intents: dict[str, list[Intent]] = field(default_factory=dict)
    by_body: dict[str, str] = field(default_factory=dict)
    sessions: list[Session] = field(default_factory=list)
    misfits: list[str] = field(default_factory=list)

    def take(self, envelope: Envelope, body: Any) -> None:
        """Fold one event."""
        session = self._session(envelope)
        if isinstance(body, OrderSubmitted):
            order_id = body.order.venue_order_id
            intent = Intent(envelope.seq, envelope.session, body.order, body.body)
            self.intents.setdefault(order_id, []).append(intent)
            self.by_body[body.body] = order_id
        elif isinstance(body, ReconcileFinished) and not session.reconciled_seq:
            session.reconciled_seq = envelope.seq
        elif isinstance(body, TradingStateChanged) and session.claims_told is None:
            session.claims_told = tuple(c for c in body.claims if c.source != RECONCILE)
        if session.reconciled_seq and envelope.type in ("DecisionMade", "IntentApproved"):
            session.deciding_seq = session.deciding_seq or envelope.seq
        try:
            self.state.apply(body)
        except (PolybotError, KeyError) as error:
            self.misfits.append(f"event {envelope.seq} ({envelope.type}): {error!r}")

    def _session(self, envelope: Envelope) -> Session:
        if not self.sessions or self.sessions[-1].name != envelope.session:
            held = tuple(c for c in self.state.claims if c.source != RECONCILE)
            self.sessions.append(Session(envelope.session, envelope.seq, claims_before=held))
        return self.sessions[-1]

    def in_flight(self, session: str) -> list[Order]:
        """Return a session's orders that were written down and have no final answer."""
        waiting = (OrderStatus.SUBMITTED, OrderStatus.UNKNOWN, OrderStatus.INITIALIZED)
        return [
            self.state.orders[order_id]
            for order_id, intents in self.intents.items()
            if intents[-1].session == session and self.state.orders[order_id].status in waiting
        ]


@dataclass(slots=True)
class Requests:
    """The exchange's journal of requests, read on from where it stopped."""

    path: Path
    posts: list[Post] = field(default_factory=list)
    answers: dict[tuple[int, int], int | None] = field(default_factory=dict)
    life: int = 0
    _offset: int = 0

    def read(self) -> None:
        """Take the lines that were finished since."""
        try:
            with self.path.open("rb") as file:
                file.seek(self._offset)
                data = file.read()
        except FileNotFoundError:
            return
        whole = data[: data.rfind(b"\n") + 1]
        self._offset += len(whole)
        for line in whole.splitlines():
            self._take(json.loads(line))

    def _take(self, told: dict[str, Any]) -> None:
        if "started_ns" in told:
            self.life += 1
        elif told.get("request") == POST:
            post = Post(int(told["wall_ns"]), str(told["body"]), int(told["number"]), self.life)
            self.posts.append(post)
        elif "status" in told:
            self.answers[self.life, int(told["number"])] = told["status"]

    def status_of(self, post: Post) -> int | None:
        """Return the status an order was answered with, None while or when it was not."""
        return self.answers.get((post.life, post.number))


@dataclass(slots=True)
class Database:
    """The tracker's database: events by source and seq, and everything it noted as a conflict."""

    path: Path
    events: dict[str, dict[int, Event]] = field(default_factory=dict)
    twice: list[str] = field(default_factory=list)
    conflicts: list[str] = field(default_factory=list)
    _last_id: int = 0

    def read(self) -> None:
        """Take the rows that were added since."""
        if not self.path.exists():
            return
        connection = sqlite3.connect(f"file:{self.path}?mode=ro", uri=True, timeout=5)
        try:
            rows = connection.execute(
                "SELECT id, source, seq, session, type, ts_init, body FROM event WHERE id > ?"
                " ORDER BY id",
                (self._last_id,),
            ).fetchall()
            self.conflicts = [
                str(row[0]) for row in connection.execute("SELECT detail FROM conflict")
            ]
        except sqlite3.OperationalError:
            # The very first moment of a database: its tables are being made.
            return
        finally:
            connection.close()
        for row_id, source, seq, session, kind, ts_init, body in rows:
            self._last_id = row_id
            known = self.events.setdefault(source, {})
            if seq in known:
                self.twice.append(f"{source} {seq}")
            known[seq] = (session, kind, ts_init, body)


@dataclass(slots=True)
class Evidence:
    """Everything of one floor. `exchange` are the simulator's own books, as it tells them."""

    trader: Trader
    journals: dict[str, Journal]
    requests: Requests
    database: Database
    exchange: dict[str, Any]
    restored: TraderState | None = None

    @classmethod
    def of(cls, state: Path) -> "Evidence":
        """Begin with nothing read of a state directory."""
        return cls(
            trader=Trader(),
            journals={name: Journal(state / name) for name in ("trader", "tracker")},
            requests=Requests(state / "simulator" / "requests.jsonl"),
            database=Database(state / "tracker" / "ledger.sqlite"),
            exchange={"accounts": [], "orders": [], "executions": []},
        )

    def read_trader(self, until_seq: int | None = None) -> None:
        """Take the trader's journal up to a seq, or all that a dead trader left."""
        for envelope, body in self.journals["trader"].read(until_seq):
            self.trader.take(envelope, body)
