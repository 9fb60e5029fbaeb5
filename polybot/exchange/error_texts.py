"""The exchange's refusals, word for word: the simulator says them, the gateway recognizes them.

Collected from the exchange's documentation (error codes) and from public issues of its clients.
"""

from typing import Final

NOT_ENOUGH_BALANCE: Final = "not enough balance / allowance"
FOK_NOT_FILLED: Final = "order couldn't be fully filled. FOK orders are fully filled or killed."
FAK_NO_MATCH: Final = (
    "no orders found to match with FAK order. "
    "FAK orders are partially filled or killed if no match is found."
)
POST_ONLY_CROSSES: Final = "invalid post-only order: order crosses book"
INVALID_EXPIRATION: Final = "invalid expiration"
MARKET_NOT_READY: Final = "the market is not yet ready to process new orders"
MATCH_DELAYED: Final = "order match delayed due to market conditions"
PRICE_OUT_OF_RANGE: Final = "invalid price, price must be greater than 0 and less than 1"

ORDER_VERSION_MISMATCH: Final = "order_version_mismatch"
INVALID_ORDER_VERSION: Final = "invalid order version, please use the latest clob-client"
INVALID_SIGNATURE: Final = "invalid signature"
INVALID_ORDER_PAYLOAD: Final = "Invalid order payload"
INVALID_ORDER_ID: Final = "Invalid orderID"
WRONG_OWNER: Final = "the order owner has to be the owner of the API KEY"
WRONG_SIGNER: Final = "the order signer address has to be the address of the API KEY"
MAKER_NOT_ALLOWED: Final = "maker address not allowed, please use the deposit wallet flow"

UNAUTHORIZED: Final = "Unauthorized/Invalid api key"
INVALID_L1_HEADERS: Final = "Invalid L1 Request headers"
COULD_NOT_DERIVE_KEY: Final = "Could not derive api key!"
COULD_NOT_CREATE_KEY: Final = "Could not create api key"

MARKET_NOT_FOUND: Final = "market not found"
ORDER_NOT_FOUND: Final = "order not found"
NO_ORDERBOOK: Final = "No orderbook exists for the requested token id"

INVALID_HEARTBEAT: Final = "Invalid Heartbeat ID"
TOO_MANY_REQUESTS: Final = "Too Many Requests"
COULD_NOT_INSERT: Final = "could not insert order"
INTERNAL_ERROR: Final = "Internal server error"
ENGINE_RESTARTING: Final = "the matching engine is restarting, please retry"
POST_ONLY_MODE: Final = "post-only mode: only post-only orders and cancels are allowed"
CANCEL_ONLY: Final = (
    "Trading is currently cancel-only. New orders are not accepted, but cancels are allowed."
)
# With status 403, as clients report it; the exchange's documentation has no words for it.
REGION_RESTRICTED: Final = (
    "Trading restricted in your region, please refer to available regions - "
    "https://docs.polymarket.com/developers/CLOB/geoblock"
)
TRADING_DISABLED: Final = "Trading is currently disabled. Check polymarket.com for updates"

# Reasons in `not_canceled` of an answer that is itself a success.
ALREADY_CANCELED_OR_MATCHED: Final = "already canceled or matched"
CANCEL_NOT_FOUND: Final = "order not found"


def balance_too_low(balance: int, order_amount: int) -> str:
    """Say that funds are missing; both amounts in micro-units."""
    return (
        f"{NOT_ENOUGH_BALANCE}: the balance is not enough -> "
        f"balance: {balance}, order amount: {order_amount}"
    )


def breaks_tick(order_id: str, price: str, tick: str) -> str:
    """Say that a price is off the market's tick; prices as decimal text."""
    return f"order {order_id} is invalid. Price ({price}) breaks minimum tick size rule: {tick}"


def below_minimum_size(order_id: str, size: str, minimum: str) -> str:
    """Say that an order has too few shares; sizes as decimal text."""
    return f"order {order_id} is invalid. Size ({size}) lower than the minimum: {minimum}"


def duplicated(order_id: str) -> str:
    """Say that an order with this id was accepted before."""
    return f"order {order_id} is invalid. Duplicated."


def below_minimum_notional(dollars: str) -> str:
    """Say that a BUY that would match at once is worth less than a dollar."""
    return f"invalid amount for a marketable BUY order (${dollars}), min size: $1"


def too_many_decimals(kind: str, maker_decimals: int, taker_decimals: int) -> str:
    """Say how many decimals amounts may have; `kind` is "buy", "sell" or "market buy"."""
    return (
        f"invalid amounts, the {kind} orders maker amount supports a max accuracy of "
        f"{maker_decimals} decimals, taker amount a max of {taker_decimals} decimals"
    )


def wrong_taker_amount(price: str, size: str, expected: str, submitted: str) -> str:
    """Say that a sale's dollars are not its price times its size; all as decimal text.

    Word for word as public issues of clients show it, the misspelling included.
    """
    return (
        f"invalid amounts, the taker amount for a ${price} order of size {size} should be "
        f"'{expected}' but the value submited is '{submitted}'. "
        f"Please check if you are using the latest version of the 'clob-client' library"
    )


def address_banned(address: str) -> str:
    """Say that an address may not trade."""
    return f"'{address}' address banned"


def closed_only(address: str) -> str:
    """Say that an address may only sell and cancel."""
    return f"'{address}' address in closed only mode"


def too_many_orders(count: int, maximum: int) -> str:
    """Say that a batch is too long."""
    return f"Too many orders in payload: {count}, max allowed: {maximum}"
