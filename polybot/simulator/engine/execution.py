"""How orders turn into trades: held ones when their delay is over, resting ones by the market."""

import hashlib
from collections.abc import Iterable
from uuid import UUID

from polybot.domain.fees import fill_fee_usdc
from polybot.domain.market import FeeSchedule, Outcome
from polybot.domain.matching import Execution as Match
from polybot.domain.matching import MatchResult, Verdict, match_levels, to_up
from polybot.domain.money import PRICE_ONE_BPS
from polybot.domain.order import OrderType, Side
from polybot.domain.resting import (
    RestingUpdate,
    TradePrint,
    after_book,
    displayed_at,
    fill_on_print,
    fill_through_quote,
)
from polybot.exchange import error_texts as texts
from polybot.simulator.books.accounts import OrderRow
from polybot.simulator.books.records import (
    Execution,
    MakerFill,
    OrderReleased,
    OrderState,
    QueueMoved,
    RestingFilled,
)
from polybot.simulator.engine.core import ExchangeCore
from polybot.simulator.engine.crossing import Division, divide, offers, own_crossed
from polybot.simulator.engine.order_queue import UpLevel
from polybot.simulator.engine.settle import refine_tick
from polybot.simulator.engine.window_book import WindowBook

Levels = tuple[tuple[int, int], ...]

_KILLED_TEXTS = {OrderType.FOK: texts.FOK_NOT_FILLED, OrderType.FAK: texts.FAK_NO_MATCH}


def trade_id(order_id: str, number: int) -> str:
    """Return the id of an order's n-th trade: always the same, so a replay gives the same ids."""
    digest = hashlib.sha256(f"{order_id}:{number}".encode()).digest()
    return str(UUID(bytes=digest[:16], version=4))


def release(core: ExchangeCore, order: OrderRow, ts_ns: int) -> None:
    """Match a held order against the book as it is now, and settle what becomes of the rest."""
    book = core.books[order.slug]
    incoming = order.incoming()
    result = match_levels(incoming, offers(book, incoming, order.address))
    deals = [(match, divide(book, incoming, order.address, match)) for match in result.executions]
    fee = book.window.market.fee
    executions = tuple(_execution(order, number, deal, fee) for number, deal in enumerate(deals))
    reason = _refusal(core, order, result, executions)
    if reason:
        core.emit(_ended(order, ts_ns, reason))
        return
    rests = result.verdict is Verdict.RESTS
    crossed = own_crossed(book, incoming, order.address) if rests else []
    queue_ahead = 0
    if rests:
        queue_ahead = displayed_at(order.resting(), book.outside, book.unknown_depth_shares)
    core.emit(
        OrderReleased(
            ts_ns=ts_ns,
            order_id=order.order_id,
            executions=executions,
            state=OrderState.LIVE if rests else OrderState.MATCHED,
            queue_ahead_shares=queue_ahead,
            reason=_dropped(order, result),
            queues=tuple(moved for _, division in deals for moved in division.queues),
            canceled=tuple(own.order_id for own in crossed),
        )
    )
    refine_tick(core, book, ts_ns)


def serve_print(core: ExchangeCore, book: WindowBook, trade: TradePrint, ts_ns: int) -> None:
    """Let a trade print serve the queue at its price, and our resting orders behind it."""
    if not book.queue:
        return
    up_price = to_up(trade.outcome, Side.BUY, trade.price_bps)[1]
    met = book.queue.met_by(up_price)
    if met:
        resting = [order.resting() for order in met]
        for update in fill_on_print(resting, trade, book.consumed):
            _update(core, book, update, ts_ns)


def serve_book(
    core: ExchangeCore, book: WindowBook, ts_ns: int, touched: Iterable[UpLevel]
) -> None:
    """Move queues up after a change of the book, and fill what the opposite quote went through."""
    if not book.queue:
        return
    for order in _queued(book, touched):
        now = order.resting()
        moved = after_book(now, book.outside, book.unknown_depth_shares)
        if moved is not now:
            _update(core, book, RestingUpdate(moved), ts_ns)
    for side in (Side.BUY, Side.SELL):
        if not _went_through(book, side):
            continue
        for order in list(book.queue.of_side(side)):
            update = fill_through_quote(order.resting(), book.outside, book.consumed)
            if update is None:
                break
            _update(core, book, update, ts_ns)


def _queued(book: WindowBook, touched: Iterable[UpLevel]) -> list[OrderRow]:
    """Return the resting orders whose queue a change can have shortened, best price first."""
    sides = (Side.BUY, Side.SELL)
    if book.unknown_depth_shares is not None:
        # Where depth is assumed, what stands at a level hangs on the best price.
        return [order for side in sides for order in book.queue.of_side(side)]
    levels = set(touched)
    return [order for level in book.queue.among(levels) for order in book.queue.at(level)]


def _went_through(book: WindowBook, side: Side) -> bool:
    """Say whether the outside's opposite side is strictly through the best resting order."""
    resting = book.queue.best(side)
    bid, ask = book.outside_best(Outcome.UP)
    if resting is None:
        return False
    if side is Side.BUY:
        return ask is not None and ask < resting
    return bid is not None and bid > resting


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
                taken=_levels(update.taken),
            ),
            state=OrderState.LIVE if update.order.remaining_shares else OrderState.MATCHED,
            queue_ahead_shares=queue_ahead,
        )
    )


def _execution(
    order: OrderRow, number: int, deal: tuple[Match, Division], fee: FeeSchedule
) -> Execution:
    match, division = deal
    taken = division.outside_shares
    return Execution(
        trade_id=trade_id(order.order_id, number),
        price_bps=match.price_bps,
        size_shares=match.size_shares,
        notional_usdc=match.notional_usdc,
        fee_usdc=fill_fee_usdc(fee, match.price_bps, match.size_shares, is_maker=False),
        is_maker=False,
        taken=((match.price_bps, taken),) if taken else (),
        makers=tuple(_maker_fill(resting, shares, fee) for resting, shares in division.makers),
    )


def _maker_fill(resting: OrderRow, shares: int, fee: FeeSchedule) -> MakerFill:
    price = resting.limit_bps
    is_whole = shares == resting.remaining_shares
    return MakerFill(
        order_id=resting.order_id,
        price_bps=price,
        size_shares=shares,
        notional_usdc=Match(price, shares).notional_usdc,
        fee_usdc=fill_fee_usdc(fee, price, shares, is_maker=True),
        state=OrderState.MATCHED if is_whole else OrderState.LIVE,
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
