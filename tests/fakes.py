"""Fakes of the ports, shared by all tests."""

import hashlib
from collections.abc import Mapping
from typing import Any, TypeVar

from polybot.messages.codec import encode, encode_body
from polybot.messages.commands import Witness
from polybot.messages.envelope import Envelope
from polybot.messages.lifecycle import MarketTimeChanged
from polybot.ports import CatalogAnswer

Event = TypeVar("Event")


class FakeClock:
    """Time that moves only when a test says so."""

    def __init__(
        self, now_ns: int = 1_800_000_000_000_000_000, mono_ns: int = 1_000_000_000
    ) -> None:
        self.wall_ns = now_ns
        self.mono_ns = mono_ns
        self.turn_ns = mono_ns

    def begin_turn(self) -> None:
        self.turn_ns = self.mono_ns

    def elapsed_ns(self) -> int:
        return self.mono_ns - self.turn_ns

    def now_ns(self) -> int:
        return self.wall_ns

    def monotonic_ns(self) -> int:
        return self.mono_ns

    def advance(self, seconds: float) -> None:
        self.wall_ns += int(seconds * 1_000_000_000)
        self.mono_ns += int(seconds * 1_000_000_000)


class FakeNotifier:
    """Writes down what the service manager would hear; `deadline_s` is its watchdog deadline."""

    def __init__(self, deadline_s: float | None = None) -> None:
        self.deadline_s = deadline_s
        self.heard: list[str] = []

    def ready(self) -> None:
        self.heard.append("READY=1")

    def stopping(self) -> None:
        self.heard.append("STOPPING=1")

    def watchdog(self) -> None:
        self.heard.append("WATCHDOG=1")

    def status(self, text: str) -> None:
        self.heard.append(f"STATUS={text}")

    def extend_timeout(self, seconds: float) -> None:
        self.heard.append("EXTEND_TIMEOUT_USEC")

    def watchdog_interval_s(self) -> float | None:
        return self.deadline_s


class FakeMarketClock:
    """Market time that a test sets; it runs, at `pace`, from the first moment."""

    def __init__(self, market_ns: int = 1_787_236_800_000_000_000, pace: float = 1.0) -> None:
        self.market_ns = market_ns
        self.pace = pace
        self.known = True
        self.accepted: list[MarketTimeChanged] = []

    def now_ns(self) -> int:
        return self.market_ns

    def speed(self) -> float:
        return self.pace

    def ready(self) -> bool:
        return self.known

    def accept(self, change: MarketTimeChanged) -> None:
        self.accepted.append(change)
        self.market_ns = max(self.market_ns, change.origin_market_ns)

    def advance(self, seconds: float) -> None:
        self.market_ns += int(seconds * 1_000_000_000)


def event_hash(envelope: Envelope) -> str:
    """Return the hash a record would arrive with."""
    return hashlib.blake2b(encode(envelope), digest_size=16).hexdigest()


class FakeOutbox:
    """A journal in memory: `committed` is what survives a crash, `said` what was volatile."""

    def __init__(self, source: str = "tracker", session: str = "s1") -> None:
        self.source = source
        self.session = session
        self.committed: list[tuple[Envelope, Any]] = []
        self.uncommitted: list[tuple[Envelope, Any]] = []
        self.said: list[Any] = []

    def record(
        self, event: Any, *, ts_event: int | None = None, correlation_id: str = ""
    ) -> Envelope:
        envelope = make_envelope(
            event,
            source=self.source,
            seq=self.last_seq() + 1,
            session=self.session,
            ts_event=0 if ts_event is None else ts_event,
            correlation_id=correlation_id,
        )
        self.uncommitted.append((envelope, event))
        return envelope

    def commit(self) -> None:
        self.committed += self.uncommitted
        self.uncommitted = []

    def say(self, event: Any, *, ts_event: int | None = None) -> None:
        self.said.append(event)

    def last_seq(self) -> int:
        return len(self.committed) + len(self.uncommitted)

    def after(self, seq: int, limit: int = 500) -> list[tuple[Envelope, Any, str]]:
        """Return committed events with their hashes, as the own journal does."""
        return [
            (envelope, body, event_hash(envelope))
            for envelope, body in self.committed[seq : seq + limit]
        ]

    def events(self, kind: type[Event]) -> list[Event]:
        """Return the committed events of one type."""
        return [body for _, body in self.committed if isinstance(body, kind)]

    def crash(self, session: str) -> None:
        """Lose what was not committed and begin a new session."""
        self.uncommitted = []
        self.session = session


def make_envelope(
    event: Any,
    *,
    source: str = "trader",
    seq: int = 1,
    session: str = "s1",
    ts_event: int = 0,
    correlation_id: str = "",
    durable: bool = True,
) -> Envelope:
    """Wrap an event as its source would."""
    return Envelope(
        type=type(event).__name__,
        source=source,
        session=session,
        seq=seq,
        durable=durable,
        ts_event=ts_event,
        ts_init=ts_event,
        correlation_id=correlation_id,
        body=encode_body(event),
    )


class FakeInbox:
    """Messages that a test puts in; durable ones below a source's position are not given again."""

    def __init__(self) -> None:
        self.durable: list[tuple[Envelope, Any]] = []
        self.volatile: list[tuple[Envelope, Any]] = []
        self.positions: dict[str, int] = {}
        self.acknowledged: dict[str, int] = {}
        self.known_by: dict[str, Witness] = {}
        self.other_journals: dict[str, int] = {}

    def put(self, event: Any, *, source: str = "trader", ts_event: int = 0) -> Envelope:
        """Add the next durable event of a source."""
        seq = 1 + sum(envelope.source == source for envelope, _ in self.durable)
        envelope = make_envelope(event, source=source, seq=seq, ts_event=ts_event)
        self.durable.append((envelope, event))
        return envelope

    def put_volatile(self, event: Any, *, source: str = "trader", session: str = "s1") -> None:
        """Add a volatile message of a source's session."""
        envelope = make_envelope(event, source=source, session=session, durable=False)
        self.volatile.append((envelope, event))

    def take(self) -> list[tuple[Envelope, Any]]:
        return [(envelope, body) for envelope, body, _ in self.take_records()]

    def take_records(self) -> list[tuple[Envelope, Any, str]]:
        new = [
            (envelope, body, event_hash(envelope))
            for envelope, body in self.durable
            if envelope.seq > self.positions.get(envelope.source, 0)
        ]
        for envelope, _, _ in new:
            self.positions[envelope.source] = envelope.seq
        heard, self.volatile = self.volatile, []
        return new + [(envelope, body, "") for envelope, body in heard]

    def position(self, source: str) -> int:
        return self.positions.get(source, 0)

    def witnesses(self) -> dict[str, Witness]:
        newest = {envelope.source: envelope for envelope, _ in self.durable}
        return {
            source: Witness(seq=envelope.seq, hash=event_hash(envelope))
            for source, envelope in newest.items()
            if envelope.seq <= self.positions.get(source, 0)
        }

    def resume_from(self, positions: dict[str, int], witnesses: Mapping[str, Witness]) -> None:
        self.positions = dict(positions)
        self.known_by = dict(witnesses)

    def replaced(self) -> dict[str, int]:
        return self.other_journals

    def acknowledge(self, source: str, seq: int) -> None:
        self.acknowledged[source] = seq

    def gaps(self) -> dict[str, int]:
        return {}


class FakeCatalog:
    """A catalog that answers at once with what a test put in; `asked` keeps every question."""

    def __init__(self) -> None:
        self.known: dict[str, CatalogAnswer] = {}
        self.asked: list[str] = []
        self.waiting: list[str] = []
        self.silent = False

    def request(self, slug: str) -> None:
        self.asked.append(slug)
        self.waiting.append(slug)

    def take(self) -> list[CatalogAnswer]:
        if self.silent:
            return []
        waiting, self.waiting = self.waiting, []
        return [self.known.get(slug, CatalogAnswer(slug, None)) for slug in waiting]


class FakeOutcomes:
    """A second route to outcomes; answers at once with what a test put in."""

    def __init__(self) -> None:
        self.known: dict[str, CatalogAnswer] = {}
        self.asked: list[tuple[str, str]] = []
        self._waiting: list[str] = []

    def request(self, slug: str, condition_id: str) -> None:
        self.asked.append((slug, condition_id))
        self._waiting.append(slug)

    def take(self) -> list[CatalogAnswer]:
        waiting, self._waiting = self._waiting, []
        return [self.known.get(slug, CatalogAnswer(slug, None)) for slug in waiting]


class FakeCommandSender:
    """Keeps the commands sent, by process."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, Any]] = []

    def send(self, process: str, command: Any) -> None:
        self.sent.append((process, command))


class FakeCheckpoints:
    """Keeps the newest checkpoint in memory."""

    def __init__(self) -> None:
        self.saved: tuple[int, bytes, int] | None = None

    def save_in_background(self, seq: int, state: bytes, schema: int) -> None:
        self.saved = (seq, state, schema)
