"""The exchange's refusals as a table: by which words each is known, what it proves, what it asks.

The reference page of the exchange's errors is this table; `classify` reads answers by it.
"""

from typing import Final, NamedTuple

from polybot.errors import (
    Action,
    ExchangeError,
    NotFound,
    OutcomeUnknown,
    RateLimited,
    Rejected,
    Unauthorized,
    Unavailable,
)
from polybot.exchange import error_texts as texts

NOT_ENOUGH_BALANCE: Final = "not_enough_balance"
CLOSED_ONLY: Final = "closed_only"
POST_ONLY: Final = "post_only"


class Meaning(NamedTuple):
    """One row: a refusal whose text contains `fragment` is an `error` with this code and action."""

    fragment: str
    code: str
    error: type[ExchangeError]
    action: Action


# The first fragment found in the text decides. "Duplicated" and a delayed match are no refusals:
# an order with this id may be alive, so the answer settles nothing and the order is looked up.
MEANINGS: Final = (
    Meaning("is invalid. Duplicated", "duplicated", OutcomeUnknown, Action.LOOK_UP),
    Meaning(texts.MATCH_DELAYED, "match_delayed", OutcomeUnknown, Action.LOOK_UP),
    Meaning(texts.COULD_NOT_INSERT, "not_inserted", OutcomeUnknown, Action.LOOK_UP),
    Meaning("not enough balance", NOT_ENOUGH_BALANCE, Rejected, Action.REFRESH_BALANCE),
    Meaning("breaks minimum tick size rule", "tick_size", Rejected, Action.REFRESH_MARKET),
    Meaning("lower than the minimum", "min_size", Rejected, Action.REFRESH_MARKET),
    Meaning("min size: $", "min_notional", Rejected, Action.DROP),
    # How many decimals amounts may have follows from the tick.
    Meaning("invalid amounts", "invalid_amounts", Rejected, Action.REFRESH_MARKET),
    Meaning("invalid price", "invalid_price", Rejected, Action.REFRESH_MARKET),
    Meaning("FOK orders are fully filled or killed", "fok_not_filled", Rejected, Action.DROP),
    Meaning("no orders found to match with FAK", "fak_no_match", Rejected, Action.DROP),
    Meaning("order crosses book", "post_only_crosses", Rejected, Action.DROP),
    Meaning("invalid expiration", "invalid_expiration", Rejected, Action.DROP),
    Meaning("not yet ready to process", "market_not_ready", Rejected, Action.RETRY_LATER),
    Meaning(texts.ORDER_VERSION_MISMATCH, "order_version", Rejected, Action.STOP),
    Meaning("invalid order version", "order_version", Rejected, Action.STOP),
    Meaning("Invalid Heartbeat ID", "heartbeat_id", Rejected, Action.DROP),
    Meaning("Invalid order payload", "invalid_payload", Rejected, Action.STOP),
    Meaning("Invalid orderID", "invalid_order_id", Rejected, Action.STOP),
    Meaning("Too many orders in payload", "too_many_orders", Rejected, Action.STOP),
    Meaning("address banned", "banned", Unauthorized, Action.STOP),
    Meaning("closed only mode", CLOSED_ONLY, Rejected, Action.EXITS_ONLY),
    Meaning("invalid signature", "invalid_signature", Unauthorized, Action.STOP),
    Meaning("order owner has to be", "wrong_owner", Unauthorized, Action.STOP),
    Meaning("order signer address has to be", "wrong_signer", Unauthorized, Action.STOP),
    Meaning("maker address not allowed", "maker_not_allowed", Unauthorized, Action.STOP),
    Meaning(texts.MARKET_NOT_FOUND, "market_not_found", NotFound, Action.REFRESH_MARKET),
    Meaning("No orderbook exists", "no_orderbook", NotFound, Action.REFRESH_MARKET),
)
# Told with status 503; any other 503 may have been carried out.
PAUSES: Final = (
    Meaning("post-only mode", POST_ONLY, Unavailable, Action.RETRY_LATER),
    Meaning("cancel-only", "cancel_only", Unavailable, Action.RETRY_LATER),
    Meaning("Trading is currently disabled", "disabled", Unavailable, Action.RETRY_LATER),
)
# These mean the same with any body.
BY_STATUS: Final = {
    401: Meaning("", "unauthorized", Unauthorized, Action.REFRESH_LOGIN),
    425: Meaning("", "restarting", Unavailable, Action.RETRY_LATER),
    429: Meaning("", "rate_limited", RateLimited, Action.RETRY_LATER),
}
# For an answer in words that no row above knows, by its status.
FORBIDDEN: Final = Meaning("", "forbidden", Unauthorized, Action.STOP)
NOT_FOUND: Final = Meaning("", "not_found", NotFound, Action.DROP)
REFUSED: Final = Meaning("", "rejected", Rejected, Action.DROP)
SERVER: Final = Meaning("", "server", OutcomeUnknown, Action.LOOK_UP)
UNREADABLE: Final = Meaning("", "unreadable", OutcomeUnknown, Action.LOOK_UP)

# What a person can do about a refusal that nothing else mends; the codes are those of STOP and
# EXITS_ONLY above.
ADVICE: Final = {
    "order_version": "the exchange no longer takes this order version: update polybot",
    "invalid_payload": "the exchange cannot read our orders: update polybot",
    "invalid_order_id": "the exchange does not accept our order ids: update polybot",
    "too_many_orders": "the exchange takes fewer orders at a time: update polybot",
    "banned": "the exchange has banned this address: ask its support",
    CLOSED_ONLY: "the account may only sell and cancel: ask the exchange's support",
    "invalid_signature": "the signature type or the funder does not fit the key: "
    "run polybot init again, then polybot doctor --live",
    "wrong_owner": "the API key belongs to another wallet: delete the stored credentials "
    "(state/wallet/credentials.json) and start again",
    # Of a deposit wallet's order the signer is the wallet itself: the funder is the usual cause.
    "wrong_signer": "the funder is not this key's deposit wallet, or the API key is another key's: "
    "run polybot init again, then polybot doctor --live",
    "maker_not_allowed": "this wallet must trade through its deposit wallet: "
    "run polybot init again and give its address as the funder",
    "forbidden": "the exchange does not serve this machine's region or network address",
}
