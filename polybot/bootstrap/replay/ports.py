"""The trader's ports in a replay: what they give is the tape's, what they are told goes nowhere."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from polybot.adapters.order_signer import WalletOrderSigner
from polybot.bootstrap.replay.tape import Batch
from polybot.domain.arming import Arming
from polybot.domain.market import Market
from polybot.domain.preflight import PreflightFacts
from polybot.exchange.contracts import ExchangeDomain
from polybot.exchange.order_hash import SignedOrder as SignedWireOrder
from polybot.exchange.order_hash import UnsignedOrder, order_id
from polybot.exchange.signing import check_signable
from polybot.messages.commands import Witness
from polybot.messages.envelope import Envelope
from polybot.ports import (
    BookReply,
    CatalogAnswer,
    GatewayAnswer,
    SignedOrder,
    StreamFrame,
)
from polybot.runtime.tape_format import TapeFrame
from polybot.services.trader.tape_records import (
    KIND_NAMES,
    NUMBER,
    STREAM_NAMES,
    TAPE_ACCOUNT,
    TAPE_ANSWER,
    TAPE_ARMING,
    TAPE_BOOK,
    TAPE_BUS,
    TAPE_CATALOG,
    TAPE_CLEARED,
    TAPE_CONNECTION,
    TAPE_PREFLIGHT,
    TAPE_REFUSAL,
    Account,
    ArmingLook,
    decode_account,
    decode_answer,
    decode_arming,
    decode_book,
    decode_bus,
    decode_catalog,
    decode_connection,
    decode_facts,
)

# Stands in an order that the journal does not have: it is another one than the session's.
NO_SIGNATURE: Final = "no signature of this order is in the journal"


class ReplayClock:
    """The clock of the batch that is replayed."""

    def __init__(self, mono_ns: int, wall_ns: int) -> None:
        self._mono_ns = mono_ns
        self._wall_ns = wall_ns
        self._overrun_ns = 0

    def follow(self, batch: Batch) -> None:
        """Go on to a batch."""
        self._mono_ns, self._wall_ns = batch.mono_ns, batch.begin.wall_ns
        self._overrun_ns = batch.overrun_ns

    def begin_turn(self) -> None:
        """Stay: the tape says what time it is."""

    def elapsed_ns(self) -> int:
        """Return how long the batch took when that was too long, else 0."""
        return self._overrun_ns

    def now_ns(self) -> int:
        """Return the batch's wall time."""
        return self._wall_ns

    def monotonic_ns(self) -> int:
        """Return the batch's monotonic time."""
        return self._mono_ns


@dataclass(slots=True)
class Feed:
    """What is there to be taken in the batch under way, by kind of record."""

    batch: int = 0
    is_ready: bool = False
    account: Account = field(default_factory=lambda: Account("", "", ""))
    look: ArmingLook = field(default_factory=ArmingLook)
    is_cleared: bool = True
    refusals: dict[int, str] = field(default_factory=dict)
    waiting: dict[int, list[Any]] = field(default_factory=dict)
    streams: dict[str, list[StreamFrame]] = field(default_factory=dict)

    def load(self, batch: Batch) -> None:
        """Lay out a batch's inputs."""
        self.batch, self.is_ready = batch.number, batch.begin.ready
        self.waiting, self.streams, self.refusals = {}, {}, {}
        for frame in batch.frames:
            self._lay_out(frame)

    def take(self, kind: int) -> list[Any]:
        """Return what there is of a kind."""
        return self.waiting.pop(kind, [])

    def left(self) -> list[str]:
        """Return what nobody took, though the session's trader had."""
        return sorted(
            [KIND_NAMES[kind] for kind in self.waiting]
            + [f"{name} stream" for name in self.streams]
        )

    def _lay_out(self, frame: TapeFrame) -> None:
        name = STREAM_NAMES.get(frame.kind)
        if name is not None:
            told = StreamFrame(name, frame.mono_ns, frame.data)
            self.streams.setdefault(name, []).append(told)
        elif frame.kind == TAPE_CONNECTION:
            change = decode_connection(frame.data, frame.mono_ns)
            self.streams.setdefault(change.stream, []).append(change)
        elif frame.kind == TAPE_ACCOUNT:
            self.account = decode_account(frame.data)
        elif frame.kind == TAPE_ARMING:
            self.look = decode_arming(frame.data)
        elif frame.kind == TAPE_CLEARED:
            self.is_cleared = frame.data == b"1"
        elif frame.kind == TAPE_REFUSAL:
            (asked,) = NUMBER.unpack_from(frame.data)
            self.refusals[asked] = frame.data[NUMBER.size :].decode()
        else:
            self.waiting.setdefault(frame.kind, []).append(_DECODERS[frame.kind](frame.data))


_DECODERS: dict[int, Callable[[bytes], Any]] = {
    TAPE_BUS: decode_bus,
    TAPE_ANSWER: decode_answer,
    TAPE_BOOK: decode_book,
    TAPE_CATALOG: decode_catalog,
    TAPE_PREFLIGHT: decode_facts,
}


@dataclass(slots=True)
class ReplayStream:
    """A stream whose frames are the tape's."""

    name: str
    feed: Feed

    def subscribe(self, subjects: Sequence[str]) -> None:
        """Change nothing."""

    def take(self) -> list[StreamFrame]:
        """Return the batch's frames."""
        return self.feed.streams.pop(self.name, [])

    def age_s(self) -> float | None:
        """Return None: only people ask."""
        return None

    async def start(self) -> None:
        """Connect to nothing."""

    async def stop(self) -> None:
        """Close nothing."""


@dataclass(slots=True)
class ReplayInbox:
    """What other processes said in the batch."""

    feed: Feed

    def take(self) -> list[tuple[Envelope, Any]]:
        """Return the batch's messages."""
        return self.feed.take(TAPE_BUS)

    def take_records(self) -> list[tuple[Envelope, Any, str]]:
        """Return the same without hashes, which the trader does not ask for."""
        return [(envelope, body, "") for envelope, body in self.take()]

    def position(self, source: str) -> int:
        """Return 0."""
        return 0

    def witnesses(self) -> dict[str, Witness]:
        """Return none: a replay is never continued."""
        return {}

    def resume_from(self, positions: dict[str, int], witnesses: Mapping[str, Witness]) -> None:
        """Begin where the tape begins."""

    def replaced(self) -> dict[str, int]:
        """Return none."""
        return {}

    def acknowledge(self, source: str, seq: int) -> None:
        """Tell nobody."""

    def gaps(self) -> dict[str, int]:
        """Return none."""
        return {}


@dataclass(slots=True)
class ReplayBooks:
    """Whole books by request, as they came."""

    feed: Feed

    def request(self, token_id: str) -> None:
        """Ask nobody."""

    def take(self) -> list[BookReply]:
        """Return the batch's books."""
        return self.feed.take(TAPE_BOOK)


@dataclass(slots=True)
class ReplayCatalog:
    """The catalog's answers, as they came."""

    feed: Feed

    def request(self, slug: str) -> None:
        """Ask nobody."""

    def take(self) -> list[CatalogAnswer]:
        """Return the batch's answers."""
        return self.feed.take(TAPE_CATALOG)


@dataclass(slots=True)
class ReplayPreflight:
    """What the preflights read."""

    feed: Feed

    def request(self, market: Market) -> None:
        """Read nothing."""

    def refresh_balance(self, token_id: str) -> None:
        """Ask nobody."""

    def take(self) -> list[PreflightFacts]:
        """Return what was read."""
        return self.feed.take(TAPE_PREFLIGHT)


@dataclass(slots=True)
class ReplayArming:
    """The arming as the session saw it last."""

    feed: Feed

    def read(self) -> Arming | None:
        """Return it; raises StorageError when it could not be read then."""
        look = self.feed.look
        if look.error is not None:
            raise look.error
        return look.arming


@dataclass(slots=True)
class ReplayFence:
    """The fence as the session found it; it was never raised where the tape goes on."""

    feed: Feed
    epoch: int = 0
    _batch: int = 0
    _asked: int = 0

    def is_raised(self) -> bool:
        """Return False: a session that finds it raised is over."""
        return False

    def refusal(self, since_ns: int) -> str:
        """Return what the fence said of the batch's so-many-eth order."""
        if self._batch != self.feed.batch:
            self._batch, self._asked = self.feed.batch, 0
        self._asked += 1
        return self.feed.refusals.get(self._asked - 1, "")

    def is_cleared(self) -> bool:
        """Return whether it was cleared by then."""
        return self.feed.is_cleared


class ReplayCheckpoints:
    """Keeps no checkpoints."""

    def save_in_background(self, seq: int, state: bytes, schema: int) -> None:
        """Write nothing."""


@dataclass(slots=True)
class ReplayGateway:
    """Sends nothing; its answers are the tape's."""

    feed: Feed

    def post(self, order: SignedOrder) -> None:
        """Send nothing."""

    def cancel(self, venue_order_ids: Sequence[str]) -> None:
        """Send nothing."""

    def request_snapshot(self, *, token_ids: Sequence[str], after_s: int, tag: str) -> None:
        """Ask nobody."""

    def look_up(self, venue_order_id: str) -> None:
        """Ask nobody."""

    def beat(self) -> None:
        """Send nothing."""

    def take(self) -> list[GatewayAnswer]:
        """Return the batch's answers."""
        return self.feed.take(TAPE_ANSWER)

    def keep_warm(self) -> None:
        """Have no connection."""


@dataclass(frozen=True, slots=True)
class RecordedKey:
    """Signs without a key: the signature of an order is the one the journal has under its hash."""

    address: str
    signatures: dict[str, str]

    def sign_order(self, order: UnsignedOrder, domain: ExchangeDomain) -> SignedWireOrder:
        """Return the order with its hash and the recorded signature; InvalidValue as the key."""
        check_signable(order, self.address)
        own_id = order_id(order, domain)
        return SignedWireOrder(order, own_id, self.signatures.get(own_id, NO_SIGNATURE))


@dataclass(slots=True)
class ReplayAccess:
    """The account as the tape has it."""

    feed: Feed
    signature_type: int
    signatures: dict[str, str]
    gateway: ReplayGateway = field(init=False)
    _signer: WalletOrderSigner | None = None
    _signs_for: Account | None = None

    def __post_init__(self) -> None:
        self.gateway = ReplayGateway(self.feed)

    @property
    def signer(self) -> WalletOrderSigner:
        """The production signer, over recorded signatures."""
        account = self.feed.account
        if self._signer is None or self._signs_for is not account:
            self._signs_for = account
            self._signer = WalletOrderSigner(
                RecordedKey(account.address, self.signatures),
                funder=account.funder,
                signature_type=self.signature_type,
                owner=account.api_key,
            )
        return self._signer

    @property
    def api_key(self) -> str:
        """The API key our orders are booked under."""
        return self.feed.account.api_key

    def ready(self) -> bool:
        """Return whether the account was known in the batch."""
        return self.feed.is_ready

    def renew(self) -> None:
        """Log in nowhere."""
