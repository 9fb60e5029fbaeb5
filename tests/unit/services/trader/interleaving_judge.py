"""Whether the trader's books agree with a model of the exchange, at rest and on the way there."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

import msgspec

from polybot.domain.order import BUDGET_DUST_USDC, Order, OrderStatus
from polybot.domain.position import Position
from polybot.domain.worst_case import open_fill_of, reservation_usdc, worst_case_loss_usdc
from polybot.messages.trading import DriftFound, ExternalFlowBooked, FillMatched
from polybot.services.trader.state import TraderState
from tests.story import market_at
from tests.unit.services.trader.interleaving import MARKETS, World
from tests.unit.services.trader.model_exchange import FEE, Listed, Trade


class Judge:
    """Compares the books of a world with what really happened in it."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.exchange = world.exchange

    @property
    def state(self) -> TraderState:
        return self.world.state

    def check_rest(self) -> None:
        """Compare everything: only for a world at rest."""
        self.check_nothing_twice()
        assert self._recorded(DriftFound) == []
        kinds = {flow.kind for flow in self._recorded(ExternalFlowBooked)}
        assert kinds <= {"opening_balance", "redemption"}
        for order in self.world.submitted:
            self._check_order(order)
        assert self._fills() == self._model_fills()
        self._check_positions()
        unpaid = sum(self.state.unredeemed.values())
        owed = sum(
            self.exchange.shares(token)
            for token, won in self.state.settled.items()
            if won and token not in self.exchange.redeemed
        )
        assert unpaid == owed
        assert self.state.cash_usdc == self.exchange.cash_usdc() + owed
        reserved = sum(reservation_usdc(o, FEE) for o in self.state.open_orders())
        assert reserved == sum(reservation_usdc(o, FEE) for o in self._model_open())
        self._check_results()

    def check_nothing_twice(self) -> None:
        matched = Counter(event.fill.key for event in self._recorded(FillMatched))
        assert max(matched.values(), default=0) <= 1

    def check_orders(self) -> None:
        """Hold what the books say an order did and may still do against what it did and may do."""
        known = self.state.fills
        for listed in self.exchange.orders.values():
            booked = self.state.orders[listed.order.venue_order_id]
            trades = [t for t in self.exchange.trades_of(listed.order) if not self._is_told(t)]
            if self._is_given_up(booked, any(t.fill().key in known for t in trades)):
                continue
            traded = [t.fill("MATCHED") for t in trades]
            open_order = self._as_booked(listed)
            if booked.budget_usdc:
                left = 0 if listed.is_over else open_order.open_usdc
                counted = booked.filled_usdc + booked.failed_usdc + booked.open_usdc
                assert counted + BUDGET_DUST_USDC >= sum(f.notional_usdc for f in traded) + left
            else:
                left = 0 if listed.is_over else open_order.open_shares
                counted = booked.matched_shares + booked.open_shares
                assert counted >= sum(f.size_shares for f in traded) + left, booked

    def check_exposure(self) -> None:
        """Hold the worst case of the books against that of what really happened.

        What nobody can know yet is taken as it was: a trade whose FAILED was not delivered counts,
        and so does not an order that arrived after its absence was proved.
        """
        for number in range(MARKETS):
            market = market_at(number)
            if market.token_up in self.state.settled:
                continue
            booked = worst_case_loss_usdc(
                [p for p in self.state.positions.values() if p.slug == market.slug],
                [
                    open_fill_of(order, FEE)
                    for order in self.state.open_orders()
                    if order.slug == market.slug
                ],
            )
            trades = [t for t in self._believable() if t.order.slug == market.slug]
            real = worst_case_loss_usdc(
                _positions(trades, as_matched=True).values(),
                [open_fill_of(o, FEE) for o in self._model_open() if o.slug == market.slug],
            )
            # Each trade rounds its notional and its fee for itself.
            assert booked >= real - 20 * len(trades), (booked, real)

    def _believable(self) -> list[Trade]:
        known = self.state.fills
        trades = []
        for trade in self.exchange.trades.values():
            key = (trade.trade_id, trade.order.venue_order_id)
            undone = key in known and not known[key].counts
            undone = undone or (key not in known and self._is_told(trade))
            if not undone and not self._is_given_up(trade.order, key in known):
                trades.append(trade)
        return trades

    def _is_told(self, trade: Trade) -> bool:
        """Return whether an order's matched size alone tells that a trade of it FAILED."""
        return self.exchange.shrinks and trade.status == "FAILED"

    def _is_given_up(self, order: Order, is_known: bool) -> bool:
        booked = self.state.orders.get(order.venue_order_id)
        return booked is not None and booked.status is OrderStatus.NOT_PLACED and not is_known

    def _model_open(self) -> list[Order]:
        """Return the exchange's live orders as our books should hold them."""
        return [
            self._as_booked(listed)
            for listed in self.exchange.orders.values()
            if not listed.is_over and not self._is_given_up(listed.order, is_known=False)
        ]

    def _as_booked(self, listed: Listed) -> Order:
        trades = self.exchange.trades_of(listed.order)
        counted = [t.fill() for t in trades if t.status != "FAILED"]
        failed = [t.fill() for t in trades if t.status == "FAILED"]
        return msgspec.structs.replace(
            listed.order,
            status=OrderStatus.ACCEPTED,
            filled_shares=sum(f.size_shares for f in counted),
            filled_usdc=sum(f.notional_usdc for f in counted),
            fee_usdc=sum(f.fee_usdc for f in counted),
            failed_shares=sum(f.size_shares for f in failed),
            failed_usdc=sum(f.notional_usdc for f in failed),
        )

    def _check_order(self, order: Order) -> None:
        booked = self.state.orders.get(order.venue_order_id)
        if booked is None:
            # Its record was lost with the power, so that it was never sent either.
            assert order.venue_order_id not in self.exchange.orders
            return
        listed = self.exchange.orders.get(order.venue_order_id)
        if listed is None:
            assert booked.status in (OrderStatus.NOT_PLACED, OrderStatus.REJECTED), booked
            return
        want = self._as_booked(listed)
        for name in ("filled_shares", "filled_usdc", "fee_usdc", "failed_shares", "failed_usdc"):
            assert getattr(booked, name) == getattr(want, name), (name, booked)
        if not listed.is_over:
            whole = {OrderStatus.ACCEPTED, OrderStatus.PARTIALLY_FILLED}
            assert booked.status in whole, booked
            assert (booked.status is OrderStatus.ACCEPTED) or want.matched_shares, booked
            assert (booked.status is not OrderStatus.ACCEPTED) or not want.filled_shares, booked
        elif want.matched_shares:
            assert booked.status is (
                OrderStatus.FILLED if want.is_complete else OrderStatus.CANCELED
            ), booked
        else:
            # A killed FAK or FOK is said to be rejected by its answer, canceled by the stream; one
            # that was over before we could see it, and traded nothing, cannot be told from nothing.
            also = {OrderStatus.REJECTED} if not order.order_type.rests else set()
            unseen = listed.forgotten or order.venue_order_id in self.world.too_late
            also |= {OrderStatus.NOT_PLACED} if unseen and not booked.placed else set()
            assert booked.status in {OrderStatus.CANCELED} | also, booked

    def _fills(self) -> dict[tuple[str, str], Any]:
        return dict(self.state.fills)

    def _model_fills(self) -> dict[tuple[str, str], Any]:
        return {t.fill().key: t.fill() for t in self.exchange.trades.values()}

    def _check_positions(self) -> None:
        want = _positions(self.exchange.trades.values())
        for key in {*want, *self.state.positions}:
            booked, model = self.state.positions.get(key), want.get(key)
            assert booked is not None, key
            assert model is not None, key
            assert (booked.shares, booked.cash_usdc) == (model.shares, model.cash_usdc), key
            assert dict.fromkeys(booked.fills).keys() == dict.fromkeys(model.fills).keys()

    def _check_results(self) -> None:
        pnl: Counter[tuple[str, str]] = Counter()
        for (agent, token_id), position in _positions(self.exchange.trades.values()).items():
            won = self.state.settled.get(token_id)
            if won is not None:
                pnl[agent, position.slug] += position.settle(won=won).pnl_usdc
        assert self.state.results == set(pnl)
        assert self.state.day_pnl_usdc == sum(pnl.values())

    def _recorded(self, kind: type) -> list[Any]:
        rows = [*self.world.outbox.committed, *self.world.outbox.uncommitted]
        return [body for _, body in rows if isinstance(body, kind)]


def _positions(
    trades: Iterable[Trade], *, as_matched: bool = False
) -> dict[tuple[str, str], Position]:
    positions: dict[tuple[str, str], Position] = {}
    for trade in trades:
        order = trade.order
        key = (order.agent, order.token_id)
        position = positions.get(key) or Position(
            agent=order.agent, slug=order.slug, token_id=order.token_id, outcome=order.outcome
        )
        fill = trade.fill("MATCHED" if as_matched else "")
        positions[key] = position.apply_fill(fill)
    return positions
