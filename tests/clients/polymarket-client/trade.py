"""A trader's day with polymarket-client's async secure client: orders, cancels, reads, streams."""

import asyncio
import importlib
import json
import sys
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

from polymarket import AsyncSecureClient
from polymarket.streams import CryptoPriceSpec, CryptoTwapPriceSpec, MarketSpec, UserSpec

from tests.clients.transcript import Transcript, plain

# The directory has the client's name, which no import statement can spell.
loopback = importlib.import_module("tests.clients.polymarket-client.loopback")

EVENT_SECONDS = 20


class Scenario:
    """One client, one market, and what came of each step."""

    def __init__(self, client: AsyncSecureClient, given: dict[str, Any], seen: Transcript) -> None:
        self.client = client
        self.seen = seen
        self.up = given["up"]
        self.condition = given["condition"]
        self.is_protocol = given.get("is_protocol", False)

    async def read(self) -> None:
        wait, client = self.seen.wait, self.client
        await wait("wallet", _value([client.wallet, client.wallet_type, client.signer]))
        await wait("fetch_api_keys", client.fetch_api_keys)
        await wait("get_closed_only_mode", client.get_closed_only_mode)
        await wait("get_order_book", lambda: client.get_order_book(asset_id=self.up))
        await wait("get_midpoint", lambda: client.get_midpoint(asset_id=self.up))
        await wait("get_price", lambda: client.get_price(asset_id=self.up, side="BUY"))
        await wait("get_spread", lambda: client.get_spread(asset_id=self.up))
        await wait("get_notifications", client.get_notifications)

    async def rest(self) -> None:
        """Orders that rest, one by one and in a batch, and every way to cancel them."""
        wait, client = self.seen.wait, self.client
        one = await self._post("limit", price="0.01", size="10")
        await wait(
            "list_open_orders", lambda: self._all(client.list_open_orders(market=self.condition))
        )
        await wait("get_order", lambda: client.get_order(order_id=one))
        await self._post("post only", price="0.01", size="6", post_only=True)
        await self._post("post only that crosses", price="0.99", size="6", post_only=True)
        await self._post("too small", price="0.01", size="4.99")
        batch = [await self._limit(price="0.01", size=size) for size in ("8", "4", "9")]
        await wait("post_orders", lambda: client.post_orders(batch))
        await wait("cancel_order", lambda: client.cancel_order(order_id=one))
        await wait("cancel_order again", lambda: client.cancel_order(order_id=one))
        many = [await self._post(f"for cancel_orders {n}", price="0.02", size="5") for n in (1, 2)]
        await wait("cancel_orders", lambda: client.cancel_orders(order_ids=many))
        await self._post("for cancel_market_orders", price="0.02", size="5")
        await wait("cancel_market_orders", lambda: client.cancel_market_orders(asset_id=self.up))
        await self._post("for cancel_all", price="0.02", size="5")
        await wait("cancel_all", client.cancel_all)

    async def take(self) -> None:
        """Orders that trade at once, or are killed, and what they leave behind."""
        wait, client = self.seen.wait, self.client
        taken = await self._market("fak", side="BUY", amount="5", max_price="0.99")
        await self._market("fok", side="BUY", amount="4", max_price="0.99", order_type="FOK")
        await self._post("crossing limit", price="0.99", size="5")
        # Of a token nobody has traded yet the client knows no price.
        await wait("get_last_trade_price", lambda: client.get_last_trade_price(asset_id=self.up))
        await self._market(
            "fok too large", side="BUY", amount="500", max_price="0.01", order_type="FOK"
        )
        await self._market("fak without match", side="BUY", amount="5", max_price="0.01")
        await wait("settlement", lambda: client.wait_for_order_fill_settlement(taken))
        await wait(
            "list_account_trades",
            lambda: self._all(client.list_account_trades(market=self.condition)),
        )
        shares = await wait("shares", self._settled_shares)
        whole = str(int(shares.balance) // 1_000_000)
        await self._market("sell", side="SELL", shares=whole, min_price="0.01")
        await wait("shares after", self._shares)
        await wait("cash", lambda: client.get_balance_allowance(asset_type="COLLATERAL"))

    async def beat(self) -> None:
        """Chain heartbeats; last, because they arm the dead-man switch."""
        send = self.client.send_order_heartbeat
        first = await self.seen.wait("heartbeat", send)
        await self.seen.wait("heartbeat chained", lambda: send(heartbeat_id=first.heartbeat_id))
        await self.seen.wait("heartbeat wrong", lambda: send(heartbeat_id="wrong"))

    async def listen(self) -> None:
        """Hear the market, the prices, and the account's own events while it trades."""
        wait = self.seen.wait
        await wait("market stream", lambda: self._hear(MarketSpec(asset_ids=[self.up]), 3))
        await wait("twap stream", lambda: self._hear(CryptoTwapPriceSpec(symbols=["btcusd"]), 3))
        await wait("price stream", lambda: self._hear(CryptoPriceSpec(symbols=["btcusd"]), 3))
        await wait("user stream", self._hear_own_order)

    async def _hear(self, spec: Any, count: int) -> list[Any]:
        async with asyncio.timeout(EVENT_SECONDS):
            handle = await self.client.subscribe(spec)
            heard = [_named(await anext(handle)) for _ in range(count)]
            await handle.close()
        return heard

    async def _hear_own_order(self) -> list[Any]:
        """Hear of an order that is canceled, then of one that trades, until that is final."""
        heard: list[Any] = []
        async with asyncio.timeout(EVENT_SECONDS):
            handle = await self.client.subscribe(UserSpec(markets=[self.condition]))
            # The channel says nothing when it has begun, so give it a moment to.
            await asyncio.sleep(0.5)
            resting = await self._post("streamed limit", price="0.03", size="5")
            await self.client.cancel_order(order_id=resting)
            taken = await self._market("streamed fak", side="BUY", amount="3", max_price="0.99")
            final = (taken.trade_ids[-1], "CONFIRMED")
            while not any((event["id"], event["status"]) == final for event in heard):
                heard.append(_named(await anext(handle)))
            await handle.close()
        return heard

    async def _limit(self, *, side: str = "BUY", **terms: Any) -> Any:
        return await self.client.create_limit_order(asset_id=self.up, side=side, **terms)

    async def _post(self, name: str, **terms: Any) -> str:
        async def post() -> Any:
            return await self.client.post_order(await self._limit(**terms))

        answer = await self.seen.wait(name, post)
        return str(answer.order_id) if answer else ""

    async def _market(self, name: str, **terms: Any) -> Any:
        async def post() -> Any:
            order = await self.client.create_market_order(asset_id=self.up, **terms)
            return await self.client.post_order(order)

        return await self.seen.wait(name, post)

    async def _shares(self) -> Any:
        kind = "CONDITIONAL-V2" if self.is_protocol else "CONDITIONAL"
        return await self.client.get_balance_allowance(asset_type=kind, asset_id=self.up)

    async def _settled_shares(self) -> Any:
        """Return the balance of the token as soon as every share bought is in it."""
        bought = [self.seen.steps[name]["returned"] for name in ("fak", "fok", "crossing limit")]
        wanted = sum(Decimal(answer["taking_amount"]) * 1_000_000 for answer in bought)
        async with asyncio.timeout(EVENT_SECONDS):
            while True:
                shares = await self._shares()
                if shares.balance >= wanted:
                    return shares
                await asyncio.sleep(0.05)

    async def _all(self, pages: Any) -> list[Any]:
        return [item async for page in pages for item in page.items]


def _value(value: Any) -> Callable[[], Awaitable[Any]]:
    async def tell() -> Any:
        return value

    return tell


def _named(event: Any) -> dict[str, Any]:
    told = plain(event)
    return {"event": type(event).__name__, **told, **told.get("payload", {})}


async def main() -> None:
    """Run the scenario on the JSON from standard input."""
    given = json.loads(sys.stdin.readline())
    seen = Transcript()
    environment = loopback.loopback_environment(
        given["urls"], relayer_url=given.get("relayer_url", "")
    )
    client = await seen.wait(
        "create",
        lambda: AsyncSecureClient.create(
            private_key=given["key"], wallet=given.get("wallet"), environment=environment
        ),
    )
    if client is not None:
        seen.steps["create"] = {"returned": "a client"}
        scenario = Scenario(client, given, seen)
        await scenario.read()
        await scenario.rest()
        await scenario.take()
        await scenario.listen()
        await scenario.beat()
        await client.close()
    seen.write()


if __name__ == "__main__":
    asyncio.run(main())
