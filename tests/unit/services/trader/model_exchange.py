"""A model of the exchange for tests that mix its messages: orders, trades, money in plain sums."""

from dataclasses import dataclass, field
from typing import Any

import msgspec

from polybot.domain.fees import fill_fee_usdc
from polybot.domain.fill import Fill, FillStatus
from polybot.domain.money import PRICE_ONE_BPS, format_price, format_shares
from polybot.domain.order import Order, Side
from polybot.errors import PolybotError, Rejected
from polybot.ports import (
    AccountSnapshot,
    CancelAnswer,
    OrderLookup,
    PostAnswer,
    VenueFill,
    VenueOrder,
)
from tests.story import OPENING_USDC, market_at
from tests.unit.services.trader.fakes_exchange import API_KEY, venue_order

FEE = market_at().fee
STEP_SHARES = 10_000
ON_CHAIN = ("MINED", "CONFIRMED")
NO_MATCH = Rejected("no orders found to match with FAK order", status=400, code="fak_no_match")
NO_BALANCE = Rejected("not enough balance / allowance", status=400, code="not_enough_balance")


@dataclass(slots=True)
class Listed:
    """An order the exchange has; `state` is DELAYED, LIVE, MATCHED, CANCELED or INVALID."""

    order: Order
    state: str = "LIVE"
    forgotten: bool = False

    @property
    def is_over(self) -> bool:
        return self.state not in ("LIVE", "DELAYED")


@dataclass(slots=True)
class Trade:
    """One trade of one of our orders."""

    trade_id: str
    order: Order
    price_bps: int
    size_shares: int
    is_maker: bool
    matched_ns: int
    status: str = "MATCHED"

    def fill(self, status: str = "") -> Fill:
        """Return what the books must hold of it once they know this status."""
        fee = fill_fee_usdc(FEE, self.price_bps, self.size_shares, is_maker=self.is_maker)
        return Fill(
            trade_id=self.trade_id,
            venue_order_id=self.order.venue_order_id,
            agent=self.order.agent,
            slug=self.order.slug,
            token_id=self.order.token_id,
            outcome=self.order.outcome,
            side=self.order.side,
            price_bps=self.price_bps,
            size_shares=self.size_shares,
            fee_usdc=fee,
            is_maker=self.is_maker,
            matched_ns=self.matched_ns,
            status=FillStatus(status or self.status),
        )


@dataclass(slots=True)
class ModelExchange:
    """What really happened. `frames` are user-stream events not delivered yet.

    `shrinks` says whether an order's matched size shrinks when its trade FAILED: nobody knows.
    """

    shrinks: bool = False
    orders: dict[str, Listed] = field(default_factory=dict)
    trades: dict[str, Trade] = field(default_factory=dict)
    frames: list[bytes] = field(default_factory=list)
    connected: bool = True
    redeemed: dict[str, bool] = field(default_factory=dict)

    # -- what the account holds

    def cash_usdc(self) -> int:
        paid = sum(self.shares(token) for token, won in self.redeemed.items() if won)
        return OPENING_USDC + sum(t.fill().cash_usdc for t in self._counted()) + paid

    def shares(self, token_id: str) -> int:
        return sum(t.fill().signed_shares for t in self._counted() if t.order.token_id == token_id)

    def balance_shares(self, token_id: str) -> int:
        return 0 if token_id in self.redeemed else self.shares(token_id)

    def free_shares(self, token_id: str) -> int:
        """Return what can be sold: on the chain, less what is sold or offered already."""
        moved = sum(
            t.fill().signed_shares
            for t in self._counted()
            if t.order.token_id == token_id and (t.order.side is Side.SELL or t.status in ON_CHAIN)
        )
        return moved - sum(
            self.open_shares(listed.order)
            for listed in self.orders.values()
            if listed.order.token_id == token_id and listed.order.side is Side.SELL
        )

    def open_shares(self, order: Order) -> int:
        listed = self.orders[order.venue_order_id]
        return 0 if listed.is_over else order.size_shares - self.matched(order)

    def matched(self, order: Order) -> int:
        return sum(t.size_shares for t in self.trades_of(order))

    def trades_of(self, order: Order) -> list[Trade]:
        return [t for t in self.trades.values() if t.order.venue_order_id == order.venue_order_id]

    def _counted(self) -> list[Trade]:
        return [trade for trade in self.trades.values() if trade.status != "FAILED"]

    # -- what the exchange does

    def take(self, order: Order, fate: str, cut: int, now_ns: int) -> PostAnswer:
        """Take an order from the wire; `fate` is what it meets, `cut` percent of it at once."""
        closed = now_ns >= market_of(order).close_ns
        short = order.side is Side.SELL and order.size_shares > self.free_shares(order.token_id)
        if closed or short or fate == "reject":
            return PostAnswer(order.venue_order_id, NO_BALANCE)
        listed = self.orders[order.venue_order_id] = Listed(order)
        if fate == "delay" and not order.order_type.rests:
            listed.state = "DELAYED"
            self._tell(listed, "PLACEMENT")
            return PostAnswer(order.venue_order_id, None, status="delayed")
        if order.order_type.rests:
            self._tell(listed, "PLACEMENT")
            part = part_of(order, cut) if fate == "match" else 0
            ids = (self._trade(order, part, now_ns, is_maker=False),) if part else ()
            return PostAnswer(
                order.venue_order_id, None, status="matched" if ids else "live", trade_ids=ids
            )
        return self._resolve(listed, fate, cut, now_ns)

    def resolve(self, order: Order, fate: str, cut: int, now_ns: int) -> None:
        """End the delay of an order."""
        self._resolve(self.orders[order.venue_order_id], fate, cut, now_ns)

    def _resolve(self, listed: Listed, fate: str, cut: int, now_ns: int) -> PostAnswer:
        order = listed.order
        whole = order.order_type.value == "FOK"
        part = part_of(order, 100 if whole else cut)
        if fate == "kill" or now_ns >= market_of(order).close_ns:
            listed.state = "CANCELED"
            self._tell(listed, "CANCELLATION", "CANCELED_no orders found to match with FAK order.")
            return PostAnswer(order.venue_order_id, NO_MATCH)
        ids = [self._trade(order, part, now_ns, is_maker=False, better=cut % 2)]
        listed.state = "MATCHED"
        if part < part_of(order, 100):
            self._tell(listed, "CANCELLATION", "CANCELED")
        return PostAnswer(order.venue_order_id, None, status="matched", trade_ids=tuple(ids))

    def match(self, order: Order, cut: int, now_ns: int) -> None:
        """Let somebody take a part of a resting order."""
        left = self.open_shares(order)
        part = min(left, max(left * cut // 100, STEP_SHARES))
        self._trade(order, part, now_ns, is_maker=True)

    def cancel(self, venue_order_ids: tuple[str, ...]) -> CancelAnswer:
        """Cancel what is live."""
        gone, words = [], {}
        for venue_order_id in venue_order_ids:
            listed = self.orders.get(venue_order_id)
            if listed is None:
                words[venue_order_id] = "order not found"
            elif listed.state != "LIVE":
                words[venue_order_id] = "already canceled or matched"
            else:
                listed.state = "CANCELED"
                self._tell(listed, "CANCELLATION", "CANCELED")
                gone.append(venue_order_id)
        return CancelAnswer(tuple(gone), words, asked=venue_order_ids)

    def close(self, slug: str, now_ns: int) -> None:
        """End what rests at a window's end, and what still waits for its delay."""
        for listed in self.orders.values():
            if listed.order.slug != slug or listed.is_over:
                continue
            if listed.state == "DELAYED":
                self._resolve(listed, "kill", 0, now_ns)
            else:
                listed.state = "INVALID"
                self._tell(listed, "CANCELLATION", "INVALID")

    def settle(self, trade: Trade, status: str) -> None:
        """Take a trade a stage further."""
        trade.status = status
        self._tell_trade(trade)

    def may_fail(self, trade: Trade) -> bool:
        """Return whether undoing a trade leaves nothing sold that was never there."""
        if trade.status not in ("MATCHED", "RETRYING"):
            return False
        return trade.order.side is Side.SELL or trade.order.token_id not in self.redeemed

    def _trade(
        self, order: Order, shares: int, now_ns: int, *, is_maker: bool, better: int = 0
    ) -> str:
        price = order.price_bps
        if better:
            price += -100 if order.side is Side.BUY else 100
        trade = Trade(f"t{len(self.trades)}", order, price, shares, is_maker, now_ns)
        trade.matched_ns = now_ns // 1_000_000_000 * 1_000_000_000
        self.trades[trade.trade_id] = trade
        listed = self.orders[order.venue_order_id]
        if order.order_type.rests and self.matched(order) >= order.size_shares:
            listed.state = "MATCHED"
        self._tell(listed, "UPDATE")
        self._tell_trade(trade)
        return trade.trade_id

    # -- what the exchange says

    def listing(self) -> tuple[VenueOrder, ...]:
        return tuple(self._shown(o) for o in self.orders.values() if not o.is_over)

    def fills_since(self, after_s: int) -> tuple[VenueFill, ...]:
        return tuple(
            self._venue_fill(trade)
            for trade in self.trades.values()
            if trade.matched_ns // 1_000_000_000 >= after_s
        )

    def look_up(self, venue_order_id: str, error: PolybotError | None = None) -> OrderLookup:
        listed = self.orders.get(venue_order_id)
        if error is not None or listed is None or (listed.forgotten and listed.is_over):
            return OrderLookup(venue_order_id, None, error)
        return OrderLookup(venue_order_id, self._shown(listed))

    def _shown(self, listed: Listed) -> VenueOrder:
        return venue_order(listed.order, listed.state, matched_shares=self._told(listed.order))

    def _told(self, order: Order) -> int:
        trades = self.trades_of(order)
        return sum(t.size_shares for t in trades if not (self.shrinks and t.status == "FAILED"))

    def _venue_fill(self, trade: Trade) -> VenueFill:
        return VenueFill(
            trade_id=trade.trade_id,
            venue_order_id=trade.order.venue_order_id,
            token_id=trade.order.token_id,
            side=trade.order.side.value,
            price_bps=trade.price_bps,
            size_shares=trade.size_shares,
            is_maker=trade.is_maker,
            status=trade.status,
            matched_ns=trade.matched_ns,
        )

    def _tell(self, listed: Listed, kind: str, status: str = "") -> None:
        matched = self._told(listed.order)
        self._send(
            event_type="order",
            type=kind,
            id=listed.order.venue_order_id,
            status=status or listed.state,
            size_matched=format_shares(matched) if matched else "",
        )

    def _tell_trade(self, trade: Trade) -> None:
        order = trade.order
        own = {
            "order_id": order.venue_order_id,
            "owner": API_KEY,
            "matched_amount": format_shares(trade.size_shares),
            "price": format_price(trade.price_bps),
            "asset_id": order.token_id,
            "side": order.side.value,
        }
        # For a maker the row's own side, price and size are the taker's, and of no use.
        taker = {"taker_order_id": "0xsomebody", "side": "BUY", "size": "999", "price": "0.5"}
        if not trade.is_maker:
            taker = {
                "taker_order_id": order.venue_order_id,
                "side": order.side.value,
                "size": own["matched_amount"],
                "price": own["price"],
            }
        self._send(
            event_type="trade",
            type="TRADE",
            id=trade.trade_id,
            asset_id=order.token_id,
            status=trade.status,
            match_time=str(trade.matched_ns // 1_000_000_000),
            trader_side="MAKER" if trade.is_maker else "TAKER",
            maker_orders=[own] if trade.is_maker else [],
            **taker,
        )

    def _send(self, **event: Any) -> None:
        if self.connected:
            self.frames.append(msgspec.json.encode(event))


@dataclass(slots=True)
class SnapshotQuestion:
    """A snapshot on its way: listing, trades and balances are read one after the other."""

    token_ids: tuple[str, ...]
    after_s: int
    tag: str
    parts: dict[str, Any] = field(default_factory=dict)

    def read(self, exchange: ModelExchange, first: int) -> AccountSnapshot | None:
        """Read one part more; returns the snapshot once it is whole."""
        left = [p for p in ("orders", "fills", "shares", "cash") if p not in self.parts]
        part = left[first % len(left)]
        if part == "orders":
            self.parts[part] = exchange.listing()
        elif part == "fills":
            self.parts[part] = exchange.fills_since(self.after_s)
        elif part == "shares":
            self.parts[part] = {token: exchange.balance_shares(token) for token in self.token_ids}
        else:
            self.parts[part] = exchange.cash_usdc()
        if len(left) > 1:
            return None
        told = self.parts
        return AccountSnapshot(
            told["orders"], told["fills"], told["cash"], told["shares"], None, self.tag
        )


def part_of(order: Order, cut: int) -> int:
    """Return so many percent of an order in whole hundredths of a share, at least one."""
    shares = order.size_shares
    if order.budget_usdc and cut >= 100:
        return order.budget_usdc * PRICE_ONE_BPS // order.price_bps
    return max(shares * cut // 100 // STEP_SHARES * STEP_SHARES, STEP_SHARES)


def market_of(order: Order) -> Any:
    """Return the market of an order."""
    return next(m for m in map(market_at, range(4)) if m.slug == order.slug)
