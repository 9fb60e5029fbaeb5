"""The state of the simulated exchange with the lookups derived from it, which are never stored."""

from bisect import insort
from collections.abc import Iterator

import msgspec

from polybot.domain.order import Side
from polybot.simulator.books.accounts import (
    AccountRow,
    FlowRow,
    OrderRow,
    TradeRow,
    WindowRow,
    maker_key,
)
from polybot.simulator.books.records import Phase

# Untraded windows are forgotten beyond this many, oldest first: a floor may run for months.
KEPT_UNTRADED_WINDOWS = 1000


class LedgerState(msgspec.Struct, kw_only=True):
    """Everything a checkpoint holds; the dictionaries keep the order in which rows were added."""

    source: str = ""
    start_ns: int = 0
    now_ns: int = 0
    lease_ns: int = 0
    next_number: int = 1
    accounts: dict[str, AccountRow] = {}
    keys: list[tuple[str, int]] = []
    windows: dict[str, WindowRow] = {}
    orders: dict[str, OrderRow] = {}
    trades: dict[str, TradeRow] = {}
    flows: list[FlowRow] = []
    rebated_ns: int = 0
    next_priority: int = 1
    phase: Phase = Phase.NORMAL
    phase_until_ns: int = 0


class LedgerLookups:
    """Finds rows of the state by what the wire names them by, and sums what is reserved.

    `moved` are the orders that changed since somebody last emptied it.
    """

    def __init__(self, state: LedgerState) -> None:
        self.state = state
        self._by_token: dict[str, str] = {}
        self._by_condition: dict[str, str] = {}
        self._by_funder: dict[str, str] = {}
        self._open_orders: dict[str, dict[str, OrderRow]] = {}
        self._orders_of: dict[str, dict[str, OrderRow]] = {}
        self._reserved: dict[tuple[str, str], int] = {}
        self._reservations: dict[str, tuple[tuple[str, str], int]] = {}
        self._pending: dict[str, dict[str, TradeRow]] = {}
        self.moved: list[OrderRow] = []
        self._untraded: list[tuple[int, int, str]] = []
        for window in state.windows.values():
            self.index_window(window)
        for account in state.accounts.values():
            for funder in account.funders:
                self.index_funder(funder, account)
        for order in state.orders.values():
            self.index_order(order)
        for trade in state.trades.values():
            self.index_trade(trade)
        self.moved.clear()

    def account(self, address: str) -> AccountRow | None:
        """Return the account of a signer or funder address in any letter case, None if unknown."""
        key = address.lower()
        return self.state.accounts.get(self._by_funder.get(key, key))

    def window_of_token(self, token_id: str) -> WindowRow | None:
        """Return the window a token belongs to, None for a foreign token."""
        return self.state.windows.get(self._by_token.get(token_id, ""))

    def window_of_condition(self, condition_id: str) -> WindowRow | None:
        """Return the window of a condition id, None if unknown."""
        return self.state.windows.get(self._by_condition.get(condition_id, ""))

    def open_orders(self, slug: str) -> list[OrderRow]:
        """Return the held and resting orders of a window, oldest first."""
        return list(self._open_orders.get(slug, {}).values())

    def has_open_orders(self, slug: str) -> bool:
        """Say whether a window has held or resting orders."""
        return slug in self._open_orders

    def all_open_orders(self) -> Iterator[OrderRow]:
        """Yield every held and resting order, window by window."""
        for orders in self._open_orders.values():
            yield from orders.values()

    def open_orders_of(self, account: AccountRow) -> list[OrderRow]:
        """Return an account's held and resting orders, oldest first."""
        return list(self._orders_of.get(account.address, {}).values())

    def free_usdc(self, account: AccountRow, *, but: str = "") -> int:
        """Return the cash that is settled and that no open order reserves, below 0 if too little.

        `but` names an order that is left out.
        """
        reserved = self._reserved_for(account, "", but)
        return account.cash_usdc - account.pending_usdc - reserved

    def free_shares(self, account: AccountRow, token_id: str, *, but: str = "") -> int:
        """Return the shares of a token that arrived and that no open order reserves."""
        return account.settled_shares(token_id) - self._reserved_for(account, token_id, but)

    def trade_rows(self, trade_id: str) -> list[TradeRow]:
        """Return every account's row of a trade, the taker's first."""
        row = self.state.trades[trade_id]
        keys = [maker_key(trade_id, maker.order_id) for maker in row.makers]
        return [row, *(self.state.trades[key] for key in keys)]

    def pending_rows(self, slug: str) -> list[TradeRow]:
        """Return the rows of a window's trades that are not settled so far as to be spent."""
        return list(self._pending.get(slug, {}).values())

    def index_trade(self, row: TradeRow) -> None:
        """Keep a trade's row at hand while it is pending."""
        if row.pending:
            self._pending.setdefault(row.slug, {})[row.key] = row
        elif row.slug in self._pending:
            self._pending[row.slug].pop(row.key, None)
            if not self._pending[row.slug]:
                del self._pending[row.slug]

    def index_window(self, window: WindowRow) -> None:
        """Make a window findable by its tokens and its condition."""
        market = window.market
        self._by_token[market.token_up] = window.slug
        self._by_token[market.token_down] = window.slug
        self._by_condition[market.condition_id] = window.slug
        self.let_go(window)

    def index_funder(self, funder: str, account: AccountRow) -> None:
        """Make an account findable by an address it trades for."""
        self._by_funder[funder.lower()] = account.address.lower()

    def index_order(self, order: OrderRow) -> None:
        """Keep an open order at hand with what it reserves, and let go of an ended one."""
        self.moved.append(order)
        for table, key in ((self._open_orders, order.slug), (self._orders_of, order.address)):
            orders = table.setdefault(key, {})
            if order.is_open:
                orders[order.order_id] = order
            else:
                orders.pop(order.order_id, None)
            if not orders:
                del table[key]
        self._reserve(order)

    def _reserve(self, order: OrderRow) -> None:
        if order.side is Side.BUY:
            fee = self.state.windows[order.slug].market.fee
            key, amount = (order.address, ""), order.reservation_usdc(fee)
        else:
            key, amount = (order.address, order.token_id), order.reservation_shares()
        _, before = self._reservations.pop(order.order_id, (key, 0))
        if amount:
            self._reservations[order.order_id] = key, amount
        total = self._reserved.pop(key, 0) + amount - before
        if total:
            self._reserved[key] = total

    def _reserved_for(self, account: AccountRow, token_id: str, but: str) -> int:
        """Return what an account's open orders reserve of a token, of its cash for ""."""
        key = account.address, token_id
        reserved = self._reserved.get(key, 0)
        if but:
            own, amount = self._reservations.get(but, (key, 0))
            reserved -= amount if own == key else 0
        return reserved

    def let_go(self, window: WindowRow) -> None:
        """Forget the oldest of the windows that are over and were never traded."""
        if not window.redeemed_ns or window.traded:
            return
        insort(self._untraded, (window.redeemed_ns, window.number, window.slug))
        while len(self._untraded) > KEPT_UNTRADED_WINDOWS:
            *_, slug = self._untraded.pop(0)
            market = self.state.windows.pop(slug).market
            for table, key in (
                (self._by_token, market.token_up),
                (self._by_token, market.token_down),
                (self._by_condition, market.condition_id),
            ):
                table.pop(key, None)
