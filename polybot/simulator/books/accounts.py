"""The rows of the simulated exchange's books: accounts, orders, trades and windows, in integers."""

import msgspec

from polybot.domain.fees import fill_fee_usdc
from polybot.domain.fill import FillStatus
from polybot.domain.market import FeeSchedule, Market, Outcome
from polybot.domain.matching import IncomingOrder
from polybot.domain.money import PRICE_ONE_BPS
from polybot.domain.order import OrderType, Side
from polybot.domain.resting import RestingOrder
from polybot.simulator.books.records import OPEN_STATES, FlowKind, MakerFill, OrderState, Payout


class AccountRow(msgspec.Struct, kw_only=True):
    """One wallet: cash in micro-dollars, micro-shares by token, and what came from outside.

    `pending_usdc` of the cash and `pending` of the shares come from trades not settled so far that
    they could be spent.
    """

    address: str
    cash_usdc: int = 0
    deposited_usdc: int = 0
    pending_usdc: int = 0
    shares: dict[str, int] = {}
    pending: dict[str, int] = {}
    funders: list[str] = []
    heartbeats: bool = False

    def add_shares(self, token_id: str, shares: int) -> None:
        """Add shares of a token (a negative number takes them away); 0 left is no entry."""
        _add(self.shares, token_id, shares)

    def add_pending(self, token_id: str, shares: int) -> None:
        """Add shares of a token that cannot be sold yet; a negative number says that they can."""
        _add(self.pending, token_id, shares)

    def settled_shares(self, token_id: str) -> int:
        """Return the shares of a token that the exchange's cached balance knows."""
        return self.shares.get(token_id, 0) - self.pending.get(token_id, 0)


def _add(table: dict[str, int], key: str, amount: int) -> None:
    total = table.get(key, 0) + amount
    if total:
        table[key] = total
    else:
        table.pop(key, None)


class OrderRow(msgspec.Struct, kw_only=True):
    """One accepted order and how far it got.

    `reserved_usdc` is what a held BUY may cost at most, fee included; a resting order reserves by
    what is left of it. `failed_shares` were filled by trades that were undone: they count as
    neither filled nor left. Of orders at one price the one with the lower `priority` is older.
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
    created_ns: int
    release_ns: int
    reserved_usdc: int
    state: OrderState = OrderState.HELD
    queue_ahead_shares: int = 0
    filled_shares: int = 0
    filled_usdc: int = 0
    failed_shares: int = 0
    priority: int = 0
    fee_usdc: int = 0
    trade_ids: list[str] = []
    reason: str = ""
    updated_ns: int = 0

    @property
    def is_open(self) -> bool:
        """Whether it is held or resting."""
        return self.state in OPEN_STATES

    @property
    def remaining_shares(self) -> int:
        """Shares a resting order still waits for."""
        return self.size_shares - self.filled_shares - self.failed_shares

    def incoming(self) -> IncomingOrder:
        """Return the order as the matching rules take it."""
        return IncomingOrder(
            outcome=self.outcome,
            side=self.side,
            order_type=self.order_type,
            maker_amount=self.maker_amount,
            taker_amount=self.taker_amount,
            post_only=self.post_only,
        )

    def resting(self) -> RestingOrder:
        """Return the order as the queue rules take it."""
        return RestingOrder(
            order_id=self.order_id,
            outcome=self.outcome,
            side=self.side,
            price_bps=self.limit_bps,
            remaining_shares=self.remaining_shares,
            queue_ahead_shares=self.queue_ahead_shares,
        )

    def reservation_usdc(self, fee: FeeSchedule) -> int:
        """Return the cash it keeps from other orders: nothing for a SELL or an ended order."""
        if self.side is Side.SELL or not self.is_open:
            return 0
        if self.state is OrderState.HELD:
            return self.reserved_usdc
        rest = self.remaining_shares
        cost = -(-self.limit_bps * rest // PRICE_ONE_BPS)
        return cost + fill_fee_usdc(fee, self.limit_bps, rest, is_maker=True)

    def reservation_shares(self) -> int:
        """Return the shares it keeps from other orders: nothing for a BUY or an ended order."""
        return self.remaining_shares if self.side is Side.SELL and self.is_open else 0


class TradeRow(msgspec.Struct, kw_only=True):
    """One execution of one order. `taken` and `makers` are as in `records.Execution`.

    A trade between accounts has a row for each of them: its taker's, and one for each maker, which
    names the taker's order. `pending` says that what was bought or earned cannot be spent yet.
    """

    trade_id: str
    order_id: str
    address: str
    slug: str
    token_id: str
    outcome: Outcome
    side: Side
    price_bps: int
    size_shares: int
    notional_usdc: int
    fee_usdc: int
    is_maker: bool
    matched_ns: int
    updated_ns: int
    taken: tuple[tuple[int, int], ...] = ()
    makers: tuple[MakerFill, ...] = ()
    taker_order_id: str = ""
    pending: bool = False
    mined_ns: int = 0
    status: FillStatus = FillStatus.MATCHED

    @property
    def key(self) -> str:
        """What names the row: the trade's id, with the order's where the taker is an account."""
        return maker_key(self.trade_id, self.order_id) if self.taker_order_id else self.trade_id

    @property
    def counts(self) -> bool:
        """Whether it moved cash and shares: every trade but a FAILED one."""
        return self.status is not FillStatus.FAILED

    @property
    def cash_usdc(self) -> int:
        """What it did to the account's cash."""
        if self.side is Side.BUY:
            return -(self.notional_usdc + self.fee_usdc)
        return self.notional_usdc - self.fee_usdc

    @property
    def signed_shares(self) -> int:
        """What it did to the account's shares."""
        return self.size_shares if self.side is Side.BUY else -self.size_shares


def maker_key(trade_id: str, order_id: str) -> str:
    """Return the key of a maker's row of a trade whose taker is an account."""
    return f"{trade_id}/{order_id}"


class FlowRow(msgspec.Struct, frozen=True, kw_only=True):
    """Something that came to an account without an order; `amount_usdc` is what its cash gained.

    `size_shares` of both outcomes of `slug` came or went with a SPLIT or a MERGE.
    """

    ts_ns: int
    address: str
    kind: FlowKind
    amount_usdc: int
    slug: str = ""
    size_shares: int = 0


class WindowRow(msgspec.Struct, kw_only=True):
    """One market from its listing to its redemption; 0 and None stand for what is not yet so.

    `traded` says that an order was ever accepted in it.
    """

    number: int
    market: Market
    unknown_depth_shares: int
    listed_ns: int
    closed_ns: int = 0
    resolved_ns: int = 0
    redeemed_ns: int = 0
    outcome: Outcome | None = None
    strike_e8: int | None = None
    close_e8: int | None = None
    traded: bool = False
    payouts: list[Payout] = []

    @property
    def slug(self) -> str:
        """The market's slug."""
        return self.market.slug

    @property
    def accepts_orders(self) -> bool:
        """Whether orders may come and rest."""
        return not self.closed_ns
