"""Wire shapes of placing and canceling orders."""

from typing import Final, Literal, get_args

import msgspec

from polybot.errors import InvalidValue
from polybot.exchange.order_hash import SignedOrder, UnsignedOrder, WireSide

OrderType = Literal["GTC", "GTD", "FOK", "FAK"]
SideText = Literal["BUY", "SELL"]
ORDER_TYPES: tuple[str, ...] = get_args(OrderType)

NO_EXPIRATION = "0"


class OrderBody(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A signed order as posted; the key order is that of the official client.

    The defaults let an order of the first protocol version be read, so that it can be refused by
    name: it has none of the last three signed fields.
    """

    salt: int
    maker: str
    signer: str
    token_id: str
    maker_amount: str
    taker_amount: str
    side: SideText
    expiration: str = NO_EXPIRATION
    signature_type: int = 0
    timestamp: str = ""
    metadata: str = ""
    builder: str = ""
    signature: str

    @property
    def is_version_one(self) -> bool:
        """Say whether this is an order of the first protocol version, refused since April 2026."""
        return not self.timestamp


class PostOrderBody(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The body of POST /order; `owner` is the API key."""

    order: OrderBody
    owner: str
    order_type: OrderType
    defer_exec: bool = False
    post_only: bool = False


# What an order that takes may be answered before its delay is over (the exchange's documentation:
# orders). None of them is a miss: what becomes of it is told later.
DELAYED: Final = "delayed"
EARLY_STATUSES: Final = (DELAYED, "live", "unmatched")


class PostOrderAnswer(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The answer to POST /order; amounts are decimal text in dollars and shares, "" when none.

    A refusal may come with status 200: an order stands only where `placed` says so.
    """

    success: bool = False
    error_msg: str | None = ""
    order_id: str | None = msgspec.field(default="", name="orderID")
    status: str = ""
    making_amount: str | None = ""
    taking_amount: str | None = ""
    trade_ids: list[str] | None = msgspec.field(default=None, name="tradeIDs")
    transactions_hashes: list[str] | None = None

    @property
    def placed(self) -> bool:
        """Say whether the exchange took the order."""
        return self.success and bool(self.order_id) and not self.error_msg


def order_body(signed: SignedOrder, *, expiration_s: int = 0) -> OrderBody:
    """Put a signed order into its wire shape; `expiration_s` is not signed, 0 means none."""
    order = signed.order
    return OrderBody(
        salt=order.salt,
        maker=order.maker,
        signer=order.signer,
        token_id=str(order.token_id),
        maker_amount=str(order.maker_amount),
        taker_amount=str(order.taker_amount),
        side="BUY" if order.side is WireSide.BUY else "SELL",
        expiration=str(expiration_s),
        signature_type=int(order.signature_type),
        timestamp=str(order.timestamp_ms),
        metadata=order.metadata,
        builder=order.builder,
        signature=signed.signature,
    )


def unsigned_order(body: OrderBody) -> UnsignedOrder:
    """Read the signed fields back from the wire; InvalidValue when one is not a number."""
    try:
        return UnsignedOrder(
            salt=body.salt,
            maker=body.maker,
            signer=body.signer,
            token_id=int(body.token_id),
            maker_amount=int(body.maker_amount),
            taker_amount=int(body.taker_amount),
            side=WireSide[body.side],
            signature_type=body.signature_type,
            timestamp_ms=int(body.timestamp),
            metadata=body.metadata,
            builder=body.builder,
        )
    except ValueError as error:
        raise InvalidValue(f"expected an order with whole numbers as text: {error}") from error
