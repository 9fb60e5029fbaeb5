"""The peer of the book benchmark: nautilus_trader's own books, in an environment of their own.

Reads a file of frames (a JSON array of texts, the snapshots first). For each line on stdin, which
names a bot below, it goes through them all once and answers with a JSON object: nanoseconds for all
changes, and after each the best prices of both tokens in cents. It imports nothing of polybot.
"""

import gc
import json
import sys
from time import perf_counter_ns

import msgspec
from nautilus_trader.adapters.polymarket.common.enums import PolymarketOrderSide
from nautilus_trader.adapters.polymarket.common.symbol import get_polymarket_instrument_id
from nautilus_trader.adapters.polymarket.websocket.types import MARKET_WS_MESSAGE
from nautilus_trader.core.datetime import millis_to_nanos
from nautilus_trader.model.book import OrderBook
from nautilus_trader.model.currencies import USDC_POS
from nautilus_trader.model.data import BookOrder, OrderBookDelta, OrderBookDeltas
from nautilus_trader.model.enums import AssetClass, BookAction, BookType, OrderSide, RecordFlag
from nautilus_trader.model.identifiers import InstrumentId, Symbol
from nautilus_trader.model.instruments import BinaryOption
from nautilus_trader.model.objects import Price, Quantity

MS_NS = 1_000_000
Best = list[tuple[Price, Price]]


class AdapterBot:
    """What nautilus_trader does with a frame of this exchange, step for step, up to its book.

    The same decoder, instruments, calls and order as its Polymarket data client (version 1.221.0:
    `_handle_raw_ws_message`, `_handle_quotes`, `_handle_quote`); its engine and bus are left out.
    """

    def __init__(self, snapshots: bytes) -> None:
        self._decoder = msgspec.json.Decoder(MARKET_WS_MESSAGE)
        self._instruments: dict[InstrumentId, BinaryOption] = {}
        self._books: dict[InstrumentId, OrderBook] = {}
        for told in self._decoder.decode(snapshots):
            instrument = _instrument(told.market, told.asset_id)
            book = OrderBook(instrument.id, BookType.L2_MBP)
            book.apply_deltas(told.parse_to_snapshot(instrument, 0))
            self._instruments[instrument.id] = instrument
            self._books[instrument.id] = book

    def take(self, frame: bytes) -> Best:
        """Apply a frame and read the best prices of both tokens."""
        told = self._decoder.decode(frame)
        for change in told.price_changes:
            instrument_id = get_polymarket_instrument_id(told.market, change.asset_id)
            instrument = self._instruments[instrument_id]
            order = BookOrder(
                side=OrderSide.BUY if change.side == PolymarketOrderSide.BUY else OrderSide.SELL,
                price=instrument.make_price(float(change.price)),
                size=instrument.make_qty(float(change.size)),
                order_id=0,
            )
            delta = OrderBookDelta(
                instrument_id=instrument.id,
                action=BookAction.UPDATE if order.size > 0 else BookAction.DELETE,
                order=order,
                flags=RecordFlag.F_LAST,
                sequence=0,
                ts_event=millis_to_nanos(float(told.timestamp)),
                ts_init=perf_counter_ns(),
            )
            self._books[instrument.id].apply(OrderBookDeltas(instrument.id, [delta]))
        return [(book.best_bid_price(), book.best_ask_price()) for book in self._books.values()]


def _instrument(market: str, token: str) -> BinaryOption:
    instrument_id = get_polymarket_instrument_id(market, token)
    return BinaryOption(
        instrument_id=instrument_id,
        raw_symbol=Symbol(token),
        outcome="Up",
        description="Up or Down",
        asset_class=AssetClass.ALTERNATIVE,
        currency=USDC_POS,
        price_precision=2,
        price_increment=Price.from_str("0.01"),
        size_precision=6,
        size_increment=Quantity.from_str("0.000001"),
        activation_ns=0,
        expiration_ns=2**62,
        max_quantity=None,
        min_quantity=Quantity.from_str("5"),
        maker_fee=0,
        taker_fee=0,
        ts_event=0,
        ts_init=0,
    )


class Level(msgspec.Struct, frozen=True, gc=False):
    price: str
    size: str


class Book(msgspec.Struct, frozen=True):
    asset_id: str
    timestamp: str
    bids: list[Level]
    asks: list[Level]


class Change(msgspec.Struct, frozen=True, gc=False):
    asset_id: str
    price: str
    size: str
    side: str


class Changes(msgspec.Struct, frozen=True):
    price_changes: list[Change]
    timestamp: str


class BareBot:
    """The least anybody could write around nautilus_trader's OrderBook: no adapter, no instrument.

    A frame of another type than level changes would be an error here.
    """

    def __init__(self, snapshots: bytes) -> None:
        books = msgspec.json.decode(snapshots, type=list[Book])
        self._decoder = msgspec.json.Decoder(Changes)
        self._ids = {b.asset_id: InstrumentId.from_str(f"{b.asset_id}.POLYMARKET") for b in books}
        self._books = {
            token: OrderBook(instrument_id, BookType.L2_MBP)
            for token, instrument_id in self._ids.items()
        }
        for book in books:
            for side, levels in ((OrderSide.BUY, book.bids), (OrderSide.SELL, book.asks)):
                for level in levels:
                    self._apply(book.asset_id, side, level.price, level.size, int(book.timestamp))

    def take(self, frame: bytes) -> Best:
        """Apply a frame and read the best prices of both tokens."""
        told = self._decoder.decode(frame)
        stamp = int(told.timestamp)
        for change in told.price_changes:
            side = OrderSide.BUY if change.side == "BUY" else OrderSide.SELL
            self._apply(change.asset_id, side, change.price, change.size, stamp)
        return [(book.best_bid_price(), book.best_ask_price()) for book in self._books.values()]

    def _apply(self, token: str, side: OrderSide, price: str, size: str, stamp_ms: int) -> None:
        action = BookAction.DELETE if size == "0" else BookAction.UPDATE
        # By float, which is five times as fast here as Price.from_str.
        order = BookOrder(side, Price(float(price), 2), Quantity(float(size), 2), 0)
        stamp_ns = stamp_ms * MS_NS
        delta = OrderBookDelta(self._ids[token], action, order, 0, 0, stamp_ns, stamp_ns)
        self._books[token].apply_delta(delta)


BOTS = {"adapter": AdapterBot, "bare": BareBot}


def main() -> None:
    with open(sys.argv[1], encoding="utf-8") as file:
        first, *frames = [text.encode() for text in json.load(file)]
    gc.collect()
    gc.freeze()
    for line in sys.stdin:
        bot_type = BOTS[line.strip()]
        take = bot_type(first).take
        begin = perf_counter_ns()
        for frame in frames:
            take(frame)
        taken = perf_counter_ns() - begin
        checked = bot_type(first)
        best = [
            [round(float(price) * 100) for pair in checked.take(frame) for price in pair]
            for frame in frames
        ]
        print(json.dumps({"ns": taken, "best": best}), flush=True)


if __name__ == "__main__":
    main()
