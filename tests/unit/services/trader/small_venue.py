"""A small exchange for tests of the whole trader: its own books, and what a kill can interrupt."""

from collections.abc import Callable, Sequence

import msgspec

from polybot.domain.fees import taker_fee_usdc
from polybot.domain.money import notional_usdc
from polybot.domain.order import Order, Side
from polybot.errors import OutcomeUnknown, Rejected
from polybot.ports import CancelAnswer, OrderLookup, PostAnswer, SignedOrder, VenueFill
from tests.story import OPENING_USDC, market_at
from tests.unit.services.trader.fakes_exchange import (
    FakeGateway,
    FakeStream,
    looked_up,
    order_frame,
    snapshot,
    trade_frame,
    venue_fill,
    venue_order,
)

FEE = market_at().fee
# What there is for a FAK: less than it asks for.
FAK_SHARES = 6_000_000


class SmallVenue(FakeGateway):
    """Takes each order at most once and keeps its own books of orders, fills, cash and shares.

    A resting order fills when `match` says so, a FAK in part and at once.
    `behavior` is what it does with a POST: accept, reject, lose_answer (it took the order) or
    lose_request (it never saw it). `step` is called around everything that leaves the trader.
    """

    def __init__(self, behavior: str, user: FakeStream, step: Callable[[str], None]) -> None:
        super().__init__()
        self.behavior = behavior
        self.user = user
        self.step = step
        self.orders: dict[str, Order] = {}
        self.status: dict[str, str] = {}
        self.fills: list[VenueFill] = []
        self.cash_usdc = OPENING_USDC
        self.shares: dict[str, int] = {}
        self.connected = False

    def post(self, order: SignedOrder) -> None:
        self.step("before post")
        body = msgspec.json.decode(order.body, type=Order)
        taken = msgspec.structs.replace(body, venue_order_id=order.venue_order_id)
        assert order.venue_order_id not in self.ids(), "posted twice"
        self.posted.append(order)
        error = None
        if self.behavior == "reject":
            error = Rejected("not enough balance / allowance", status=400)
        elif self.behavior in ("lose_answer", "lose_request"):
            error = OutcomeUnknown("timed out")
        trades: tuple[str, ...] = ()
        if self.behavior in ("accept", "lose_answer"):
            self.orders[order.venue_order_id] = taken
            self.status[order.venue_order_id] = "LIVE"
            self._tell(order_frame(taken, "PLACEMENT"))
            if not taken.order_type.rests:
                trades = (self._fill(taken, min(FAK_SHARES, taken.size_shares)),)
        if error is None:
            status = "matched" if trades else "live"
            self.answers.append(
                PostAnswer(order.venue_order_id, None, status=status, trade_ids=trades)
            )
        else:
            self.answers.append(PostAnswer(order.venue_order_id, error))
        self.step("after post")

    def cancel(self, venue_order_ids: Sequence[str]) -> None:
        self.step("before cancel")
        live = [i for i in venue_order_ids if self.status.get(i) == "LIVE"]
        for venue_order_id in live:
            self.status[venue_order_id] = "CANCELED"
        gone = {i: "order not found" for i in venue_order_ids if i not in live}
        self.answers.append(CancelAnswer(tuple(live), gone, asked=tuple(venue_order_ids)))
        self.step("after cancel")

    def request_snapshot(self, *, token_ids: Sequence[str], after_s: int, tag: str) -> None:
        super().request_snapshot(token_ids=token_ids, after_s=after_s, tag=tag)
        live = tuple(
            venue_order(order) for i, order in self.orders.items() if self.status[i] == "LIVE"
        )
        recent = tuple(f for f in self.fills if f.matched_ns // 1_000_000_000 >= after_s)
        shares = {token: self.shares.get(token, 0) for token in token_ids}
        self.answers.append(
            snapshot(orders=live, fills=recent, balance_usdc=self.cash_usdc, shares=shares, tag=tag)
        )

    def look_up(self, venue_order_id: str) -> None:
        super().look_up(venue_order_id)
        order = self.orders.get(venue_order_id)
        if order is None:
            self.answers.append(OrderLookup(venue_order_id, None))
            return
        filled = sum(f.size_shares for f in self.fills if f.venue_order_id == venue_order_id)
        told = venue_order(order, self.status[venue_order_id], matched_shares=filled)
        self.answers.append(looked_up(order, told))

    def match(self, side: Side) -> None:
        """Fill every live order of a side, whole, at its limit."""
        for venue_order_id, order in self.orders.items():
            if self.status[venue_order_id] == "LIVE" and order.side is side:
                self._fill(order, order.size_shares)

    def _fill(self, order: Order, size_shares: int) -> str:
        self.status[order.venue_order_id] = "MATCHED"
        trade_id = f"trade of {order.venue_order_id}"
        self.fills.append(venue_fill(order, trade_id, "CONFIRMED", size_shares=size_shares))
        sign = 1 if order.side is Side.BUY else -1
        fee = taker_fee_usdc(FEE, order.price_bps, size_shares)
        self.cash_usdc -= sign * notional_usdc(order.price_bps, size_shares) + fee
        self.shares[order.token_id] = self.shares.get(order.token_id, 0) + sign * size_shares
        for status in ("MATCHED", "CONFIRMED"):
            size = f"{size_shares / 1_000_000:g}"
            self._tell(trade_frame(order, trade_id, status, size))
        return trade_id

    def close(self) -> None:
        """End what still rests, as the exchange does at a window's end."""
        for venue_order_id, status in self.status.items():
            if status == "LIVE":
                self.status[venue_order_id] = "INVALID"
                self._tell(order_frame(self.orders[venue_order_id], "CANCELLATION", "INVALID"))

    def redeem(self, winner: str) -> None:
        """Pay a dollar for each share of the winning token."""
        self.cash_usdc += self.shares.pop(winner, 0)
        self.shares.clear()

    def lose_connections(self) -> None:
        """Forget what was on its way to a process that is gone."""
        self.answers.clear()
        self.user.frames.clear()
        self.connected = False

    def _tell(self, frame: bytes) -> None:
        if self.connected:
            self.user.put(frame)
