"""The exchange's account rows as our own records: orders, and our part of each trade."""

from polybot.errors import InvalidValue, ProtocolError
from polybot.exchange.price_ticks import PRICE_BPS, size_shares
from polybot.exchange.wire_account import MakerOrder, OpenOrder, TradeRow
from polybot.exchange.wire_user_stream import plain_status
from polybot.ports import VenueFill, VenueOrder

MAKER = "MAKER"
# The user stream's name for a match that the exchange has not broadcast to the chain yet.
_MATCHED_EARLY = "MATCHED_NOT_BROADCASTED"


def own_fills(trade: TradeRow, *, api_key: str) -> list[VenueFill]:
    """Return our fills in one trade row or trade event.

    For a maker the row's own side, price and size are the taker's, so they are taken from
    `maker_orders` by owner; the token may be the opposite outcome there (mint and merge matches).
    A row that does not say on which side we were tells it by those owners. Where a person's own
    trade met an order of ours, we were on both sides: both are told.
    Raises ProtocolError for a row whose numbers cannot be read.
    """
    own = [maker for maker in trade.maker_orders if maker.owner == api_key]
    is_maker = trade.trader_side == MAKER or (not trade.trader_side and bool(own))
    status = plain_status(trade.status)
    status = "MATCHED" if status == _MATCHED_EARLY else status
    matched_ns = _seconds_ns(trade.match_time)
    try:
        taken = [] if is_maker else [_as_taker(trade, status, matched_ns)]
        return taken + [_as_maker(trade.id, maker, status, matched_ns) for maker in own]
    except InvalidValue as error:
        message = f"expected a readable trade, was {trade.id}: {error}"
        raise ProtocolError(message) from error


def _as_taker(trade: TradeRow, status: str, matched_ns: int) -> VenueFill:
    return VenueFill(
        trade_id=trade.id,
        venue_order_id=trade.taker_order_id,
        token_id=trade.asset_id,
        side=trade.side,
        price_bps=PRICE_BPS[trade.price],
        size_shares=size_shares(trade.size),
        is_maker=False,
        status=status,
        matched_ns=matched_ns,
    )


def _as_maker(trade_id: str, maker: MakerOrder, status: str, matched_ns: int) -> VenueFill:
    return VenueFill(
        trade_id=trade_id,
        venue_order_id=maker.order_id,
        token_id=maker.asset_id,
        side=maker.side,
        price_bps=PRICE_BPS[maker.price],
        size_shares=size_shares(maker.matched_amount),
        is_maker=True,
        status=status,
        matched_ns=matched_ns,
    )


def venue_order(row: OpenOrder) -> VenueOrder:
    """Read one order row; raises InvalidValue when its numbers cannot be read."""
    return VenueOrder(
        venue_order_id=row.id,
        token_id=row.asset_id,
        side=row.side,
        status=plain_status(row.status),
        price_bps=PRICE_BPS[row.price],
        original_shares=size_shares(row.original_size),
        matched_shares=size_shares(row.size_matched),
        order_type=row.order_type,
    )


def _seconds_ns(text: str) -> int:
    return int(text) * 1_000_000_000 if text.isdecimal() else 0
