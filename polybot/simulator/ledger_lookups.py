"""The state of the simulated exchange with the lookups derived from it, which are never stored."""

from bisect import insort
from collections.abc import Iterator

import msgspec

from polybot.simulator.accounts import AccountRow, OrderRow, TradeRow, WindowRow

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


class LedgerLookups:
    """Finds rows of the state by what the wire names them by, and sums what is reserved."""

    def __init__(self, state: LedgerState) -> None:
        self.state = state
        self._by_token: dict[str, str] = {}
        self._by_condition: dict[str, str] = {}
        self._by_funder: dict[str, str] = {}
        self._open_orders: dict[str, dict[str, OrderRow]] = {}
        self._untraded: list[tuple[int, int, str]] = []
        for window in state.windows.values():
            self.index_window(window)
        for account in state.accounts.values():
            for funder in account.funders:
                self.index_funder(funder, account)
        for order in state.orders.values():
            self.index_order(order)

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
        """Return an account's held and resting orders."""
        return [order for order in self.all_open_orders() if order.address == account.address]

    def free_usdc(self, account: AccountRow, *, but: str = "") -> int:
        """Return the cash no open order reserves; `but` names an order that is left out."""
        reserved = sum(
            order.reservation_usdc(self.state.windows[order.slug].market.fee)
            for order in self.open_orders_of(account)
            if order.order_id != but
        )
        return account.cash_usdc - reserved

    def free_shares(self, account: AccountRow, token_id: str, *, but: str = "") -> int:
        """Return the shares of a token no open order reserves."""
        reserved = sum(
            order.reservation_shares()
            for order in self.open_orders_of(account)
            if order.token_id == token_id and order.order_id != but
        )
        return account.shares.get(token_id, 0) - reserved

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
        """Keep an open order at hand, and let go of an ended one."""
        orders = self._open_orders.setdefault(order.slug, {})
        if order.is_open:
            orders[order.order_id] = order
        else:
            orders.pop(order.order_id, None)
        if not orders:
            del self._open_orders[order.slug]

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
