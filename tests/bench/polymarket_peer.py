"""polymarket-client at its best, in an environment of its own: signs bursts of one order.

Reads its account as one line of JSON, then the size of a burst per line; answers each with the
nanoseconds of every order and the last request it would have sent.
"""

import asyncio
import json
import sys
from time import perf_counter_ns
from typing import Any

import httpx
from eth_keys.backends import get_backend
from polymarket import AsyncSecureClient
from polymarket.clients._transport import AsyncTransport
from polymarket.models.clob.api_key import ApiKeyCreds


class Canned:
    """Stands where the client's HTTP connection would be; notes when a request reaches it."""

    def __init__(self, answers: dict[str, Any]) -> None:
        self.sent_ns = 0
        self.asked: list[str] = []
        self.last: dict[str, Any] = {}
        self._answers = answers

    async def request(self, method: str, path: str, **request: Any) -> httpx.Response:
        self.sent_ns = perf_counter_ns()
        self.asked.append(path)
        if method == "POST":
            self.last = {
                "body": request["content"].decode(),
                "headers": request["headers"],
                "path": path,
            }
        answer = next(value for start, value in self._answers.items() if path.startswith(start))
        return httpx.Response(200, json=answer, request=httpx.Request(method, "http://canned"))


class Peer:
    """The async secure client with its caches warm."""

    def __init__(self, account: dict[str, Any]) -> None:
        self.account = account
        self.wire = Canned(
            {
                "/markets-by-token/": {"condition_id": account["condition_id"]},
                "/clob-markets/": account["market"],
                "/order": account["answer"],
            }
        )

    async def open(self) -> None:
        """Build the client without a word to anybody."""
        account = self.account
        # The public way in asks the network first; this is what it calls.
        self.client = await AsyncSecureClient._create(  # noqa: SLF001
            private_key=account["key"],
            wallet=account["wallet"],
            credentials=ApiKeyCreds(**account["credentials"]),
            validate_credentials=False,
        )
        context = self.client._ctx  # noqa: SLF001
        for transport in (context.clob, context.secure_clob):
            assert isinstance(transport, AsyncTransport)
            transport._client = self.wire  # noqa: SLF001
        await self.step()
        self.wire.asked.clear()

    async def step(self) -> int:
        """Make one request and return the nanoseconds that took."""
        begin = perf_counter_ns()
        order = await self.client.create_market_order(
            asset_id=self.account["token_id"], **self.account["order"]
        )
        await self.client.post_order(order)
        return self.wire.sent_ns - begin

    async def burst(self, count: int) -> dict[str, Any]:
        """Make a burst of requests; every one goes out without asking anything first."""
        taken = [await self.step() for _ in range(count)]
        assert set(self.wire.asked) == {"/order"}, self.wire.asked
        self.wire.asked.clear()
        return {"ns": taken, **self.wire.last}


async def main() -> None:
    """Answer until the input ends."""
    peer = Peer(json.loads(sys.stdin.readline()))
    await peer.open()
    sys.stdout.write(json.dumps({"backend": type(get_backend()).__name__}) + "\n")
    sys.stdout.flush()
    for line in sys.stdin:
        sys.stdout.write(json.dumps(await peer.burst(int(line))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main())
