"""What most bots do with a frame: json, a dict as the book, the official client for the order."""

import json
from time import perf_counter_ns
from typing import Any

from py_clob_client_v2 import (
    ApiCreds,
    ClobClient,
    MarketOrderArgs,
    OrderType,
    PartialCreateOrderOptions,
)

from tests.bench.sample_market import (
    API,
    MARKET,
    PRIVATE_KEY,
    TOKEN_DOWN,
    TOKEN_UP,
    book_frame,
)

Levels = dict[float, float]


class OfflineClient(ClobClient):
    """The official client with the exchange's answers canned; what it would send is kept."""

    def __init__(self) -> None:
        creds = ApiCreds(API.api_key, API.secret, API.passphrase)
        super().__init__("https://clob.invalid", 137, key=PRIVATE_KEY, creds=creds)
        self.asked: list[str] = []
        self.posted: list[tuple[dict[str, str], str]] = []
        self.sent_ns = 0

    def _get(self, endpoint: str, headers: Any = None, params: Any = None) -> Any:
        self.asked.append(endpoint)
        return {
            "minimum_tick_size": "0.01",
            "neg_risk": False,
            "version": 2,
            "condition_id": MARKET.condition_id,
            "t": [{"t": TOKEN_UP, "o": "Up"}, {"t": TOKEN_DOWN, "o": "Down"}],
            "mts": 0.01,
            "nr": False,
            "fd": {"r": 0.07, "e": 1, "to": True},
        }

    def _post(
        self, endpoint: str, headers: Any = None, data: Any = None, params: Any = None
    ) -> Any:
        self.sent_ns = perf_counter_ns()
        self.posted.append((headers, data))
        return {"success": True, "orderID": ""}


class PeerBot:
    """Enters by the same price rule, without risk, journal or explanation."""

    def __init__(self) -> None:
        self.client = OfflineClient()
        self._books: dict[str, dict[str, Levels]] = {}
        self.take(book_frame())

    def take(self, frame: bytes) -> None:
        """Bring the books up to date with one frame."""
        decoded = json.loads(frame)
        for event in decoded if isinstance(decoded, list) else [decoded]:
            if event["event_type"] == "book":
                self._books[event["asset_id"]] = {
                    side: {float(level["price"]): float(level["size"]) for level in event[side]}
                    for side in ("bids", "asks")
                }
            elif event["event_type"] == "price_change":
                for change in event["price_changes"]:
                    self._change(change)

    def enter(self, frame: bytes) -> bool:
        """Take one frame through to a signed request; returns whether it entered."""
        self.take(frame)
        book = self._books[TOKEN_UP]
        bid, ask = sorted(book["bids"])[-1], sorted(book["asks"])[0]
        if ask < 0.95 or ask > 0.98 or ask - bid > 0.05:
            return False
        options = PartialCreateOrderOptions(tick_size="0.01", neg_risk=False)
        arguments = MarketOrderArgs(
            token_id=TOKEN_UP,
            amount=round(ask * 25, 2),
            side="BUY",
            price=0.98,
            order_type=OrderType.FAK,
        )
        self.client.post_order(self.client.create_market_order(arguments, options), OrderType.FAK)
        return True

    def _change(self, change: dict[str, str]) -> None:
        side = "bids" if change["side"] == "BUY" else "asks"
        levels = self._books[change["asset_id"]][side]
        price, size = float(change["price"]), float(change["size"])
        if size:
            levels[price] = size
        else:
            levels.pop(price, None)
