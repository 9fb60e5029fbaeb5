"""What the simulated exchange journals: one record for each thing that changes its state.

A record is the only way the state changes, and each is whole in itself: an order's executions and
what became of the rest stand in one record, so that a crash between two records never leaves half
of a match. Times are market time in UTC epoch nanoseconds.
"""

import enum
from typing import Final, TypeAlias

import msgspec

from polybot.domain.fill import FillStatus
from polybot.domain.market import Market, Outcome
from polybot.domain.order import OrderType, Side
from polybot.errors import JournalError


class OrderState(enum.Enum):
    """How far an order got on the exchange.

    HELD waits for the taker delay, LIVE rests. The others are final: MATCHED is filled as far as it
    ever will be, KILLED found no (or not enough) match, INVALID was ended by the market's close.
    """

    HELD = "HELD"
    LIVE = "LIVE"
    MATCHED = "MATCHED"
    KILLED = "KILLED"
    CANCELED = "CANCELED"
    EXPIRED = "EXPIRED"
    INVALID = "INVALID"


OPEN_STATES: Final = frozenset({OrderState.HELD, OrderState.LIVE})


class Phase(enum.Enum):
    """What the exchange lets its clients do.

    RESTARTING refuses everything that trades and matches nothing, and ends in POST_ONLY. The others
    end in NORMAL: POST_ONLY takes cancels and post-only orders, CANCEL_ONLY cancels, DISABLED
    nothing.
    """

    NORMAL = "NORMAL"
    RESTARTING = "RESTARTING"
    POST_ONLY = "POST_ONLY"
    CANCEL_ONLY = "CANCEL_ONLY"
    DISABLED = "DISABLED"


class FlowKind(enum.Enum):
    """What came to an account, or changed its form, without an order; the exchange's own words.

    DEPOSIT (or a withdrawal) moves dollars alone; SPLIT turns dollars into as many shares of both
    outcomes and MERGE turns them back; the others are paid by the exchange.
    """

    DEPOSIT = "DEPOSIT"
    SPLIT = "SPLIT"
    MERGE = "MERGE"
    REWARD = "REWARD"
    MAKER_REBATE = "MAKER_REBATE"
    TAKER_REBATE = "TAKER_REBATE"


class Record(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    """Base of every record: when it happened, in market time."""

    ts_ns: int


class WorldOpened(Record, frozen=True, kw_only=True, tag=True):
    """A market was played here first; `source` names it, so that no other one continues."""

    source: str


class TimeMark(Record, frozen=True, kw_only=True, tag=True):
    """Everything up to `ts_ns` was played, and clients may see times up to `lease_ns`."""

    lease_ns: int


class AccountOpened(Record, frozen=True, kw_only=True, tag=True):
    """A wallet logged in for the first time and got its play money."""

    address: str
    amount_usdc: int


class ApiKeyCreated(Record, frozen=True, kw_only=True, tag=True):
    """An account got API credentials; they follow from address and nonce."""

    address: str
    nonce: int


class ApiKeyDeleted(Record, frozen=True, kw_only=True, tag=True):
    """An account gave API credentials back; the same nonce can have them again."""

    address: str
    nonce: int


class FunderLinked(Record, frozen=True, kw_only=True, tag=True):
    """An account trades for another address (proxy, Safe or deposit wallet)."""

    address: str
    funder: str


class Deposited(Record, frozen=True, kw_only=True, tag=True):
    """Money came from outside, or left when the amount is negative."""

    address: str
    amount_usdc: int


class Converted(Record, frozen=True, kw_only=True, tag=True):
    """Dollars became as many shares of both outcomes (SPLIT), or the other way round (MERGE)."""

    address: str
    slug: str
    kind: FlowKind
    size_shares: int


class RewardPaid(Record, frozen=True, kw_only=True, tag=True):
    """The exchange paid an account: REWARD or TAKER_REBATE."""

    address: str
    kind: FlowKind
    amount_usdc: int


class RebatesPaid(Record, frozen=True, kw_only=True, tag=True):
    """Makers got their part of the fees of all trades before this moment: (address, dollars)."""

    amounts: tuple[tuple[str, int], ...]


class PhaseChanged(Record, frozen=True, kw_only=True, tag=True):
    """The exchange lets its clients do something else, until a time (0: until the next change)."""

    phase: Phase
    until_ns: int


class HeartbeatsBegan(Record, frozen=True, kw_only=True, tag=True):
    """An account asked for the dead-man switch: from now on silence cancels its orders."""

    address: str


class HeartbeatsEnded(Record, frozen=True, kw_only=True, tag=True):
    """The dead-man switch fired and is off until the next beat; resting orders are canceled."""

    address: str


class WindowListed(Record, frozen=True, kw_only=True, tag=True):
    """A market can be found and traded; `unknown_depth_shares` is 0 where all depth is known."""

    market: Market
    unknown_depth_shares: int = 0


class TickChanged(Record, frozen=True, kw_only=True, tag=True):
    """A market has a finer tick from now on."""

    slug: str
    tick_bps: int


class StrikeKnown(Record, frozen=True, kw_only=True, tag=True):
    """The price to beat became public."""

    slug: str
    strike_e8: int


class WindowClosed(Record, frozen=True, kw_only=True, tag=True):
    """Trading in a market is over; whatever was open in it is INVALID."""

    slug: str


class WindowResolved(Record, frozen=True, kw_only=True, tag=True):
    """The official outcome of a market is known; `announced` on the market channel, or not."""

    slug: str
    outcome: Outcome
    strike_e8: int | None = None
    close_e8: int | None = None
    announced: bool = True


class Payout(msgspec.Struct, frozen=True, kw_only=True):
    """One account's shares of one token, turned into money (0 for the losing token)."""

    address: str
    token_id: str
    size_shares: int
    payout_usdc: int


class WindowRedeemed(Record, frozen=True, kw_only=True, tag=True):
    """All shares of a resolved market were turned into money."""

    slug: str
    payouts: tuple[Payout, ...]


class OrderAccepted(Record, frozen=True, kw_only=True, tag=True):
    """An order passed every check and is HELD until `release_ns`, then matched.

    `limit_bps` is the limit to the nearest 1e-4 dollars, `maker_amount` and `taker_amount` are its
    exact ratio. `expires_ns` is when a GTD order really ends, 0 for the others.
    """

    order_id: str
    address: str
    owner: str
    maker: str
    signature_type: int
    slug: str
    token_id: str
    outcome: Outcome
    side: Side
    order_type: OrderType
    maker_amount: int
    taker_amount: int
    limit_bps: int
    size_shares: int
    post_only: bool
    expiration_s: int
    expires_ns: int
    release_ns: int
    reserved_usdc: int


class MakerFill(msgspec.Struct, frozen=True, kw_only=True):
    """What a resting order got of somebody else's: its own token's price, shares and dollars.

    `state` is LIVE or MATCHED.
    """

    order_id: str
    price_bps: int
    size_shares: int
    notional_usdc: int
    fee_usdc: int
    state: OrderState


class Execution(msgspec.Struct, frozen=True, kw_only=True):
    """Shares of one order that changed hands at one price: one trade.

    `makers` are the resting orders of other accounts it met. `taken` are the (price, shares) of the
    outside book, on the opposite side of the order's own token, that are gone with it; empty when a
    trade print filled a resting order.
    """

    trade_id: str
    price_bps: int
    size_shares: int
    notional_usdc: int
    fee_usdc: int
    is_maker: bool
    taken: tuple[tuple[int, int], ...] = ()
    makers: tuple[MakerFill, ...] = ()


class OrderReleased(Record, frozen=True, kw_only=True, tag=True):
    """A held order was matched: what it got, and what became of the rest.

    `state` is LIVE (the rest waits behind `queue_ahead_shares`), MATCHED or KILLED. `queues` are
    the shares now ahead of resting orders that moved up, by order id; `canceled` are orders of the
    same account that its rest would have traded with.
    """

    order_id: str
    executions: tuple[Execution, ...]
    state: OrderState
    queue_ahead_shares: int = 0
    reason: str = ""
    queues: tuple[tuple[str, int], ...] = ()
    canceled: tuple[str, ...] = ()


class RestingFilled(Record, frozen=True, kw_only=True, tag=True):
    """A resting order was filled in part or whole; `state` is LIVE or MATCHED."""

    order_id: str
    execution: Execution
    state: OrderState
    queue_ahead_shares: int


class QueueMoved(Record, frozen=True, kw_only=True, tag=True):
    """Less stands ahead of a resting order than before."""

    order_id: str
    queue_ahead_shares: int


class OrderEnded(Record, frozen=True, kw_only=True, tag=True):
    """An open order ended without being filled further: CANCELED or EXPIRED."""

    order_id: str
    state: OrderState
    reason: str = ""


class TradeAdvanced(Record, frozen=True, kw_only=True, tag=True):
    """A trade's settlement got one step further, for everybody in it; FAILED undoes the trade."""

    trade_id: str
    status: FillStatus


class SharesArrived(Record, frozen=True, kw_only=True, tag=True):
    """Bought shares can be sold from now on; `rows` are the keys of their trade rows."""

    rows: tuple[str, ...]


AnyRecord: TypeAlias = (
    WorldOpened
    | TimeMark
    | AccountOpened
    | ApiKeyCreated
    | ApiKeyDeleted
    | FunderLinked
    | Deposited
    | Converted
    | RewardPaid
    | RebatesPaid
    | PhaseChanged
    | HeartbeatsBegan
    | HeartbeatsEnded
    | WindowListed
    | TickChanged
    | StrikeKnown
    | WindowClosed
    | WindowResolved
    | WindowRedeemed
    | OrderAccepted
    | OrderReleased
    | RestingFilled
    | QueueMoved
    | OrderEnded
    | TradeAdvanced
    | SharesArrived
)

_ENCODER: Final = msgspec.json.Encoder()
_DECODER: Final[msgspec.json.Decoder[AnyRecord]] = msgspec.json.Decoder(AnyRecord)


def encode_record(record: AnyRecord) -> bytes:
    """Return a record as JSON."""
    return _ENCODER.encode(record)


def decode_record(payload: bytes) -> AnyRecord:
    """Read a record back; raise JournalError for one this version does not know."""
    try:
        return _DECODER.decode(payload)
    except msgspec.MsgspecError as error:
        raise JournalError(
            f"expected a record of the simulated exchange, was {payload[:120]!r}: {error}"
        ) from error
