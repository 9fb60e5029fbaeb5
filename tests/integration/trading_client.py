"""A plain trading client for tests: signs, posts and reads over HTTP, one request at a time."""

import json
import time
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import urlencode

from polybot.exchange.amounts import OrderRules, limit_amounts, market_buy_amounts
from polybot.exchange.contracts import CTF_DOMAIN
from polybot.exchange.l1_auth import l1_headers
from polybot.exchange.l2_auth import ApiCredentials, RequestSigner
from polybot.exchange.order_hash import UnsignedOrder, WireSide
from polybot.exchange.signing import OrderSigner
from polybot.exchange.wire_codec import encode
from polybot.exchange.wire_orders import PostOrderBody, order_body

KEY = "0x" + "33" * 32
TIMEOUT_S = 10


class TradingClient:
    """One wallet's client. `known` are the ids of every order it ever sent."""

    def __init__(self, url: str, key: str = KEY) -> None:
        self.url = url
        self.signer = OrderSigner(key)
        self.known: list[str] = []
        self._requests: RequestSigner | None = None
        self._salt = 0

    def login(self) -> None:
        """Create the credentials, or derive those that exist."""
        headers = l1_headers(self.signer, timestamp_s=int(time.time()))
        status, made = self._ask("POST", "/auth/api-key", headers=headers)
        if status != 200:
            _, made = self._ask("GET", "/auth/derive-api-key", headers=headers)
        credentials = ApiCredentials(
            api_key=made["apiKey"], secret=made["secret"], passphrase=made["passphrase"]
        )
        self._requests = RequestSigner(self.signer.address, credentials)

    def call(self, method: str, path: str, body: object = None, **query: str) -> tuple[int, Any]:
        """Send one signed request."""
        assert self._requests is not None
        data = b"" if body is None else encode(body)
        headers = self._requests.headers(int(time.time()), method, path, data)
        return self._ask(method, path, data, headers, query)

    def limit(
        self, token_id: str, price_bps: int, size_shares: int, side: WireSide = WireSide.BUY
    ) -> tuple[int, Any]:
        """Post an order that may rest."""
        amounts = limit_amounts(side, price_bps, size_shares, OrderRules(100))
        return self._post(token_id, amounts.maker, amounts.taker, "GTC", side)

    def spend(self, token_id: str, price_bps: int, budget_usdc: int) -> tuple[int, Any]:
        """Post a FAK BUY of a budget."""
        amounts = market_buy_amounts(price_bps, budget_usdc, OrderRules(100))
        return self._post(token_id, amounts.maker, amounts.taker, "FAK", WireSide.BUY)

    def _post(
        self, token_id: str, maker: int, taker: int, kind: Any, side: WireSide
    ) -> tuple[int, Any]:
        assert self._requests is not None
        self._salt += 1
        order = UnsignedOrder(
            salt=self._salt,
            maker=self.signer.address,
            signer=self.signer.address,
            token_id=int(token_id),
            maker_amount=maker,
            taker_amount=taker,
            side=side,
            timestamp_ms=int(time.time() * 1000),
        )
        signed = self.signer.sign_order(order, CTF_DOMAIN)
        self.known.append(signed.order_id)
        body = PostOrderBody(
            order=order_body(signed),
            owner=self._requests.credentials.api_key,
            order_type=kind,
        )
        return self.call("POST", "/order", body)

    def _ask(
        self,
        method: str,
        path: str,
        data: bytes = b"",
        headers: dict[str, str] | None = None,
        query: dict[str, str] | None = None,
    ) -> tuple[int, Any]:
        url = self.url + path + (f"?{urlencode(query)}" if query else "")
        request = urllib.request.Request(  # noqa: S310
            url, data=data or None, headers=headers or {}, method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())
