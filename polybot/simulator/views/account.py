"""Orders and trades as their owner sees them, on the routes and on the user channel."""

import hashlib

from polybot.domain.fill import FillStatus
from polybot.domain.market import Outcome
from polybot.domain.order import Side
from polybot.exchange.wire_account import MakerOrder, OpenOrder
from polybot.exchange.wire_account import TradeRow as WireTrade
from polybot.exchange.wire_orders import PostOrderAnswer
from polybot.exchange.wire_user_stream import CANCELLATION, OrderEvent, TradeEvent
from polybot.simulator.books.accounts import OrderRow, TradeRow
from polybot.simulator.books.ledger import Ledger
from polybot.simulator.books.records import OrderState
from polybot.simulator.views.wire_text import (
    amount_text,
    milliseconds_text,
    price_text,
    seconds_text,
)

MAKER = "MAKER"
TAKER = "TAKER"
# The other side of every trade is the outside market, which has no account here.
OUTSIDE_ADDRESS = "0x" + "0" * 39 + "1"
OUTSIDE_OWNER = "00000000-0000-0000-0000-000000000000"

_STATUS = {
    OrderState.HELD: "DELAYED",
    OrderState.LIVE: "LIVE",
    OrderState.MATCHED: "MATCHED",
    OrderState.KILLED: "CANCELED",
    OrderState.CANCELED: "CANCELED",
    OrderState.EXPIRED: "CANCELED",
    OrderState.INVALID: "INVALID",
}


def post_answer(order: OrderRow) -> PostOrderAnswer:
    """Return the answer to the POST of an order that stands, whole or in part."""
    matched = order.filled_shares > 0
    dollars = amount_text(order.filled_usdc) if matched else ""
    shares = amount_text(order.filled_shares) if matched else ""
    is_buy = order.side is Side.BUY
    return PostOrderAnswer(
        success=True,
        error_msg="",
        order_id=order.order_id,
        status="matched" if matched else "live",
        making_amount=dollars if is_buy else shares,
        taking_amount=shares if is_buy else dollars,
        trade_ids=list(order.trade_ids),
        transactions_hashes=[],
    )


def early_answer(order_id: str, status: str) -> PostOrderAnswer:
    """Return an answer that does not wait for the delay of an order: it says nothing of fills."""
    return PostOrderAnswer(
        success=True,
        error_msg="",
        order_id=order_id,
        status=status,
        trade_ids=[],
        transactions_hashes=[],
    )


def refused_row(text: str) -> PostOrderAnswer:
    """Return the row of a refused order in the answer to a batch: success, but no id.

    Its lists are empty: polymarket-client takes no null there.
    """
    return PostOrderAnswer(
        success=True, error_msg=text, order_id="", trade_ids=[], transactions_hashes=[]
    )


def open_order(ledger: Ledger, order: OrderRow) -> OpenOrder:
    """Return an order as GET /data/orders lists it."""
    return OpenOrder(
        id=order.order_id,
        status=_STATUS[order.state],
        owner=order.owner,
        maker_address=order.maker,
        market=_condition(ledger, order.slug),
        asset_id=order.token_id,
        side=order.side.value,
        original_size=amount_text(order.size_shares),
        size_matched=amount_text(order.filled_shares),
        price=price_text(order.limit_bps),
        outcome=order.outcome.value,
        expiration=str(order.expiration_s),
        order_type=order.order_type.value,
        associate_trades=list(order.trade_ids),
        created_at=order.created_ns // 1_000_000_000,
    )


def order_event(ledger: Ledger, order: OrderRow, kind: str) -> OrderEvent:
    """Return a change of an order: PLACEMENT, UPDATE or CANCELLATION.

    A killed order is told as the exchange does: its reason stands in the status, and what it
    matched and when it was created are empty.
    """
    row = open_order(ledger, order)
    fields = {name: getattr(row, name) for name in row.__struct_fields__}
    if order.state is OrderState.KILLED:
        fields |= {"status": f"CANCELED_{order.reason}", "size_matched": "", "created_at": ""}
    else:
        fields["created_at"] = seconds_text(order.created_ns)
    if kind != CANCELLATION and not order.trade_ids:
        fields["associate_trades"] = None
    return OrderEvent(
        **fields,
        type=kind,
        order_owner=order.owner,
        timestamp=milliseconds_text(order.updated_ns),
    )


def wire_trade(ledger: Ledger, trade: TradeRow) -> WireTrade:
    """Return a trade as the owner of a row of it sees it.

    The row's own side is the taker's, and the makers stand in `maker_orders`, as on the real
    exchange: who was a maker finds their part there, perhaps in the other outcome.
    """
    taken = trade
    if trade.taker_order_id:
        taken = ledger.state.trades[trade.trade_id]
    order = ledger.state.orders[taken.order_id]
    is_outside = taken.is_maker
    side = taken.side.opposite if is_outside else taken.side
    return WireTrade(
        id=trade.trade_id,
        taker_order_id=outside_order_id(taken) if is_outside else order.order_id,
        market=_condition(ledger, trade.slug),
        asset_id=taken.token_id,
        side=side.value,
        size=amount_text(taken.size_shares),
        price=price_text(taken.price_bps),
        status=trade.status.value,
        match_time=seconds_text(trade.matched_ns),
        last_update=seconds_text(trade.updated_ns),
        outcome=taken.outcome.value,
        owner=OUTSIDE_OWNER if is_outside else order.owner,
        maker_address=OUTSIDE_ADDRESS if is_outside else order.maker,
        transaction_hash=transaction_hash(trade),
        trader_side=MAKER if trade.is_maker else TAKER,
        maker_orders=_makers(ledger, taken),
    )


def trade_event(ledger: Ledger, trade: TradeRow) -> TradeEvent:
    """Return a change of a trade: one event for each status it reaches."""
    row = wire_trade(ledger, trade)
    fields = {name: getattr(row, name) for name in row.__struct_fields__}
    owner = ledger.state.orders[trade.order_id].owner
    return TradeEvent(**fields, trade_owner=owner, timestamp=milliseconds_text(trade.updated_ns))


def transaction_hash(trade: TradeRow) -> str:
    """Return the hash of the transaction that settled a trade, "" while it is only matched."""
    if trade.status is FillStatus.MATCHED:
        return ""
    return "0x" + hashlib.sha256(f"transaction {trade.trade_id}".encode()).hexdigest()


def outside_order_id(trade: TradeRow) -> str:
    """Return the id of the outside order on the other side of a trade."""
    return "0x" + hashlib.sha256(f"outside order {trade.trade_id}".encode()).hexdigest()


def _makers(ledger: Ledger, trade: TradeRow) -> list[MakerOrder]:
    """Return the makers of a trade, given the row of its taker (or of the one maker we know)."""
    orders = ledger.state.orders
    if trade.is_maker:
        return [_maker(orders[trade.order_id], trade.size_shares, trade.price_bps)]
    makers = [
        _maker(orders[maker.order_id], maker.size_shares, maker.price_bps) for maker in trade.makers
    ]
    outside = trade.size_shares - sum(maker.size_shares for maker in trade.makers)
    return [*makers, _outside_maker(trade, outside)] if outside else makers


def _maker(order: OrderRow, shares: int, price_bps: int) -> MakerOrder:
    return MakerOrder(
        order_id=order.order_id,
        owner=order.owner,
        maker_address=order.maker,
        matched_amount=amount_text(shares),
        price=price_text(price_bps),
        asset_id=order.token_id,
        outcome=order.outcome.value,
        side=order.side.value,
    )


def _outside_maker(trade: TradeRow, shares: int) -> MakerOrder:
    return MakerOrder(
        order_id=outside_order_id(trade),
        owner=OUTSIDE_OWNER,
        maker_address=OUTSIDE_ADDRESS,
        matched_amount=amount_text(shares),
        price=price_text(trade.price_bps),
        asset_id=trade.token_id,
        outcome=trade.outcome.value,
        side=trade.side.opposite.value,
    )


def _condition(ledger: Ledger, slug: str) -> str:
    return ledger.state.windows[slug].market.condition_id


def outcome_index(outcome: Outcome) -> int:
    """Return an outcome's place among the tokens of its market."""
    return 0 if outcome is Outcome.UP else 1
