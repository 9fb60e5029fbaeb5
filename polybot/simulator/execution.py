"""How orders turn into trades: held ones when their delay is over, resting ones by the market."""

import hashlib
from collections.abc import Iterable
from uuid import UUID

from polybot.domain.fees import fill_fee_usdc
from polybot.domain.market import FeeSchedule
from polybot.domain.matching import Execution as Match
from polybot.domain.matching import MatchResult, Verdict, match_order
from polybot.domain.money import PRICE_ONE_BPS
from polybot.domain.order import OrderType, Side
from polybot.domain.resting import (
    RestingOrder,
    RestingUpdate,
    TradePrint,
    after_book,
    displayed_at,
    fill_on_print,
    fill_through_quote,
    in_priority,
)
from polybot.exchange import error_texts as texts
from polybot.simulator.accounts import OrderRow
from polybot.simulator.core import ExchangeCore
from polybot.simulator.records import (
    Execution,
    OrderReleased,
    OrderState,
    QueueMoved,
    RestingFilled,
)
from polybot.simulator.window_book import WindowBook

Levels = tuple[tuple[int, int], ...]

_KILLED_TEXTS = {OrderType.FOK: texts.FOK_NOT_FILLED, OrderType.FAK: texts.FAK_NO_MATCH}


def trade_id(order_id: str, number: int) -> str:
    """Return the id of an order's n-th trade: always the same, so a replay gives the same ids."""
    digest = hashlib.sha256(f"{order_id}:{number}".encode()).digest()
    return str(UUID(bytes=digest[:16], version=4))


def release(core: ExchangeCore, order: OrderRow, ts_ns: int) -> None:
    """Match a held order against the book as it is now, and settle what becomes of the rest."""
    book = core.books[order.slug]
    fee = book.window.market.fee
    result = match_order(order.incoming(), book.outside, book.consumed)
    executions = tuple(
        _execution(order, number, match, fee) for number, match in enumerate(result.executions)
    )
    reason = _refusal(core, order, result, executions)
    if reason:
        core.emit(_ended(order, ts_ns, reason))
        return
    queue_ahead = 0
    state = OrderState.MATCHED
    if result.verdict is Verdict.RESTS:
        state = OrderState.LIVE
        placed = order.resting()
        queue_ahead = displayed_at(placed, book.outside, book.unknown_depth_shares)
    core.emit(
        OrderReleased(
            ts_ns=ts_ns,
            order_id=order.order_id,
            executions=executions,
            state=state,
            queue_ahead_shares=queue_ahead,
            reason=_dropped(order, result),
        )
    )
    for execution in executions:
        level = (execution.price_bps, execution.size_shares)
        book.note_trade(order.outcome, execution.price_bps, order.side)
        core.listener.on_trade(book, ts_ns, order.outcome, order.side, level)
    _take(core, book, order, ts_ns, [level for e in executions for level in e.taken])


def serve_print(core: ExchangeCore, book: WindowBook, trade: TradePrint, ts_ns: int) -> None:
    """Let a trade print serve the queue at its price, and our resting orders behind it."""
    resting = _resting(core, book)
    if resting:
        for update in fill_on_print(resting, trade, book.consumed):
            _update(core, book, update, ts_ns)


def serve_book(core: ExchangeCore, book: WindowBook, ts_ns: int) -> None:
    """Move queues up after a change of the book, and fill what the opposite quote went through."""
    for order in _resting(core, book):
        moved = after_book(order, book.outside, book.unknown_depth_shares)
        if moved is not order:
            _update(core, book, RestingUpdate(moved), ts_ns)
    resting = _resting(core, book)
    for side in (Side.BUY, Side.SELL):
        for order in in_priority([order for order in resting if order.up_side is side]):
            update = fill_through_quote(order, book.outside, book.consumed)
            if update is None:
                break
            _update(core, book, update, ts_ns)


def _resting(core: ExchangeCore, book: WindowBook) -> list[RestingOrder]:
    slug = book.window.slug
    if not core.ledger.has_open_orders(slug):
        return []
    orders = core.ledger.open_orders(slug)
    return [order.resting() for order in orders if order.state is OrderState.LIVE]


def _update(core: ExchangeCore, book: WindowBook, update: RestingUpdate, ts_ns: int) -> None:
    order_id = update.order.order_id
    queue_ahead = update.order.queue_ahead_shares
    order = core.ledger.state.orders[order_id]
    if not update.filled_shares:
        core.emit(QueueMoved(ts_ns=ts_ns, order_id=order_id, queue_ahead_shares=queue_ahead))
        return
    price = order.limit_bps
    match = Match(price, update.filled_shares)
    fee = fill_fee_usdc(book.window.market.fee, price, update.filled_shares, is_maker=True)
    taken = _levels(update.taken)
    core.emit(
        RestingFilled(
            ts_ns=ts_ns,
            order_id=order_id,
            execution=Execution(
                trade_id=trade_id(order_id, len(order.trade_ids)),
                price_bps=price,
                size_shares=update.filled_shares,
                notional_usdc=match.notional_usdc,
                fee_usdc=fee,
                is_maker=True,
                taken=taken,
            ),
            state=OrderState.LIVE if update.order.remaining_shares else OrderState.MATCHED,
            queue_ahead_shares=queue_ahead,
        )
    )
    _take(core, book, order, ts_ns, taken)


def _take(
    core: ExchangeCore,
    book: WindowBook,
    order: OrderRow,
    ts_ns: int,
    levels: Iterable[tuple[int, int]],
) -> None:
    touched = book.take(order.outcome, order.side.opposite, levels)
    if touched:
        core.listener.on_book(book, ts_ns, touched)


def _execution(order: OrderRow, number: int, match: Match, fee: FeeSchedule) -> Execution:
    return Execution(
        trade_id=trade_id(order.order_id, number),
        price_bps=match.price_bps,
        size_shares=match.size_shares,
        notional_usdc=match.notional_usdc,
        fee_usdc=fill_fee_usdc(fee, match.price_bps, match.size_shares, is_maker=False),
        is_maker=False,
        taken=_levels((match,)),
    )


def _levels(matches: Iterable[Match]) -> Levels:
    return tuple((match.price_bps, match.size_shares) for match in matches)


def _refusal(
    core: ExchangeCore, order: OrderRow, result: MatchResult, executions: Iterable[Execution]
) -> str:
    """Return why a held order ends without a trade, "" when it goes on."""
    if result.verdict is Verdict.REFUSED:
        return texts.POST_ONLY_CROSSES
    if result.verdict is Verdict.KILLED and not result.executions:
        return _KILLED_TEXTS[order.order_type]
    account = core.ledger.state.accounts[order.address.lower()]
    if order.side is Side.SELL:
        free = core.ledger.free_shares(account, order.token_id, but=order.order_id)
        short = free < order.size_shares
    else:
        cost = sum(execution.notional_usdc + execution.fee_usdc for execution in executions)
        rest = -(-order.limit_bps * result.resting_shares // PRICE_ONE_BPS)
        short = core.ledger.free_usdc(account, but=order.order_id) < cost + rest
    return texts.NOT_ENOUGH_BALANCE if short else ""


def _dropped(order: OrderRow, result: MatchResult) -> str:
    return _KILLED_TEXTS[order.order_type] if result.verdict is Verdict.KILLED else ""


def _ended(order: OrderRow, ts_ns: int, reason: str) -> OrderReleased:
    return OrderReleased(
        ts_ns=ts_ns,
        order_id=order.order_id,
        executions=(),
        state=OrderState.KILLED,
        reason=reason,
    )
