"""User websocket frames: the own orders and trades, one event per change of status."""

from typing import TypeAlias

import msgspec

from polybot.exchange.l2_auth import ApiCredentials
from polybot.exchange.wire_account import OpenOrder, TradeRow
from polybot.exchange.wire_codec import FrameDecoder

PLACEMENT = "PLACEMENT"
UPDATE = "UPDATE"
CANCELLATION = "CANCELLATION"

_STATUS_PREFIXES = ("TRADE_STATUS_", "ORDER_STATUS_")


class UserSubscription(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a client sends: credentials first; no markets means all of them."""

    auth: ApiCredentials | None = None
    markets: list[str] = []
    type: str = ""
    operation: str = ""


class OrderEvent(OpenOrder, frozen=True, kw_only=True, tag_field="event_type", tag="order"):
    """A change of one own order; `timestamp` is milliseconds as text.

    `status` may carry free text ("CANCELED_order couldn't be fully filled…"): see `plain_status`.
    """

    type: str = ""
    order_owner: str = ""
    timestamp: str = ""


class TradeEvent(TradeRow, frozen=True, kw_only=True, tag_field="event_type", tag="trade"):
    """A change of one own trade: MATCHED, MINED, CONFIRMED, RETRYING, FAILED."""

    type: str = "TRADE"
    trade_owner: str = ""
    timestamp: str = ""


UserEvent: TypeAlias = OrderEvent | TradeEvent


def plain_status(status: str) -> str:
    """Return a status in its short spelling: no prefix, no free text."""
    for prefix in _STATUS_PREFIXES:
        status = status.removeprefix(prefix)
    return "CANCELED" if status.startswith("CANCELED_") and " " in status else status


def user_decoder() -> FrameDecoder[UserEvent]:
    """Return a decoder of user frames; a refused one means that a reconcile is due."""
    return FrameDecoder(UserEvent)
