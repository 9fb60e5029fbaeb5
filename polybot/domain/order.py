"""An order: what was asked for, how far it got, and the table of the states it may pass through."""

import enum
from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from polybot.domain.market import Outcome
from polybot.domain.money import PRICE_ONE_BPS
from polybot.errors import InvalidTransition, InvalidValue

# What a budget may leave unspent and still count as spent: less than any fill can cost, more than
# the rounding of a few partial fills adds up to.
BUDGET_DUST_USDC = 100


class Side(enum.Enum):
    """Which way shares move; the value is the exchange's own spelling."""

    BUY = "BUY"
    SELL = "SELL"

    @property
    def opposite(self) -> "Side":
        """The other side."""
        return Side.SELL if self is Side.BUY else Side.BUY


class OrderType(enum.Enum):
    """How long an order lives (the exchange's documentation: order types).

    GTC rests until canceled, GTD until its expiration, FOK fills whole or not at all, FAK fills
    what it can at once and drops the rest. A BUY of type FOK or FAK spends a budget of dollars;
    every other order moves a number of shares.
    """

    GTC = "GTC"
    GTD = "GTD"
    FOK = "FOK"
    FAK = "FAK"

    @property
    def rests(self) -> bool:
        """Whether what is not filled at once waits in the book."""
        return self in (OrderType.GTC, OrderType.GTD)


class OrderStatus(enum.Enum):
    """How far an order got.

    DENIED is our own risk's no, REJECTED the exchange's. UNKNOWN means no readable answer came: the
    order counts as filled until the exchange's records say otherwise. NOT_PLACED means those
    records agreed for long enough that it never arrived.
    """

    INITIALIZED = "INITIALIZED"
    DENIED = "DENIED"
    SUBMITTED = "SUBMITTED"
    ACCEPTED = "ACCEPTED"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    PENDING_CANCEL = "PENDING_CANCEL"
    CANCELED = "CANCELED"
    EXPIRED = "EXPIRED"
    REJECTED = "REJECTED"
    UNKNOWN = "UNKNOWN"
    NOT_PLACED = "NOT_PLACED"


class OrderTrigger(enum.Enum):
    """What can happen to an order, whoever reported it: the answer, a stream or a sweep."""

    DENY = "deny"
    SUBMIT = "submit"
    ACCEPT = "accept"
    REJECT = "reject"
    LOSE_ANSWER = "lose_answer"
    FILL_PART = "fill_part"
    FILL_WHOLE = "fill_whole"
    REQUEST_CANCEL = "request_cancel"
    REFUSE_CANCEL = "refuse_cancel"
    CANCEL = "cancel"
    EXPIRE = "expire"
    PROVE_ABSENT = "prove_absent"
    FIND_ALIVE = "find_alive"


_S = OrderStatus
_T = OrderTrigger

ORDER_TABLE: Mapping[tuple[OrderStatus, OrderTrigger], OrderStatus] = MappingProxyType(
    {
        (_S.INITIALIZED, _T.DENY): _S.DENIED,
        (_S.INITIALIZED, _T.SUBMIT): _S.SUBMITTED,
        # Recovered after a crash between journal and answer: it may have been posted.
        (_S.INITIALIZED, _T.LOSE_ANSWER): _S.UNKNOWN,
        # The fence or a stalled loop stopped it between journal and post: it never left.
        (_S.INITIALIZED, _T.PROVE_ABSENT): _S.NOT_PLACED,
        (_S.SUBMITTED, _T.ACCEPT): _S.ACCEPTED,
        (_S.SUBMITTED, _T.REJECT): _S.REJECTED,
        (_S.SUBMITTED, _T.LOSE_ANSWER): _S.UNKNOWN,
        # The connection was refused before a byte was sent.
        (_S.SUBMITTED, _T.PROVE_ABSENT): _S.NOT_PLACED,
        # The user stream is often faster than the answer to the post.
        (_S.SUBMITTED, _T.FILL_PART): _S.PARTIALLY_FILLED,
        (_S.SUBMITTED, _T.FILL_WHOLE): _S.FILLED,
        (_S.SUBMITTED, _T.CANCEL): _S.CANCELED,
        (_S.SUBMITTED, _T.EXPIRE): _S.EXPIRED,
        # The id is known before the post, so a cancel need not wait for the answer.
        (_S.SUBMITTED, _T.REQUEST_CANCEL): _S.PENDING_CANCEL,
        #
        # Answer and stream both report the placement.
        (_S.ACCEPTED, _T.ACCEPT): _S.ACCEPTED,
        (_S.ACCEPTED, _T.FILL_PART): _S.PARTIALLY_FILLED,
        (_S.ACCEPTED, _T.FILL_WHOLE): _S.FILLED,
        (_S.ACCEPTED, _T.REQUEST_CANCEL): _S.PENDING_CANCEL,
        (_S.ACCEPTED, _T.CANCEL): _S.CANCELED,
        (_S.ACCEPTED, _T.EXPIRE): _S.EXPIRED,
        # The stream showed the placement, then the post answered that the FOK was killed.
        (_S.ACCEPTED, _T.REJECT): _S.REJECTED,
        # The post timed out after the stream had shown the order alive.
        (_S.ACCEPTED, _T.LOSE_ANSWER): _S.ACCEPTED,
        # A late answer to a cancel that was given up: the order may be gone, look it up.
        (_S.ACCEPTED, _T.REFUSE_CANCEL): _S.UNKNOWN,
        #
        # A fill before the answer: the answer adds nothing.
        (_S.PARTIALLY_FILLED, _T.ACCEPT): _S.PARTIALLY_FILLED,
        (_S.PARTIALLY_FILLED, _T.LOSE_ANSWER): _S.PARTIALLY_FILLED,
        (_S.PARTIALLY_FILLED, _T.FILL_PART): _S.PARTIALLY_FILLED,
        (_S.PARTIALLY_FILLED, _T.FILL_WHOLE): _S.FILLED,
        (_S.PARTIALLY_FILLED, _T.REQUEST_CANCEL): _S.PENDING_CANCEL,
        # A FAK's rest is dropped, a GTC's is canceled.
        (_S.PARTIALLY_FILLED, _T.CANCEL): _S.CANCELED,
        (_S.PARTIALLY_FILLED, _T.EXPIRE): _S.EXPIRED,
        (_S.PARTIALLY_FILLED, _T.REFUSE_CANCEL): _S.UNKNOWN,
        #
        # Whatever arrives late about a filled order changes nothing.
        (_S.FILLED, _T.ACCEPT): _S.FILLED,
        (_S.FILLED, _T.LOSE_ANSWER): _S.FILLED,
        (_S.FILLED, _T.FILL_PART): _S.FILLED,
        (_S.FILLED, _T.FILL_WHOLE): _S.FILLED,
        # Cancel after fill: the cancel lost the race, or dropped a budget's dust.
        (_S.FILLED, _T.CANCEL): _S.FILLED,
        (_S.FILLED, _T.REFUSE_CANCEL): _S.FILLED,
        (_S.FILLED, _T.EXPIRE): _S.FILLED,
        (_S.PENDING_CANCEL, _T.CANCEL): _S.CANCELED,
        (_S.PENDING_CANCEL, _T.REQUEST_CANCEL): _S.PENDING_CANCEL,
        # Fills go on until the cancel is confirmed.
        (_S.PENDING_CANCEL, _T.FILL_PART): _S.PENDING_CANCEL,
        (_S.PENDING_CANCEL, _T.FILL_WHOLE): _S.FILLED,
        (_S.PENDING_CANCEL, _T.EXPIRE): _S.EXPIRED,
        # The cancel overtook the post's own answer.
        (_S.PENDING_CANCEL, _T.ACCEPT): _S.PENDING_CANCEL,
        (_S.PENDING_CANCEL, _T.REJECT): _S.REJECTED,
        (_S.PENDING_CANCEL, _T.PROVE_ABSENT): _S.NOT_PLACED,
        (_S.PENDING_CANCEL, _T.LOSE_ANSWER): _S.UNKNOWN,
        # "Already canceled or matched" and "not found" leave open which: look it up.
        (_S.PENDING_CANCEL, _T.REFUSE_CANCEL): _S.UNKNOWN,
        #
        # The stream or a sweep finds the order after all.
        (_S.UNKNOWN, _T.ACCEPT): _S.ACCEPTED,
        (_S.UNKNOWN, _T.FILL_PART): _S.PARTIALLY_FILLED,
        (_S.UNKNOWN, _T.FILL_WHOLE): _S.FILLED,
        (_S.UNKNOWN, _T.CANCEL): _S.CANCELED,
        (_S.UNKNOWN, _T.EXPIRE): _S.EXPIRED,
        (_S.UNKNOWN, _T.REJECT): _S.REJECTED,
        (_S.UNKNOWN, _T.PROVE_ABSENT): _S.NOT_PLACED,
        # Trying to cancel proves nothing: it stays UNKNOWN, and counted as filled.
        (_S.UNKNOWN, _T.REQUEST_CANCEL): _S.UNKNOWN,
        (_S.UNKNOWN, _T.REFUSE_CANCEL): _S.UNKNOWN,
        (_S.UNKNOWN, _T.LOSE_ANSWER): _S.UNKNOWN,
        #
        # Late arrival: the hash stays watched until the market resolves, and what comes is adopted.
        (_S.NOT_PLACED, _T.ACCEPT): _S.ACCEPTED,
        (_S.NOT_PLACED, _T.FILL_PART): _S.PARTIALLY_FILLED,
        (_S.NOT_PLACED, _T.FILL_WHOLE): _S.FILLED,
        (_S.NOT_PLACED, _T.CANCEL): _S.CANCELED,
        (_S.NOT_PLACED, _T.EXPIRE): _S.EXPIRED,
        (_S.NOT_PLACED, _T.REJECT): _S.REJECTED,
        (_S.NOT_PLACED, _T.PROVE_ABSENT): _S.NOT_PLACED,
        # The post was still under way: until now its absence proved nothing.
        (_S.NOT_PLACED, _T.LOSE_ANSWER): _S.UNKNOWN,
        #
        # Fill after cancel: it was matched before the cancel and reported after it.
        (_S.CANCELED, _T.FILL_PART): _S.CANCELED,
        (_S.CANCELED, _T.FILL_WHOLE): _S.FILLED,
        # Answer and stream both report the end, in either order.
        (_S.CANCELED, _T.CANCEL): _S.CANCELED,
        (_S.CANCELED, _T.REFUSE_CANCEL): _S.CANCELED,
        (_S.CANCELED, _T.ACCEPT): _S.CANCELED,
        (_S.CANCELED, _T.LOSE_ANSWER): _S.CANCELED,
        # A killed FOK: the stream says canceled, then the post answers no.
        (_S.CANCELED, _T.REJECT): _S.CANCELED,
        # The exchange reports an expiry as a cancellation.
        (_S.CANCELED, _T.EXPIRE): _S.CANCELED,
        # Listed again and again after its end: it counts as filled until a look-up tells.
        (_S.CANCELED, _T.FIND_ALIVE): _S.UNKNOWN,
        (_S.EXPIRED, _T.FIND_ALIVE): _S.UNKNOWN,
        # All of it was traded, so that nothing can be alive: the listing is wrong.
        (_S.FILLED, _T.FIND_ALIVE): _S.FILLED,
        (_S.EXPIRED, _T.FILL_PART): _S.EXPIRED,
        (_S.EXPIRED, _T.FILL_WHOLE): _S.FILLED,
        (_S.EXPIRED, _T.CANCEL): _S.EXPIRED,
        (_S.EXPIRED, _T.REFUSE_CANCEL): _S.EXPIRED,
        (_S.EXPIRED, _T.EXPIRE): _S.EXPIRED,
        (_S.EXPIRED, _T.ACCEPT): _S.EXPIRED,
        (_S.EXPIRED, _T.LOSE_ANSWER): _S.EXPIRED,
        (_S.REJECTED, _T.REJECT): _S.REJECTED,
        # A killed FOK: the post answers no, then the stream says canceled.
        (_S.REJECTED, _T.CANCEL): _S.REJECTED,
        (_S.REJECTED, _T.REFUSE_CANCEL): _S.REJECTED,
        # The exchange contradicts itself: a fill outweighs an answer, a placement is looked up.
        (_S.REJECTED, _T.FILL_PART): _S.PARTIALLY_FILLED,
        (_S.REJECTED, _T.FILL_WHOLE): _S.FILLED,
        (_S.REJECTED, _T.ACCEPT): _S.UNKNOWN,
    }
)

# Nothing is left to do. A late message can still move some of them: see the table.
TERMINAL = frozenset({_S.DENIED, _S.FILLED, _S.CANCELED, _S.EXPIRED, _S.REJECTED, _S.NOT_PLACED})

# What shows that the exchange had the order; that it was rejected or is absent does not.
_SHOWS_PLACED = frozenset(
    {_T.ACCEPT, _T.FILL_PART, _T.FILL_WHOLE, _T.CANCEL, _T.EXPIRE, _T.FIND_ALIVE}
)
_DENIES_FILLS = frozenset({_T.REJECT, _T.PROVE_ABSENT})


def next_status(status: OrderStatus, trigger: OrderTrigger) -> OrderStatus:
    """Return the status after `trigger`; raise InvalidTransition when the table has no such row."""
    try:
        return ORDER_TABLE[status, trigger]
    except KeyError:
        allowed = ", ".join(t.value for s, t in ORDER_TABLE if s is status) or "nothing"
        raise InvalidTransition(
            f"expected for an order that is {status.value}: {allowed}; was {trigger.value}"
        ) from None


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """One order, known by its intent and by the EIP-712 hash that the exchange uses as its id.

    `price_bps` is the limit. `size_shares` is what is to be bought or sold; for a BUY with a budget
    it is the least the whole budget buys at the limit, and price improvement brings more.
    `filled_usdc` is shares x price of the fills, without `fee_usdc`. `purpose` is the strategy's
    word for it ("entry", "exit", "profit_lock", ...). `expires_ns` is 0 when it does not expire.
    `failed_shares` and `failed_usdc` are of fills that FAILED to settle: neither filled nor open.
    `placed` says that the exchange has shown the order, so that its absence is an end.
    """

    intent_id: str
    venue_order_id: str
    agent: str
    slug: str
    token_id: str
    outcome: Outcome
    side: Side
    order_type: OrderType
    price_bps: int
    size_shares: int
    created_ns: int
    purpose: str
    budget_usdc: int = 0
    status: OrderStatus = OrderStatus.INITIALIZED
    filled_shares: int = 0
    filled_usdc: int = 0
    fee_usdc: int = 0
    expires_ns: int = 0
    failed_shares: int = 0
    failed_usdc: int = 0
    placed: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.price_bps < PRICE_ONE_BPS:
            raise InvalidValue(f"expected a limit of 1..9999 bps, was {self.price_bps}")
        if self.size_shares <= 0:
            raise InvalidValue(f"expected a size above 0, was {self.size_shares}")
        takes_budget = self.side is Side.BUY and not self.order_type.rests
        if takes_budget != (self.budget_usdc > 0):
            raise InvalidValue(
                "expected a budget for a BUY of type FOK or FAK and none for any other order, "
                f"was {self.budget_usdc} for {self.side.value} {self.order_type.value}"
            )

    @property
    def is_terminal(self) -> bool:
        """Whether nothing is left to do for this order."""
        return self.status in TERMINAL

    @property
    def is_complete(self) -> bool:
        """Whether its fills, with those that FAILED later, add up to all it asked for."""
        if self.budget_usdc:
            return self._unspent_usdc <= BUDGET_DUST_USDC
        return self._unfilled_shares <= 0

    @property
    def matched_shares(self) -> int:
        """Shares that met somebody, whatever became of the trade."""
        return self.filled_shares + self.failed_shares

    @property
    def open_shares(self) -> int:
        """Shares that may still be filled (at the limit, for a budget); 0 once terminal."""
        if self.is_terminal:
            return 0
        return max(self._unfilled_shares, 0)

    @property
    def worst_case_shares(self) -> int:
        """Shares moved if everything still open were filled, as risk counts it."""
        return self.filled_shares + self.open_shares

    @property
    def open_usdc(self) -> int:
        """Dollars a BUY may still spend before fees, rounded up; 0 for a SELL and once terminal."""
        if self.is_terminal or self.side is Side.SELL:
            return 0
        if self.budget_usdc:
            return max(self._unspent_usdc, 0)
        return -(-self.price_bps * self.open_shares // PRICE_ONE_BPS)

    def with_status(self, status: OrderStatus) -> "Order":
        """Return the order in `status`, unchecked."""
        return msgspec.structs.replace(self, status=status)

    def after(self, trigger: OrderTrigger) -> "Order":
        """Return the order after `trigger`.

        Raises InvalidTransition when the table forbids it, and for a REJECT or PROVE_ABSENT of an
        order that has fills: they outweigh what is said of it.
        """
        status = next_status(self.status, trigger)
        if self.filled_shares and trigger in _DENIES_FILLS and status is not self.status:
            raise InvalidTransition(
                f"expected for an order with fills no {trigger.value}, was one with "
                f"{self.filled_shares} shares filled"
            )
        if status is _S.ACCEPTED and self.filled_shares:
            status = _S.PARTIALLY_FILLED
        return self.moved(status, trigger)

    def moved(self, status: OrderStatus, trigger: OrderTrigger) -> "Order":
        """Return the order in `status`, where `trigger` has brought it; unchecked, see `after`."""
        placed = self.placed or trigger in _SHOWS_PLACED
        return msgspec.structs.replace(self, status=status, placed=placed)

    def with_fill(self, *, size_shares: int, notional_usdc: int, fee_usdc: int) -> "Order":
        """Add one fill and move to FILLED or PARTIALLY_FILLED as the table allows.

        Raises InvalidTransition for an order that cannot have been filled (INITIALIZED, DENIED).
        """
        filled = self._plus(size_shares, notional_usdc, fee_usdc)
        return filled.after(_T.FILL_WHOLE if filled.is_complete else _T.FILL_PART)

    def without_fill(self, *, size_shares: int, notional_usdc: int, fee_usdc: int) -> "Order":
        """Take back a fill that FAILED to settle.

        The status stays: the exchange does not put what was matched back into the book.
        """
        undone = self._plus(-size_shares, -notional_usdc, -fee_usdc)
        return msgspec.structs.replace(
            undone,
            failed_shares=self.failed_shares + size_shares,
            failed_usdc=self.failed_usdc + notional_usdc,
        )

    @property
    def _unfilled_shares(self) -> int:
        return self.size_shares - self.matched_shares

    @property
    def _unspent_usdc(self) -> int:
        return self.budget_usdc - self.filled_usdc - self.failed_usdc

    def _plus(self, size_shares: int, notional_usdc: int, fee_usdc: int) -> "Order":
        return msgspec.structs.replace(
            self,
            filled_shares=self.filled_shares + size_shares,
            filled_usdc=self.filled_usdc + notional_usdc,
            fee_usdc=self.fee_usdc + fee_usdc,
        )
