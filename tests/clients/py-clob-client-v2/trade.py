"""A trader's day with py-clob-client-v2: keys, reads, orders of every kind, cancels, trades."""

import json
import sys
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from py_clob_client_v2 import ClobClient
from py_clob_client_v2.clob_types import (
    AssetType,
    BalanceAllowanceParams,
    MarketOrderArgs,
    OpenOrderParams,
    OrderArgs,
    OrderMarketCancelParams,
    OrderPayload,
    OrderType,
    PostOrdersV2Args,
    TradeParams,
)

from tests.clients.transcript import Transcript

CHAIN_ID = 137
SETTLED_SECONDS = 20


class Scenario:
    """One client, one market, and what came of each step."""

    def __init__(self, given: dict[str, Any]) -> None:
        self.given = given
        self.seen = Transcript()
        self.up = given["up"]
        self.client = ClobClient(
            given["url"],
            CHAIN_ID,
            key=given["key"],
            signature_type=given.get("signature_type"),
            funder=given.get("funder"),
        )

    def asset(self, token: str) -> dict[str, Any]:
        """Name a token as orders of the market's version do."""
        if self.given.get("is_protocol"):
            return {"token_id": None, "position_id": token}
        return {"token_id": token}

    def limit(self, price: float, size: float, side: str = "BUY") -> Any:
        return self.client.create_order(
            OrderArgs(price=price, size=size, side=side, **self.asset(self.up))
        )

    def market(self, price: float, amount: float, side: str, order_type: str) -> Any:
        return self.client.create_market_order(
            MarketOrderArgs(
                amount=amount, price=price, side=side, order_type=order_type, **self.asset(self.up)
            )
        )

    def log_in(self) -> None:
        step, client = self.seen.step, self.client
        created = step("create_api_key", client.create_api_key)
        step("create_api_key again", client.create_api_key)
        derived = step("derive_api_key", client.derive_api_key)
        step("create_or_derive_api_key", client.create_or_derive_api_key)
        client.set_api_creds(created or derived)
        step("get_api_keys", client.get_api_keys)
        step("get_closed_only_mode", client.get_closed_only_mode)

    def read(self) -> None:
        step, client = self.seen.step, self.client
        step("get_ok", client.get_ok)
        step("get_version", client.get_version)
        step("get_server_time", client.get_server_time)
        step("get_tick_size", lambda: client.get_tick_size(self.up))
        step("get_neg_risk", lambda: client.get_neg_risk(self.up))
        step("get_fee_rate_bps", lambda: client.get_fee_rate_bps(self.up))
        step("get_clob_market_info", lambda: client.get_clob_market_info(self.given["condition"]))
        step("get_market", lambda: client.get_market(self.given["condition"]))
        book = step("get_order_book", lambda: client.get_order_book(self.up))
        step(
            "best prices",
            lambda: (float(book["bids"][-1]["price"]), float(book["asks"][-1]["price"])),
        )
        step("get_midpoint", lambda: client.get_midpoint(self.up))
        step("get_spread", lambda: client.get_spread(self.up))
        step("get_price", lambda: client.get_price(self.up, "BUY"))
        step("get_last_trade_price", lambda: client.get_last_trade_price(self.up))

    def rest(self) -> None:
        """Orders that rest, one by one and in a batch, and every way to cancel them."""
        step, client = self.seen.step, self.client
        self.post("limit", lambda: self.limit(0.01, 10))
        listed = step(
            "get_open_orders",
            lambda: client.get_open_orders(OpenOrderParams(market=self.given["condition"])),
        )
        step("get_order", lambda: client.get_order(listed[0]["id"]))
        step(
            "post_only",
            lambda: client.post_order(self.limit(0.01, 6), OrderType.GTC, post_only=True),
        )
        step(
            "post_only that crosses",
            lambda: client.post_order(self.limit(0.99, 6), OrderType.GTC, post_only=True),
        )
        step("too small", lambda: client.post_order(self.limit(0.01, 4.99)))
        again = self.limit(0.01, 7)
        step("once", lambda: client.post_order(again))
        step("twice", lambda: client.post_order(again))
        batch = [
            PostOrdersV2Args(order=self.limit(0.01, size), orderType=OrderType.GTC)
            for size in (8, 4, 9)
        ]
        step("post_orders", lambda: client.post_orders(batch))
        one = self.post("for cancel_order", lambda: self.limit(0.02, 5))
        step("cancel_order", lambda: client.cancel_order(OrderPayload(orderID=one)))
        step("cancel_order again", lambda: client.cancel_order(OrderPayload(orderID=one)))
        many = [self.post(f"for cancel_orders {n}", lambda: self.limit(0.02, 5)) for n in (1, 2)]
        step("cancel_orders", lambda: client.cancel_orders([*many, "0x1"]))
        self.post("for cancel_market_orders", lambda: self.limit(0.02, 5))
        step(
            "cancel_market_orders",
            lambda: client.cancel_market_orders(OrderMarketCancelParams(asset_id=self.up)),
        )
        self.post("for cancel_all", lambda: self.limit(0.02, 5))
        step("cancel_all", client.cancel_all)
        step("get_open_orders after", client.get_open_orders)

    def take(self) -> None:
        """Orders that trade at once, or are killed, and what they leave behind."""
        step, client = self.seen.step, self.client
        step("fok", lambda: client.post_order(self.market(0.99, 5, "BUY", "FOK"), OrderType.FOK))
        step("fak", lambda: client.post_order(self.market(0.99, 4, "BUY", "FAK"), OrderType.FAK))
        step("crossing limit", lambda: client.post_order(self.limit(0.99, 5)))
        step(
            "fok too large",
            lambda: client.post_order(self.market(0.01, 500, "BUY", "FOK"), OrderType.FOK),
        )
        step(
            "fak without match",
            lambda: client.post_order(self.market(0.01, 5, "BUY", "FAK"), OrderType.FAK),
        )
        step("too expensive", lambda: client.post_order(self.limit(0.5, 100_000)))
        trades = step(
            "get_trades", lambda: client.get_trades(TradeParams(market=self.given["condition"]))
        )
        step("get_trades by id", lambda: client.get_trades(TradeParams(id=trades[0]["id"])))
        step(
            "get_trades_paginated",
            lambda: client.get_trades_paginated(TradeParams(asset_id=self.up)),
        )
        kind = "CONDITIONAL-V2" if self.given.get("is_protocol") else AssetType.CONDITIONAL
        held = BalanceAllowanceParams(asset_type=kind, token_id=self.up)
        step("update shares", lambda: client.update_balance_allowance(held))
        shares = step("shares", lambda: self._settled(held))
        whole = int(shares["balance"]) // 1_000_000
        step(
            "sell",
            lambda: client.post_order(self.market(0.01, whole, "SELL", "FAK"), OrderType.FAK),
        )
        step("shares after", lambda: client.get_balance_allowance(held))

    def _settled(self, held: BalanceAllowanceParams) -> Any:
        """Return the balance of a token as soon as every share bought is in it."""
        bought = [self.seen.steps[name]["returned"] for name in ("fok", "fak", "crossing limit")]
        wanted = sum(Decimal(answer["takingAmount"]) * 1_000_000 for answer in bought)
        end = time.monotonic() + SETTLED_SECONDS
        while True:
            shares = self.client.get_balance_allowance(held)
            if int(shares["balance"]) >= wanted or time.monotonic() > end:
                return shares
            time.sleep(0.05)

    def hold_money(self, name: str) -> None:
        asked = BalanceAllowanceParams(asset_type=AssetType.COLLATERAL)
        self.seen.step(name, lambda: self.client.get_balance_allowance(asked))

    def beat(self) -> None:
        """Chain heartbeats; last, because they arm the dead-man switch."""
        step, client = self.seen.step, self.client
        first = step("post_heartbeat", lambda: client.post_heartbeat(""))
        step("post_heartbeat chained", lambda: client.post_heartbeat(first["heartbeat_id"]))
        step("post_heartbeat wrong", lambda: client.post_heartbeat("wrong"))

    def post(self, name: str, order: Callable[[], Any]) -> str:
        answer = self.seen.step(name, lambda: self.client.post_order(order()))
        return str(answer["orderID"]) if answer else ""


def main() -> None:
    """Run the scenario on the JSON from standard input."""
    given = json.loads(sys.stdin.readline())
    scenario = Scenario(given)
    scenario.log_in()
    if given.get("limit_only"):
        scenario.post("limit", lambda: scenario.limit(0.01, 10))
    else:
        scenario.read()
        scenario.hold_money("cash before")
        scenario.rest()
        scenario.take()
        scenario.hold_money("cash after")
        scenario.beat()
    scenario.seen.write()


if __name__ == "__main__":
    main()
