"""What the trader knows, as a fold over its own durable events.

Start-up and work are one path: live, an event is recorded and then applied; after a crash the
newest checkpoint is loaded and the journal's later events are applied in the same way. Nothing
else changes this state, so what a restart knows is what the process knew.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from polybot.domain.fill import Fill
from polybot.domain.market import Market
from polybot.domain.order import TERMINAL, Order
from polybot.domain.position import Position
from polybot.domain.trading_state import Claim
from polybot.messages.commands import Witness
from polybot.messages.safety import ArmingChanged, TradingStateChanged
from polybot.messages.trading import (
    AgentResult,
    AgentResultCorrected,
    CancelOrdersTaken,
    DriftFound,
    ExternalFlowBooked,
    FillMatched,
    FillStatusChanged,
    FlattenFinished,
    FlattenStarted,
    ForeignOrdersTaken,
    OrderStatusChanged,
    OrderSubmitted,
    PositionSettled,
    SeriesResumed,
    SeriesStopped,
    WindowDiscovered,
    WindowSummarized,
)
from polybot.services.trader.earned import Earned
from polybot.services.trader.not_ours import NotOurs
from polybot.services.trader.snapshot import Snapshot

SCHEMA = 1
# Settled windows and their orders are forgotten this long (market time) after their close: late
# arrivals of an order that seemed lost are adopted until then.
FORGET_AFTER_NS = 3_600_000_000_000
# A command is repeated within seconds, if at all.
COMMANDS_REMEMBERED = 200


FillKey = tuple[str, str]


class TraderState(msgspec.Struct):
    """Markets, orders, fills, positions, cash, claims: everything that must survive a crash.

    `cash_usdc` is None until the exchange's balance was seen for the first time. `unredeemed`
    holds, by token, winning shares whose dollars the exchange has not paid out yet as far as we
    know. `settled` maps a settled token to whether it won, `paid` an agent's settled position
    (agent, token) to the shares that were settled; `results` are the (agent, slug) counted.
    `commands` are the newest commands taken with the orders they were about, `flattens` those under
    way, by id. `stopped` says by name why a series takes no entries, `split` which windows were
    resolved 50/50, `not_ours` what of the wallet no order of ours explains.
    """

    markets: dict[str, Market] = msgspec.field(default_factory=dict)
    orders: dict[str, Order] = msgspec.field(default_factory=dict)
    fills: dict[FillKey, Fill] = msgspec.field(default_factory=dict)
    positions: dict[tuple[str, str], Position] = msgspec.field(default_factory=dict)
    cash_usdc: int | None = None
    claims: tuple[Claim, ...] = ()
    last_loss_ns: dict[str, int] = msgspec.field(default_factory=dict)
    settled: dict[str, bool] = msgspec.field(default_factory=dict)
    unredeemed: dict[str, int] = msgspec.field(default_factory=dict)
    summarized: set[tuple[str, str]] = msgspec.field(default_factory=set)
    losses_in_a_row: dict[str, int] = msgspec.field(default_factory=dict)
    day: str = ""
    day_pnl_usdc: int = 0
    inbox: dict[str, int] = msgspec.field(default_factory=dict)
    witnesses: dict[str, Witness] = msgspec.field(default_factory=dict)
    salts: int = 0
    paid: dict[tuple[str, str], int] = msgspec.field(default_factory=dict)
    results: set[tuple[str, str]] = msgspec.field(default_factory=set)
    arming: ArmingChanged | None = None
    commands: dict[str, tuple[str, ...]] = msgspec.field(default_factory=dict)
    flattens: dict[str, FlattenStarted] = msgspec.field(default_factory=dict)
    stopped: dict[str, str] = msgspec.field(default_factory=dict)
    split: set[str] = msgspec.field(default_factory=set)
    not_ours: NotOurs = msgspec.field(default_factory=NotOurs)
    earned: Earned = msgspec.field(default_factory=Earned)

    def apply(self, event: Any) -> None:
        """Change the state by one durable event; events of no consequence are ignored."""
        handler = _HANDLERS.get(type(event))
        if handler is not None:
            handler(self, event)

    def open_orders(self) -> list[Order]:
        """Return the orders that may still be, or become, live at the exchange."""
        return [order for order in self.orders.values() if order.status not in TERMINAL]

    def orders_in(self, agent: str, slug: str) -> tuple[Order, ...]:
        """Return one agent's orders of one window, oldest first."""
        return tuple(
            order for order in self.orders.values() if order.agent == agent and order.slug == slug
        )

    def pnl_of_day(self, day: str) -> int:
        """Return what a trading day (2026-11-21) earned so far; 0 for any but the newest."""
        return self.day_pnl_usdc if day == self.day else 0

    def forget_before(self, market_ns: int) -> None:
        """Drop windows that are settled and long over, with their finished orders and fills."""
        horizon = market_ns - FORGET_AFTER_NS
        for slug, market in list(self.markets.items()):
            if market.close_ns < horizon and self._is_over(market):
                self._forget(slug, market)

    def _is_over(self, market: Market) -> bool:
        tokens = (market.token_up, market.token_down)
        # A position that was sold again still waits for its window's result.
        held = any(
            position.fills
            for (_, token_id), position in self.positions.items()
            if token_id in tokens and token_id not in self.settled
        )
        live = any(
            order.slug == market.slug and order.status not in TERMINAL
            for order in self.orders.values()
        )
        # Market time may jump hours ahead while a trade still waits for the chain.
        moving = any(fill.slug == market.slug and not fill.is_final for fill in self.fills.values())
        unpaid = any(token in self.unredeemed for token in tokens)
        return not (held or live or moving or unpaid)

    def _forget(self, slug: str, market: Market) -> None:
        del self.markets[slug]
        self.orders = {key: order for key, order in self.orders.items() if order.slug != slug}
        self.fills = {key: fill for key, fill in self.fills.items() if fill.slug != slug}
        for token_id in (market.token_up, market.token_down):
            self.settled.pop(token_id, None)
            self.not_ours.forget_token(token_id)
            for key in [key for key in self.positions if key[1] == token_id]:
                del self.positions[key]
                self.paid.pop(key, None)
        self.summarized = {key for key in self.summarized if key[1] != slug}
        self.results = {key for key in self.results if key[1] != slug}
        self.earned.forget(slug)
        self.split.discard(slug)

    def to_snapshot(self, memories: dict[str, msgspec.Raw]) -> Snapshot:
        """Return everything as one value for a checkpoint."""
        return Snapshot(
            markets=tuple(self.markets.values()),
            orders=tuple(self.orders.values()),
            fills=tuple(self.fills.values()),
            positions=tuple(self.positions.values()),
            cash_usdc=self.cash_usdc,
            claims=self.claims,
            last_loss_ns=dict(self.last_loss_ns),
            settled=dict(self.settled),
            unredeemed=dict(self.unredeemed),
            summarized=tuple(sorted(self.summarized)),
            losses_in_a_row=dict(self.losses_in_a_row),
            day=self.day,
            day_pnl_usdc=self.day_pnl_usdc,
            inbox=dict(self.inbox),
            witnesses=dict(self.witnesses),
            memories=memories,
            salts=self.salts,
            paid=tuple((agent, token, shares) for (agent, token), shares in self.paid.items()),
            results=tuple(sorted(self.results)),
            arming=self.arming,
            commands=dict(self.commands),
            flattens=tuple(self.flattens.values()),
            stopped=dict(self.stopped),
            split=tuple(sorted(self.split)),
            not_ours=self.not_ours.copy(),
            earned=self.earned.copy(),
        )

    @classmethod
    def from_snapshot(cls, snapshot: Snapshot) -> "TraderState":
        """Return the state a checkpoint holds."""
        return cls(
            markets={market.slug: market for market in snapshot.markets},
            orders={order.venue_order_id: order for order in snapshot.orders},
            fills={fill.key: fill for fill in snapshot.fills},
            positions={(p.agent, p.token_id): p for p in snapshot.positions},
            cash_usdc=snapshot.cash_usdc,
            claims=snapshot.claims,
            last_loss_ns=dict(snapshot.last_loss_ns),
            settled=dict(snapshot.settled),
            unredeemed=dict(snapshot.unredeemed),
            summarized=set(snapshot.summarized),
            losses_in_a_row=dict(snapshot.losses_in_a_row),
            day=snapshot.day,
            day_pnl_usdc=snapshot.day_pnl_usdc,
            inbox=dict(snapshot.inbox),
            witnesses=dict(snapshot.witnesses),
            salts=snapshot.salts,
            paid={(agent, token): shares for agent, token, shares in snapshot.paid},
            results=set(snapshot.results),
            arming=snapshot.arming,
            commands=dict(snapshot.commands),
            flattens={flatten.command_id: flatten for flatten in snapshot.flattens},
            stopped=dict(snapshot.stopped),
            split=set(snapshot.split),
            not_ours=snapshot.not_ours.copy(),
            earned=snapshot.earned.copy(),
        )


def _window_discovered(state: TraderState, event: WindowDiscovered) -> None:
    state.markets[event.market.slug] = event.market


def _window_summarized(state: TraderState, event: WindowSummarized) -> None:
    state.summarized.add((event.agent, event.slug))


def _order_submitted(state: TraderState, event: OrderSubmitted) -> None:
    state.orders[event.order.venue_order_id] = event.order
    state.salts += 1


def _order_status_changed(state: TraderState, event: OrderStatusChanged) -> None:
    order = state.orders[event.venue_order_id]
    state.orders[event.venue_order_id] = order.moved(event.status, event.trigger)


def _fill_matched(state: TraderState, event: FillMatched) -> None:
    fill = event.fill
    state.fills[fill.key] = fill
    order = state.orders[fill.venue_order_id]
    state.orders[fill.venue_order_id] = order.with_fill(
        size_shares=fill.size_shares, notional_usdc=fill.notional_usdc, fee_usdc=fill.fee_usdc
    )
    key = (fill.agent, fill.token_id)
    position = state.positions.get(key) or Position(
        agent=fill.agent, slug=fill.slug, token_id=fill.token_id, outcome=fill.outcome
    )
    state.positions[key] = position.apply_fill(fill)
    if state.cash_usdc is not None:
        state.cash_usdc += fill.cash_usdc


def _fill_status_changed(state: TraderState, event: FillStatusChanged) -> None:
    key = (event.trade_id, event.venue_order_id)
    fill = state.fills[key]
    moved = fill.reported(event.status)
    state.fills[key] = moved
    position_key = (fill.agent, fill.token_id)
    state.positions[position_key] = state.positions[position_key].apply_fill(moved)
    if fill.counts and not moved.counts:
        order = state.orders[event.venue_order_id]
        state.orders[event.venue_order_id] = order.without_fill(
            size_shares=fill.size_shares, notional_usdc=fill.notional_usdc, fee_usdc=fill.fee_usdc
        )
        if state.cash_usdc is not None:
            state.cash_usdc -= fill.cash_usdc


def _position_settled(state: TraderState, event: PositionSettled) -> None:
    key = (event.agent, event.token_id)
    state.paid[key] = state.paid.get(key, 0) + event.size_shares
    market = state.markets[event.slug]
    up_won = event.won == (event.token_id == market.token_up)
    state.settled |= {market.token_up: up_won, market.token_down: not up_won}
    if event.won:
        waiting = state.unredeemed.pop(event.token_id, 0) + event.size_shares
        if waiting:
            state.unredeemed[event.token_id] = waiting
        if state.cash_usdc is not None:
            state.cash_usdc += event.payout_usdc


def _external_flow(state: TraderState, event: ExternalFlowBooked) -> None:
    if event.kind == "redemption":
        state.unredeemed.pop(event.token_id, None)
        return
    state.cash_usdc = (state.cash_usdc or 0) + event.amount_usdc
    state.not_ours.flow_booked(event)


def _foreign_orders_taken(state: TraderState, event: ForeignOrdersTaken) -> None:
    state.not_ours.orders_taken(event)
    if event.command_id:
        _remember(state, event.command_id, event.order_ids)


def _trading_state(state: TraderState, event: TradingStateChanged) -> None:
    state.claims = event.claims


def _arming_changed(state: TraderState, event: ArmingChanged) -> None:
    state.arming = event


def _agent_result(state: TraderState, event: AgentResult) -> None:
    state.results.add((event.agent, event.slug))
    state.earned.counted(event)
    if event.day > state.day:
        state.day = event.day
        state.day_pnl_usdc = 0
    # A window of the day before may settle after the first one of today.
    if event.day == state.day:
        state.day_pnl_usdc += event.pnl_usdc
    lost = event.pnl_usdc < 0
    if not lost:
        state.losses_in_a_row[event.agent] = 0
        return
    state.losses_in_a_row[event.agent] = state.losses_in_a_row.get(event.agent, 0) + 1
    state.last_loss_ns[event.agent] = event.wall_ns


def _agent_result_corrected(state: TraderState, event: AgentResultCorrected) -> None:
    before = state.earned.corrected(event)
    if event.day == state.day:
        state.day_pnl_usdc += event.change_usdc
    if before is None or (before.pnl_usdc < 0) == (event.pnl_usdc < 0):
        return
    losses = state.losses_in_a_row.get(event.agent, 0)
    if event.pnl_usdc < 0:
        state.losses_in_a_row[event.agent] = losses + 1
        state.last_loss_ns[event.agent] = event.wall_ns
    elif losses and state.last_loss_ns.get(event.agent) == before.wall_ns:
        # Only of the newest loss is it known that it is one of those in a row.
        state.losses_in_a_row[event.agent] = losses - 1


def _cancel_orders_taken(state: TraderState, event: CancelOrdersTaken) -> None:
    _remember(state, event.command_id, event.order_ids)


def _flatten_started(state: TraderState, event: FlattenStarted) -> None:
    _remember(state, event.command_id, ())
    state.flattens[event.command_id] = event


def _flatten_finished(state: TraderState, event: FlattenFinished) -> None:
    state.flattens.pop(event.command_id, None)


def _series_stopped(state: TraderState, event: SeriesStopped) -> None:
    state.stopped[event.series] = event.reason
    state.split.add(event.slug)


def _series_resumed(state: TraderState, event: SeriesResumed) -> None:
    state.stopped.pop(event.series, None)


def _remember(state: TraderState, command_id: str, order_ids: tuple[str, ...]) -> None:
    state.commands[command_id] = order_ids
    while len(state.commands) > COMMANDS_REMEMBERED:
        del state.commands[next(iter(state.commands))]


_HANDLERS: dict[type, Callable[[TraderState, Any], None]] = {
    WindowDiscovered: _window_discovered,
    WindowSummarized: _window_summarized,
    OrderSubmitted: _order_submitted,
    OrderStatusChanged: _order_status_changed,
    FillMatched: _fill_matched,
    FillStatusChanged: _fill_status_changed,
    PositionSettled: _position_settled,
    ExternalFlowBooked: _external_flow,
    TradingStateChanged: _trading_state,
    ArmingChanged: _arming_changed,
    AgentResult: _agent_result,
    AgentResultCorrected: _agent_result_corrected,
    CancelOrdersTaken: _cancel_orders_taken,
    DriftFound: lambda state, event: state.not_ours.drift_found(event),
    ForeignOrdersTaken: _foreign_orders_taken,
    FlattenStarted: _flatten_started,
    FlattenFinished: _flatten_finished,
    SeriesStopped: _series_stopped,
    SeriesResumed: _series_resumed,
}
