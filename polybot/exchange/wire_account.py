"""Wire shapes of an account: open orders, trades, balances, heartbeats, API keys."""

import msgspec

FIRST_CURSOR = "MA=="
LAST_CURSOR = "LTE="

COLLATERAL = "COLLATERAL"
CONDITIONAL = "CONDITIONAL"
CONDITIONAL_PROTOCOL = "CONDITIONAL-V2"


class OpenOrder(msgspec.Struct, frozen=True, kw_only=True):
    """One row of GET /data/orders, also GET /data/order/{id}; sizes are decimal text in shares.

    The exchange writes "" and null where it has nothing, and some statuses with a prefix.
    """

    id: str
    status: str
    owner: str = ""
    maker_address: str = ""
    market: str = ""
    asset_id: str = ""
    side: str = ""
    original_size: str = ""
    size_matched: str = ""
    price: str = ""
    outcome: str = ""
    expiration: str | None = None
    order_type: str = ""
    associate_trades: list[str] | None = None
    created_at: int | str = 0


class OrdersPage(msgspec.Struct, frozen=True, kw_only=True):
    """One page of GET /data/orders; LAST_CURSOR ends it."""

    limit: int = 0
    count: int = 0
    next_cursor: str = LAST_CURSOR
    data: list[OpenOrder] = []


class MakerOrder(msgspec.Struct, frozen=True, kw_only=True):
    """A maker's part of a trade; its token may be the opposite outcome (mint and merge matches)."""

    order_id: str
    owner: str = ""
    maker_address: str = ""
    matched_amount: str = ""
    price: str = ""
    fee_rate_bps: str = "0"
    asset_id: str = ""
    outcome: str = ""
    side: str = ""


class TradeRow(msgspec.Struct, frozen=True, kw_only=True):
    """One row of GET /data/trades.

    Where `trader_side` is MAKER, side, price and size are the taker's: the own fill stands in
    `maker_orders`. `fee_rate_bps` reads 0 whatever was charged.
    """

    id: str
    taker_order_id: str = ""
    market: str = ""
    asset_id: str = ""
    side: str = ""
    size: str = ""
    fee_rate_bps: str = "0"
    price: str = ""
    status: str = ""
    match_time: str = ""
    last_update: str = ""
    outcome: str = ""
    bucket_index: int = 0
    owner: str = ""
    maker_address: str = ""
    transaction_hash: str = ""
    trader_side: str = ""
    maker_orders: list[MakerOrder] = []


class TradesPage(msgspec.Struct, frozen=True, kw_only=True):
    """One page of GET /data/trades; LAST_CURSOR ends it."""

    limit: int = 0
    count: int = 0
    next_cursor: str = LAST_CURSOR
    data: list[TradeRow] = []


class BalanceAllowance(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of GET /balance-allowance: micro-dollars or micro-shares as whole-number text."""

    balance: str
    allowances: dict[str, str] = {}


class HeartbeatBody(msgspec.Struct, frozen=True, kw_only=True):
    """The body of POST /v1/heartbeats: the id of the answer before, "" the first time."""

    heartbeat_id: str = ""


class HeartbeatAnswer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The next id; with status 400 and a message, the id the exchange expected instead."""

    error_msg: str = ""
    heartbeat_id: str = ""


class ApiKeysAnswer(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The answer of GET /auth/api-keys."""

    api_keys: list[str] = []


class ErrorAnswer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The body of a refusal, as the exchange writes it."""

    error: str
    code: str = ""
    retry_after_seconds: int = 0
