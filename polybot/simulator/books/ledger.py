"""The books of the simulated exchange: what its records add up to, and nothing else."""

from collections.abc import Iterable
from functools import singledispatchmethod

import msgspec

from polybot.errors import JournalError
from polybot.simulator.books.accounts import AccountRow, FlowRow, OrderRow, WindowRow
from polybot.simulator.books.bookings import (
    advance_trade,
    book_conversion,
    book_execution,
    book_flow,
    book_maker,
    let_arrive,
)
from polybot.simulator.books.ledger_lookups import LedgerLookups, LedgerState
from polybot.simulator.books.records import (
    AccountOpened,
    AnyRecord,
    ApiKeyCreated,
    ApiKeyDeleted,
    Converted,
    Deposited,
    FlowKind,
    FunderLinked,
    HeartbeatsBegan,
    HeartbeatsEnded,
    OrderAccepted,
    OrderEnded,
    OrderReleased,
    OrderState,
    PhaseChanged,
    QueueMoved,
    RebatesPaid,
    Record,
    RestingFilled,
    RewardPaid,
    SharesArrived,
    StrikeKnown,
    TickChanged,
    TimeMark,
    TradeAdvanced,
    WindowClosed,
    WindowListed,
    WindowRedeemed,
    WindowResolved,
    WorldOpened,
)

STATE_SCHEMA = 1
SELF_CROSSED = "a newer order of the same account crosses it"


class Ledger(LedgerLookups):
    """Applies records to the state.

    Invariants: an account's cash is its deposits plus what its trades, conversions and redemptions
    moved; its shares are what its trades, conversions and redemptions moved; trades that FAILED
    moved nothing; neither is ever below 0.
    """

    def __init__(self, state: LedgerState | None = None) -> None:
        super().__init__(state or LedgerState())
        # Looking the dispatcher up makes a new one each time, which costs more than most records.
        self._dispatch = self._apply

    def apply(self, record: AnyRecord) -> None:
        """Change the state by one record; raise JournalError when it does not fit the state."""
        try:
            self._dispatch(record)
        except KeyError as error:
            raise JournalError(
                f"expected a record about something known, was {error} in {record}"
            ) from error
        self.state.now_ns = max(self.state.now_ns, record.ts_ns)

    @singledispatchmethod
    def _apply(self, record: Record) -> None:
        raise JournalError(f"expected a record of the simulated exchange, was {record}")

    @_apply.register
    def _opened(self, record: WorldOpened) -> None:
        self.state.source = record.source
        self.state.start_ns = record.ts_ns

    @_apply.register
    def _marked(self, record: TimeMark) -> None:
        self.state.lease_ns = max(self.state.lease_ns, record.lease_ns)

    @_apply.register
    def _account_opened(self, record: AccountOpened) -> None:
        self.state.accounts[record.address.lower()] = AccountRow(
            address=record.address,
            cash_usdc=record.amount_usdc,
            deposited_usdc=record.amount_usdc,
        )

    @_apply.register
    def _key_created(self, record: ApiKeyCreated) -> None:
        self.state.keys.append((record.address, record.nonce))

    @_apply.register
    def _key_deleted(self, record: ApiKeyDeleted) -> None:
        self.state.keys.remove((record.address, record.nonce))

    @_apply.register
    def _funder_linked(self, record: FunderLinked) -> None:
        account = self._owner(record.address)
        account.funders.append(record.funder)
        self.index_funder(record.funder, account)

    @_apply.register
    def _deposited(self, record: Deposited) -> None:
        self._flow(record, record.address, FlowKind.DEPOSIT, record.amount_usdc)

    @_apply.register
    def _converted(self, record: Converted) -> None:
        book_conversion(self, record)

    @_apply.register
    def _rewarded(self, record: RewardPaid) -> None:
        self._flow(record, record.address, record.kind, record.amount_usdc)

    @_apply.register
    def _rebated(self, record: RebatesPaid) -> None:
        self.state.rebated_ns = record.ts_ns
        for address, amount_usdc in record.amounts:
            self._flow(record, address, FlowKind.MAKER_REBATE, amount_usdc)

    @_apply.register
    def _phase_changed(self, record: PhaseChanged) -> None:
        self.state.phase = record.phase
        self.state.phase_until_ns = record.until_ns

    @_apply.register
    def _beats_began(self, record: HeartbeatsBegan) -> None:
        self._owner(record.address).heartbeats = True

    @_apply.register
    def _beats_ended(self, record: HeartbeatsEnded) -> None:
        account = self._owner(record.address)
        account.heartbeats = False
        for order in self.open_orders_of(account):
            # A held order is past canceling, whoever asks.
            if order.state is OrderState.LIVE:
                self._move(order, OrderState.CANCELED, record.ts_ns, "no heartbeat")

    @_apply.register
    def _listed(self, record: WindowListed) -> None:
        window = WindowRow(
            number=self.state.next_number,
            market=record.market,
            unknown_depth_shares=record.unknown_depth_shares,
            listed_ns=record.ts_ns,
        )
        self.state.next_number += 1
        self.state.windows[window.slug] = window
        self.index_window(window)

    @_apply.register
    def _tick_changed(self, record: TickChanged) -> None:
        window = self.state.windows[record.slug]
        window.market = msgspec.structs.replace(window.market, tick_bps=record.tick_bps)

    @_apply.register
    def _strike_known(self, record: StrikeKnown) -> None:
        self.state.windows[record.slug].strike_e8 = record.strike_e8

    @_apply.register
    def _closed(self, record: WindowClosed) -> None:
        self.state.windows[record.slug].closed_ns = record.ts_ns
        for order in self.open_orders(record.slug):
            self._move(order, OrderState.INVALID, record.ts_ns, "the market closed")

    @_apply.register
    def _resolved(self, record: WindowResolved) -> None:
        window = self.state.windows[record.slug]
        window.resolved_ns = record.ts_ns
        window.outcome = record.outcome
        window.close_e8 = record.close_e8
        if record.strike_e8 is not None:
            window.strike_e8 = record.strike_e8

    @_apply.register
    def _redeemed(self, record: WindowRedeemed) -> None:
        window = self.state.windows[record.slug]
        window.redeemed_ns = record.ts_ns
        for payout in record.payouts:
            account = self._owner(payout.address)
            account.add_shares(payout.token_id, -payout.size_shares)
            account.cash_usdc += payout.payout_usdc
        window.payouts = list(record.payouts)
        self.let_go(window)

    @_apply.register
    def _accepted(self, record: OrderAccepted) -> None:
        fields = {name: getattr(record, name) for name in record.__struct_fields__}
        created_ns = fields.pop("ts_ns")
        order = OrderRow(**fields, created_ns=created_ns, updated_ns=created_ns)
        self.state.orders[order.order_id] = order
        self.state.windows[order.slug].traded = True
        self.index_order(order)

    @_apply.register
    def _released(self, record: OrderReleased) -> None:
        order = self.state.orders[record.order_id]
        for execution in record.executions:
            book_execution(self, order, execution, record.ts_ns)
            for fill in execution.makers:
                maker = book_maker(self, order, execution.trade_id, fill, record.ts_ns)
                self._move(maker, fill.state, record.ts_ns, "")
        order.queue_ahead_shares = record.queue_ahead_shares
        if record.state is OrderState.LIVE:
            order.priority = self.state.next_priority
            self.state.next_priority += 1
        self._move(order, record.state, record.ts_ns, record.reason)
        for order_id, ahead in record.queues:
            self.state.orders[order_id].queue_ahead_shares = ahead
        for order_id in record.canceled:
            crossed = self.state.orders[order_id]
            self._move(crossed, OrderState.CANCELED, record.ts_ns, SELF_CROSSED)

    @_apply.register
    def _resting_filled(self, record: RestingFilled) -> None:
        order = self.state.orders[record.order_id]
        book_execution(self, order, record.execution, record.ts_ns)
        order.queue_ahead_shares = record.queue_ahead_shares
        self._move(order, record.state, record.ts_ns, "")

    @_apply.register
    def _queue_moved(self, record: QueueMoved) -> None:
        self.state.orders[record.order_id].queue_ahead_shares = record.queue_ahead_shares

    @_apply.register
    def _ended(self, record: OrderEnded) -> None:
        order = self.state.orders[record.order_id]
        self._move(order, record.state, record.ts_ns, record.reason)

    @_apply.register
    def _advanced(self, record: TradeAdvanced) -> None:
        advance_trade(self, record.trade_id, record.status, record.ts_ns)

    @_apply.register
    def _arrived(self, record: SharesArrived) -> None:
        for key in record.rows:
            let_arrive(self, key)

    def _flow(self, record: Record, address: str, kind: FlowKind, amount_usdc: int) -> None:
        book_flow(
            self,
            FlowRow(ts_ns=record.ts_ns, address=address, kind=kind, amount_usdc=amount_usdc),
        )

    def _owner(self, address: str) -> AccountRow:
        return self.state.accounts[address.lower()]

    def _move(self, order: OrderRow, state: OrderState, ts_ns: int, reason: str) -> None:
        order.state = state
        order.reason = reason
        order.updated_ns = ts_ns
        if not order.is_open:
            order.queue_ahead_shares = 0
        self.index_order(order)


def replayed(state: LedgerState | None, records: Iterable[AnyRecord]) -> Ledger:
    """Return the books after a checkpoint's state (None: empty) and the records since."""
    ledger = Ledger(state)
    for record in records:
        ledger.apply(record)
    return ledger
