"""How one trade or one flow changes the rows of the books: accounts, orders and trades."""

from polybot.domain.fill import FillStatus
from polybot.domain.order import Side
from polybot.simulator.books.accounts import AccountRow, FlowRow, OrderRow, TradeRow
from polybot.simulator.books.ledger_lookups import LedgerLookups
from polybot.simulator.books.records import Converted, Execution, FlowKind, MakerFill

_IN_FLIGHT = (FillStatus.MATCHED, FillStatus.RETRYING)


def book_execution(
    ledger: LedgerLookups, order: OrderRow, execution: Execution, ts_ns: int
) -> None:
    """Book the part of the order an execution belongs to; its makers are booked by themselves."""
    _book(ledger, order, execution, _row(order, execution, execution.trade_id, ts_ns))


def book_maker(
    ledger: LedgerLookups, taker: OrderRow, trade_id: str, fill: MakerFill, ts_ns: int
) -> OrderRow:
    """Book what a resting order of another account got in a trade, and return that order."""
    order = ledger.state.orders[fill.order_id]
    row = _row(order, fill, trade_id, ts_ns)
    row.taker_order_id = taker.order_id
    _book(ledger, order, fill, row)
    return order


def advance_trade(ledger: LedgerLookups, trade_id: str, status: FillStatus, ts_ns: int) -> None:
    """Give every row of a trade its next status; FAILED undoes what the trade did."""
    for row in ledger.trade_rows(trade_id):
        account = ledger.state.accounts[row.address.lower()]
        if status is FillStatus.FAILED:
            _undo(ledger.state.orders[row.order_id], account, row)
        elif row.pending and row.side is Side.SELL and status not in _IN_FLIGHT:
            account.pending_usdc -= row.cash_usdc
            row.pending = False
        ledger.index_trade(row)
        if status is FillStatus.MINED:
            row.mined_ns = ts_ns
        row.status = status
        row.updated_ns = ts_ns


def let_arrive(ledger: LedgerLookups, key: str) -> None:
    """Make the shares a trade row bought spendable."""
    row = ledger.state.trades[key]
    if row.pending and row.side is Side.BUY:
        row.pending = False
        ledger.index_trade(row)
        ledger.state.accounts[row.address.lower()].add_pending(row.token_id, -row.size_shares)


def book_flow(ledger: LedgerLookups, flow: FlowRow) -> None:
    """Move dollars that no trade moved, and remember it.

    What the exchange pays is money from outside; a SPLIT or MERGE is not: its shares are booked by
    `book_conversion`.
    """
    account = ledger.state.accounts[flow.address.lower()]
    account.cash_usdc += flow.amount_usdc
    if not flow.size_shares:
        account.deposited_usdc += flow.amount_usdc
    ledger.state.flows.append(flow)


def book_conversion(ledger: LedgerLookups, record: Converted) -> None:
    """Turn dollars into shares of both outcomes, or back: a micro-share is a micro-dollar."""
    shares = record.size_shares if record.kind is FlowKind.SPLIT else -record.size_shares
    account = ledger.state.accounts[record.address.lower()]
    window = ledger.state.windows[record.slug]
    window.traded = True
    for token_id in (window.market.token_up, window.market.token_down):
        account.add_shares(token_id, shares)
    book_flow(
        ledger,
        FlowRow(
            ts_ns=record.ts_ns,
            address=account.address,
            kind=record.kind,
            amount_usdc=-shares,
            slug=record.slug,
            size_shares=record.size_shares,
        ),
    )


def _row(order: OrderRow, fill: Execution | MakerFill, trade_id: str, ts_ns: int) -> TradeRow:
    row = TradeRow(
        trade_id=trade_id,
        order_id=order.order_id,
        address=order.address,
        slug=order.slug,
        token_id=order.token_id,
        outcome=order.outcome,
        side=order.side,
        price_bps=fill.price_bps,
        size_shares=fill.size_shares,
        notional_usdc=fill.notional_usdc,
        fee_usdc=fill.fee_usdc,
        is_maker=True,
        matched_ns=ts_ns,
        updated_ns=ts_ns,
        pending=True,
    )
    if isinstance(fill, Execution):
        row.is_maker, row.taken, row.makers = fill.is_maker, fill.taken, fill.makers
    return row


def _book(
    ledger: LedgerLookups, order: OrderRow, fill: Execution | MakerFill, row: TradeRow
) -> None:
    ledger.state.trades[row.key] = row
    ledger.index_trade(row)
    order.trade_ids.append(row.trade_id)
    order.filled_shares += fill.size_shares
    order.filled_usdc += fill.notional_usdc
    order.fee_usdc += fill.fee_usdc
    account = ledger.state.accounts[order.address.lower()]
    account.cash_usdc += row.cash_usdc
    account.add_shares(order.token_id, row.signed_shares)
    if row.side is Side.BUY:
        account.add_pending(order.token_id, row.size_shares)
    else:
        account.pending_usdc += row.cash_usdc


def _undo(order: OrderRow, account: AccountRow, row: TradeRow) -> None:
    account.cash_usdc -= row.cash_usdc
    account.add_shares(row.token_id, -row.signed_shares)
    if row.pending and row.side is Side.BUY:
        account.add_pending(row.token_id, -row.size_shares)
    elif row.pending:
        account.pending_usdc -= row.cash_usdc
    row.pending = False
    order.filled_shares -= row.size_shares
    order.filled_usdc -= row.notional_usdc
    order.fee_usdc -= row.fee_usdc
    order.failed_shares += row.size_shares
