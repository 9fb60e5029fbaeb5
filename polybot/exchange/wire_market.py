"""Wire shapes of the CLOB's public routes: books, ticks, market objects."""

from decimal import Decimal

import msgspec


class BookLevel(msgspec.Struct, frozen=True, gc=False):
    """One price level: dollars and shares as decimal text."""

    price: str
    size: str


class BookAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of GET /book; the best price is the LAST level of both sides.

    Bids ascend and asks descend. The fields stand in the order in which `book_hash` hashes them.
    """

    market: str
    asset_id: str
    timestamp: str
    hash: str = ""
    bids: list[BookLevel] = []
    asks: list[BookLevel] = []
    min_order_size: str = ""
    tick_size: str = ""
    neg_risk: bool = False
    last_trade_price: str = ""


class VersionAnswer(msgspec.Struct, frozen=True):
    """The answer of GET /version."""

    version: int


class TickSizeAnswer(msgspec.Struct, frozen=True):
    """The answer of GET /tick-size."""

    minimum_tick_size: Decimal


class NegRiskAnswer(msgspec.Struct, frozen=True):
    """The answer of GET /neg-risk."""

    neg_risk: bool


class FeeRateAnswer(msgspec.Struct, frozen=True):
    """The answer of GET /fee-rate: a cap, not the rate that is charged."""

    base_fee: int | str


class PriceAnswer(msgspec.Struct, frozen=True):
    """The answer of GET /price."""

    price: str


class MidpointAnswer(msgspec.Struct, frozen=True):
    """The answer of GET /midpoint."""

    mid: str


class LastTradeAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of GET /last-trade-price: a half and no side before the first trade.

    The exchange's own client takes an empty side, but no empty price.
    """

    price: str = "0.5"
    side: str = ""


class ShortToken(msgspec.Struct, frozen=True, kw_only=True):
    """A token in the short form: id and outcome."""

    token_id: str = msgspec.field(name="t")
    outcome: str = msgspec.field(name="o", default="")


class ShortFees(msgspec.Struct, frozen=True, kw_only=True):
    """A fee schedule in the short form; null where the market charges none."""

    rate: Decimal | None = msgspec.field(name="r", default=None)
    exponent: Decimal | None = msgspec.field(name="e", default=None)
    taker_only: bool | None = msgspec.field(name="to", default=None)


class ShortMarket(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of GET /clob-markets/{condition id}, which abbreviates every key."""

    condition_id: str = msgspec.field(name="c", default="")
    tokens: list[ShortToken | None] = msgspec.field(name="t")
    tick_size: Decimal = msgspec.field(name="mts")
    min_order_size: Decimal = msgspec.field(name="mos", default=Decimal(5))
    neg_risk: bool = msgspec.field(name="nr", default=False)
    fees: ShortFees | None = msgspec.field(name="fd", default=None)
    accepting_orders: bool = msgspec.field(name="ao", default=True)
    taker_delay: bool = msgspec.field(name="itode", default=False)


class MarketToken(msgspec.Struct, frozen=True, kw_only=True):
    """A token of a CLOB market: its last price, and whether it won."""

    token_id: str
    outcome: str
    price: Decimal = Decimal(0)
    winner: bool = False


class ClobMarket(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of GET /markets/{condition id}."""

    condition_id: str
    question: str = ""
    market_slug: str = ""
    tokens: list[MarketToken] = []
    active: bool = False
    closed: bool = False
    accepting_orders: bool = False
    enable_order_book: bool = False
    minimum_order_size: Decimal = Decimal(5)
    minimum_tick_size: Decimal = Decimal("0.01")
    neg_risk: bool = False
    end_date_iso: str | None = None
    game_start_time: str | None = None
    seconds_delay: int = 0
    maker_base_fee: Decimal = Decimal(0)
    taker_base_fee: Decimal = Decimal(0)


class MarketByToken(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of GET /markets-by-token/{token id}."""

    condition_id: str
    primary_token_id: str = ""
    secondary_token_id: str = ""
