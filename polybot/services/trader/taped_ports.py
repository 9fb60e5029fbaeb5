"""The ports the trader reads within a turn, taped: what they gave can be given again."""

from dataclasses import dataclass, field
from typing import Final

import msgspec

from polybot.domain.arming import Arming
from polybot.domain.market import Market
from polybot.domain.preflight import PreflightFacts
from polybot.errors import StorageError
from polybot.ports import (
    ArmingStore,
    CatalogAnswer,
    Clock,
    ExchangeAccess,
    MarketCatalog,
    MarketClock,
    OrderGateway,
    OrderSigner,
    Outbox,
    Preflight,
    Tape,
    TurnClock,
)
from polybot.ports.fence import Fence
from polybot.services.trader.parts import TraderPorts
from polybot.services.trader.tape_records import (
    NUMBER,
    TAPE_ACCOUNT,
    TAPE_ARMING,
    TAPE_CATALOG,
    TAPE_CLEARED,
    TAPE_OVERRUN,
    TAPE_PREFLIGHT,
    TAPE_REFUSAL,
    TAPE_SEQ,
    Account,
    ArmingLook,
    Begin,
    encode_begin,
    encode_value,
)

# Every port of the trader, and why a replay knows what it said. A port missing here is a hole in
# the tape; a test holds this table against `TraderPorts`.
HOW_REPLAYED: Final = {
    "wake": "written only",
    "outbox": "its session and first seq are in the session's record; what it says is compared",
    "inbox": "taped by Inputs",
    "checkpoints": "written only",
    "catalog": "TapedCatalog",
    "preflight": "TapedPreflight",
    "access": "TurnAccess; a signature is taken from the journal, by the order's hash",
    "market": "taped by Inputs; its age is for people only",
    "user": "taped by Inputs",
    "prices": "taped by Inputs; how long one is silent is told by its frames",
    "book_source": "taped by Inputs",
    "tape": "written only",
    "clock": "both readings of a turn are in its first record, a long turn's length too",
    "market_clock": "follows from the clock and the taped changes of market time",
    "arming": "TapedArming",
    "fence": "TapedFence; a session that finds it raised ends in that turn, which has no end then",
}


class Recorder(msgspec.Struct, frozen=True):
    """Writes one input at the turn's own time."""

    tape: Tape
    clock: Clock
    market_clock: MarketClock

    def record(self, kind: int, data: bytes) -> None:
        """Add an input."""
        self.tape.record(kind, self.clock.monotonic_ns(), self.market_clock.now_ns(), data)


class TapedCatalog(msgspec.Struct):
    """Tapes the catalog's answers."""

    catalog: MarketCatalog
    recorder: Recorder

    def request(self, slug: str) -> None:
        """Ask for a market."""
        self.catalog.request(slug)

    def take(self) -> list[CatalogAnswer]:
        """Return and tape what arrived."""
        taken = self.catalog.take()
        for answer in taken:
            self.recorder.record(TAPE_CATALOG, encode_value(answer))
        return taken


class TapedPreflight(msgspec.Struct):
    """Tapes what a preflight read."""

    preflight: Preflight
    recorder: Recorder

    def request(self, market: Market) -> None:
        """Read everything once for a window."""
        self.preflight.request(market)

    def refresh_balance(self, token_id: str) -> None:
        """Have a balance read anew."""
        self.preflight.refresh_balance(token_id)

    def take(self) -> list[PreflightFacts]:
        """Return and tape what was read."""
        taken = self.preflight.take()
        for facts in taken:
            self.recorder.record(TAPE_PREFLIGHT, encode_value(facts))
        return taken


class TapedArming(msgspec.Struct):
    """Tapes a look at the arming when it found something else than the look before."""

    store: ArmingStore
    recorder: Recorder
    _last: bytes | None = None

    def read(self) -> Arming | None:
        """Return the arming; raises StorageError when it is unreadable."""
        try:
            look = ArmingLook(self.store.read())
        except StorageError as error:
            look = ArmingLook(error=error)
        seen = encode_value(look)
        if seen != self._last:
            self._last = seen
            self.recorder.record(TAPE_ARMING, seen)
        if look.error is not None:
            raise look.error
        return look.arming


class TapedFence(msgspec.Struct):
    """Tapes each order that the fence did not let through, and when it was cleared."""

    fence: Fence
    recorder: Recorder
    _asked: int = 0
    _cleared: bool | None = None

    @property
    def epoch(self) -> int:
        """The epoch under which this session began."""
        return self.fence.epoch

    def begin(self) -> None:
        """Count a batch's questions anew."""
        self._asked = 0

    def is_raised(self) -> bool:
        """Return whether the epoch is another one by now."""
        return self.fence.is_raised()

    def refusal(self, since_ns: int) -> str:
        """Return why an order of a turn begun at `since_ns` must not leave, "" when it may."""
        reason = self.fence.refusal(since_ns)
        if reason:
            self.recorder.record(TAPE_REFUSAL, NUMBER.pack(self._asked) + reason.encode())
        self._asked += 1
        return reason

    def is_cleared(self) -> bool:
        """Return whether nothing of an older epoch rests at the exchange any more."""
        cleared = self.fence.is_cleared()
        if cleared is not self._cleared:
            self._cleared = cleared
            self.recorder.record(TAPE_CLEARED, b"1" if cleared else b"0")
        return cleared


class TurnAccess(msgspec.Struct):
    """The account as it stood when the turn began: a login that ends meanwhile counts in the next.

    Tapes which account it is whenever that is another than before.
    """

    access: ExchangeAccess
    recorder: Recorder
    api_key: str = ""
    _is_ready: bool = False
    _account: Account | None = None

    @property
    def gateway(self) -> OrderGateway:
        """The trading routes."""
        return self.access.gateway

    @property
    def signer(self) -> OrderSigner:
        """The wallet's signer."""
        return self.access.signer

    def look(self) -> bool:
        """Return whether there are credentials now; it stays so for the turn."""
        self._is_ready = self.access.ready()
        if self._is_ready:
            self.api_key = self.access.api_key
        return self._is_ready

    def tape_account(self) -> None:
        """Tape the account when it is news; once the turn's begin is on the tape."""
        if not self._is_ready:
            return
        if self._account is not None and self._account.api_key == self.api_key:
            return
        signer = self.access.signer
        self._account = Account(self.api_key, signer.address, signer.funder)
        self.recorder.record(TAPE_ACCOUNT, encode_value(self._account))

    def ready(self) -> bool:
        """Return whether there were credentials when the turn began, and still are."""
        return self._is_ready

    def renew(self) -> None:
        """Drop the credentials, because the exchange refused them, and log in again."""
        self._is_ready = False
        self.access.renew()


@dataclass(slots=True)
class Batches:
    """Begins and ends what is taken in one go: the start, a turn, a command between two turns."""

    clock: TurnClock
    access: TurnAccess
    fence: TapedFence
    recorder: Recorder
    outbox: Outbox
    _seq: int = field(init=False)

    def __post_init__(self) -> None:
        self._seq = self.outbox.last_seq()

    def begin(self, kind: int, command: str = "", body: bytes = b"") -> None:
        """Let time go on to now and put the begin on the tape."""
        self.clock.begin_turn()
        self.fence.begin()
        begin = Begin(self.clock.now_ns(), self.access.look(), command, body)
        self.recorder.record(kind, encode_begin(begin))
        self.access.tape_account()

    def overrun_ns(self, limit_ns: int) -> int:
        """Return how long the batch has taken when that is more than a limit, else 0."""
        took_ns = self.clock.elapsed_ns()
        if took_ns <= limit_ns:
            return 0
        self.recorder.record(TAPE_OVERRUN, NUMBER.pack(took_ns))
        return took_ns

    def end(self) -> None:
        """Mark that everything taken was worked off, and up to which event."""
        seq = self.outbox.last_seq()
        if seq != self._seq:
            self.recorder.record(TAPE_SEQ, NUMBER.pack(seq))
        recorder = self.recorder
        recorder.tape.end_batch(self.clock.monotonic_ns(), recorder.market_clock.now_ns())


def on_tape(ports: TraderPorts) -> tuple[TraderPorts, Batches]:
    """Return the ports as the trader reads them from here on, and what marks its batches."""
    recorder = Recorder(ports.tape, ports.clock, ports.market_clock)
    access = TurnAccess(ports.access, recorder)
    fence = TapedFence(ports.fence, recorder)
    taped = msgspec.structs.replace(
        ports,
        access=access,
        fence=fence,
        catalog=TapedCatalog(ports.catalog, recorder),
        preflight=TapedPreflight(ports.preflight, recorder),
        arming=None if ports.arming is None else TapedArming(ports.arming, recorder),
    )
    return taped, Batches(ports.clock, access, fence, recorder, ports.outbox)
