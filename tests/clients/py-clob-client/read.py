"""What of py-clob-client still works: keys, reads and cancels; and its order, which does not."""

import json
import sys
from typing import Any

from py_clob_client.client import ClobClient
from py_clob_client.clob_types import (
    AssetType,
    BalanceAllowanceParams,
    BookParams,
    MarketOrderArgs,
    OpenOrderParams,
    OrderArgs,
    OrderType,
    TradeParams,
)

from tests.clients.transcript import Transcript

CHAIN_ID = 137


class Carried:
    """An order of today's version, signed elsewhere: the client only calls `.dict()` on it."""

    def __init__(self, order: dict[str, Any]) -> None:
        self._order = order

    def dict(self) -> dict[str, Any]:
        return self._order


def log_in(client: ClobClient, seen: Transcript) -> None:
    created = seen.step("create_api_key", client.create_api_key)
    seen.step("create_api_key again", client.create_api_key)
    seen.step("derive_api_key", client.derive_api_key)
    client.set_api_creds(created)
    seen.step("get_api_keys", client.get_api_keys)
    seen.step("get_closed_only_mode", client.get_closed_only_mode)


def read(client: ClobClient, seen: Transcript, up: str, condition: str) -> None:
    seen.step("get_ok", client.get_ok)
    seen.step("get_server_time", client.get_server_time)
    seen.step("get_tick_size", lambda: client.get_tick_size(up))
    seen.step("get_neg_risk", lambda: client.get_neg_risk(up))
    seen.step("get_fee_rate_bps", lambda: client.get_fee_rate_bps(up))
    book = seen.step("get_order_book", lambda: client.get_order_book(up))
    seen.step("get_order_book_hash", lambda: client.get_order_book_hash(book))
    seen.step("get_order_books", lambda: client.get_order_books([BookParams(token_id=up)]))
    seen.step("get_midpoint", lambda: client.get_midpoint(up))
    seen.step("get_spread", lambda: client.get_spread(up))
    seen.step("get_price", lambda: client.get_price(up, "BUY"))
    seen.step("get_last_trade_price", lambda: client.get_last_trade_price(up))
    seen.step("get_market", lambda: client.get_market(condition))
    cash = BalanceAllowanceParams(asset_type=AssetType.COLLATERAL)
    seen.step("update_balance_allowance", lambda: client.update_balance_allowance(cash))
    seen.step("get_balance_allowance", lambda: client.get_balance_allowance(cash))


def order(client: ClobClient, seen: Transcript, up: str) -> None:
    """Its own orders are of the first protocol version, which nobody takes any more."""
    limit = seen.step(
        "create_order",
        lambda: client.create_order(OrderArgs(token_id=up, price=0.01, size=10, side="BUY")),
    )
    seen.step("post_order", lambda: client.post_order(limit))
    market = client.create_market_order(
        MarketOrderArgs(token_id=up, amount=5, side="BUY", price=0.99)
    )
    seen.step("post_order fok", lambda: client.post_order(market, OrderType.FOK))


def cancel(client: ClobClient, seen: Transcript, given: dict[str, Any]) -> None:
    """Carry orders signed elsewhere, list them, and cancel them in every way."""
    up = given["up"]
    ids = []
    for number, carried in enumerate(given["orders"]):
        answer = seen.step(
            f"carry {number}", lambda order=carried: client.post_order(Carried(order))
        )
        ids.append(answer["orderID"])
    asked = OpenOrderParams(market=given["condition"])
    seen.step("get_orders", lambda: client.get_orders(asked))
    seen.step("get_order", lambda: client.get_order(ids[0]))
    seen.step("cancel", lambda: client.cancel(ids[0]))
    seen.step("cancel_orders", lambda: client.cancel_orders([ids[1], "0x1"]))
    seen.step("cancel_market_orders", lambda: client.cancel_market_orders(asset_id=up))
    seen.step("cancel_all", client.cancel_all)
    seen.step("get_trades", lambda: client.get_trades(TradeParams(market=given["condition"])))
    first = seen.step("post_heartbeat", lambda: client.post_heartbeat(""))
    seen.step("chained", lambda: client.post_heartbeat(first["heartbeat_id"]))
    seen.step("post_heartbeat wrong", lambda: client.post_heartbeat("wrong"))


def main() -> None:
    """Run the scenario on the JSON from standard input."""
    given = json.loads(sys.stdin.readline())
    client, seen = ClobClient(given["url"], chain_id=CHAIN_ID, key=given["key"]), Transcript()
    log_in(client, seen)
    read(client, seen, given["up"], given["condition"])
    order(client, seen, given["up"])
    # The orders signed elsewhere are posted under the key that was just made.
    cancel(client, seen, given)
    seen.write()


if __name__ == "__main__":
    main()
