"""What a client sends to cancel orders, and what it is answered.

Apart from the orders themselves: who only cancels needs none of the hashes an order is signed by.
"""

import msgspec


class CancelOrderBody(msgspec.Struct, frozen=True):
    """The body of DELETE /order."""

    order_id: str = msgspec.field(name="orderID")


class CancelMarketBody(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The body of DELETE /cancel-market-orders: a condition id, a token id, or both."""

    market: str = ""
    asset_id: str = ""


class CancelAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to every cancel, with status 200 also where nothing was canceled."""

    canceled: list[str] = []
    not_canceled: dict[str, str] = {}
