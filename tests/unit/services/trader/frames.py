"""Frames of the market and price streams, as the exchange sends them."""

from typing import Any

import msgspec

from polybot.domain.market import Market
from tests.story import market_at

Levels = tuple[tuple[str, str], ...]
UP_BIDS: Levels = (("0.90", "100"), ("0.93", "40"))
UP_ASKS: Levels = (("0.99", "300"), ("0.95", "50"))


def book(token: str, bids: Levels = UP_BIDS, asks: Levels = UP_ASKS) -> dict[str, Any]:
    """Return a snapshot; the best price is the last of each side."""
    return {
        "event_type": "book",
        "asset_id": token,
        "bids": [{"price": price, "size": size} for price, size in bids],
        "asks": [{"price": price, "size": size} for price, size in asks],
    }


def mirrored(levels: Levels) -> Levels:
    """Return the other token's other side."""
    return tuple((f"{1 - float(price):.2f}", size) for price, size in levels)


def books(market: Market | None = None, bids: Levels = UP_BIDS, asks: Levels = UP_ASKS) -> bytes:
    """Return both tokens' snapshots in one frame, the Down book being the Up book's mirror."""
    market = market or market_at()
    down = book(market.token_down, mirrored(asks), mirrored(bids))
    return msgspec.json.encode([book(market.token_up, bids, asks), down])


def change(token: str, side: str, price: str, size: str) -> bytes:
    """Return a changed level."""
    level = {"asset_id": token, "side": side, "price": price, "size": size}
    return msgspec.json.encode({"event_type": "price_change", "price_changes": [level]})


def tick(token: str, new: str) -> bytes:
    """Return a changed tick size."""
    return msgspec.json.encode(
        {"event_type": "tick_size_change", "asset_id": token, "new_tick_size": new}
    )


def price(dollars: str, timestamp_ms: int, *, twap: bool = False, symbol: str = "btcusd") -> bytes:
    """Return one reference price."""
    return msgspec.json.encode(
        {
            "v": 1,
            "channel": "price.crypto.twap" if twap else "price.crypto",
            "payload": {
                "symbol": symbol,
                "full_accuracy_value": dollars,
                "timestamp": timestamp_ms,
                "source": "chainlink",
            },
        }
    )
