"""polymarket-client as a side of a measurement: a process in the client's own environment."""

import json
import subprocess
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import Any

from polybot.exchange.contracts import CTF_DOMAIN
from polybot.exchange.l2_auth import RequestSigner
from polybot.exchange.order_hash import SignatureType
from polybot.exchange.signing import OrderSigner
from polybot.exchange.wallet_addresses import derived_wallets
from polybot.exchange.wire_codec import decode
from polybot.exchange.wire_orders import PostOrderBody, unsigned_order
from tests.bench.sample_market import API, MARKET, PRIVATE_KEY, TOKEN_DOWN, TOKEN_UP

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv-clients" / "polymarket-client" / "bin" / "python"
ORDER = {"side": "BUY", "amount": "24.25", "max_price": "0.98", "order_type": "FAK"}


def wallet_of(kind: SignatureType) -> str:
    """Return the benchmark wallet's address of a kind."""
    candidates = derived_wallets(OrderSigner(PRIVATE_KEY).address)
    return next(each.address for each in candidates if each.signature_type == kind)


class PolymarketProcess:
    """Signs one order after another with one kind of wallet; a burst at a time."""

    def __init__(self, kind: SignatureType, burst: int) -> None:
        assert PYTHON.exists(), "polymarket-client is not installed; run: make clients"
        self._burst = burst
        self._taken: deque[int] = deque()
        self.last: dict[str, Any] = {}
        self._process = subprocess.Popen(
            [str(PYTHON), "-m", "tests.bench.polymarket_peer"],
            cwd=ROOT,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        begun = self._ask(json.dumps(_account(kind)))
        # It must be at its best: libsecp256k1, not pure Python.
        assert begun == {"backend": "CoinCurveECCBackend"}, begun

    def step(self) -> int:
        """Return the nanoseconds of one order; the first of a burst waits for all of it."""
        if not self._taken:
            self.last = self._ask(str(self._burst))
            self._taken.extend(self.last["ns"])
        return self._taken.popleft()

    def check(self) -> dict[str, Any]:
        """Assert that our signer makes the same signatures of what it sent; return the order."""
        body: str = self.last["body"]
        posted = decode(body.encode(), PostOrderBody)
        signed = OrderSigner(PRIVATE_KEY).sign_order(unsigned_order(posted.order), CTF_DOMAIN)
        assert signed.signature == posted.order.signature, "another signature"
        headers = dict(self.last["headers"])
        requests = RequestSigner(OrderSigner(PRIVATE_KEY).address, API)
        ours = requests.headers(int(headers["POLY_TIMESTAMP"]), "POST", "/order", body.encode())
        assert headers == {**ours, "Content-Type": "application/json"}, headers
        order: dict[str, Any] = json.loads(body)["order"]
        return order

    def close(self) -> None:
        """End it."""
        with suppress(BrokenPipeError):
            self._process.communicate(timeout=10)

    def _ask(self, line: str) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


def _account(kind: SignatureType) -> dict[str, Any]:
    return {
        "key": PRIVATE_KEY,
        "wallet": wallet_of(kind),
        "credentials": {
            "apiKey": API.api_key,
            "secret": API.secret,
            "passphrase": API.passphrase,
        },
        "condition_id": MARKET.condition_id,
        "token_id": TOKEN_UP,
        "market": {
            "t": [{"t": TOKEN_UP, "o": "Up"}, {"t": TOKEN_DOWN, "o": "Down"}],
            "mts": 0.01,
            "nr": False,
            "fd": {"r": 0.07, "e": 1, "to": True},
        },
        "order": ORDER,
        "answer": {
            "success": True,
            "errorMsg": "",
            "orderID": "0x" + "1" * 64,
            "status": "live",
            "makingAmount": "",
            "takingAmount": "",
        },
    }
