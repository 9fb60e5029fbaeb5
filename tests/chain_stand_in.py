"""Relayer, catalog, login and chain on one loopback port, as far as the wallet extras need them."""

import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

# The first account of the test mnemonic everybody knows; it owns nothing anywhere.
PRIVATE_KEY = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
ADDRESS = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
CONDITION = "0x" + "ab" * 31 + "00"
TOKENS = (
    "71321045679252212594626385532706912750332728571942532289631379312455583992563",
    "52114319501245915516055106046884209969926127482827954674443846427813813222426",
)
API_KEY = "00000000-0000-4000-8000-000000000001"
WORD = 64
NOTHING, ONE = "0" * WORD, "0" * (WORD - 1) + "1"


@dataclass
class ChainStandIn:
    """Keeps every request; a test says what is deployed, approved, and how transactions end.

    `approved` is the answer to each question of an allowance; `receipt` the status of transactions
    a key sent itself; `relayed` the states a relayed transaction goes through, the last for ever.
    """

    deployed: bool = True
    approved: bool = True
    receipt: str = "0x1"
    relayed: list[str] = field(default_factory=lambda: ["STATE_NEW", "STATE_CONFIRMED"])
    shares: int = 5_000_000
    version: str = "v1"
    fail: dict[str, int] = field(default_factory=dict)
    heard: list[tuple[str, str, Any]] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)
    hang: threading.Event | None = None
    _server: ThreadingHTTPServer = field(init=False)

    def __enter__(self) -> "ChainStandIn":
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer(b"")

            def do_POST(self) -> None:
                self._answer(self.rfile.read(int(self.headers.get("Content-Length", 0))))

            def log_message(self, *_: object) -> None:
                pass

            def _answer(self, body: bytes) -> None:
                status, answer = stand_in.answer(self.command, self.path, body)
                data = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.hang is not None:
            self.hang.set()
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def paths(self) -> list[str]:
        return [path for _, path, _ in self.heard]

    def answer(self, method: str, target: str, body: bytes) -> tuple[int, Any]:
        path = urlsplit(target).path
        told = json.loads(body) if body else None
        self.heard.append((method, path, told))
        if path in self.fail:
            return self.fail[path], {"error": "told to fail"}
        if path in ("", "/"):
            many = isinstance(told, list)
            answers = [self._chain(call) for call in (told if many else [told])]
            return 200, answers if many else answers[0]
        if path == "/submit" and self.hang is not None:
            self.hang.wait(30)
        query = {key: values[0] for key, values in parse_qs(urlsplit(target).query).items()}
        return 200, self._service(path, query)

    def _service(self, path: str, query: dict[str, str]) -> Any:
        if path == "/auth/api-keys":
            return {"apiKeys": [API_KEY]}
        if path in ("/auth/api-key", "/auth/derive-api-key"):
            return {"apiKey": API_KEY, "secret": "c2VjcmV0", "passphrase": "pass"}
        if path == "/deployed":
            return {"deployed": self.deployed}
        if path == "/v1/account/transactions/params":
            return {"address": query.get("address", ADDRESS), "nonce": "7"}
        if path == "/relay-payload":
            return {"address": ADDRESS, "nonce": "3"}
        if path == "/submit":
            self.sent.append("relayed")
            self.deployed = True
            self.approved = True
            return {"state": "STATE_NEW", "transactionID": "tx-1", "transactionHash": ""}
        if path.startswith("/v1/account/transactions/"):
            state = self.relayed.pop(0) if len(self.relayed) > 1 else self.relayed[0]
            done = {"transaction_id": "tx-1", "state": state, "transaction_hash": "0x" + "cd" * 32}
            return done | {"error_msg": None}
        return self._markets(path)

    def _markets(self, path: str) -> Any:
        market = {
            "id": "1",
            "slug": "btc-updown-5m-1787236800",
            "question": "Bitcoin up or down?",
            "conditionId": CONDITION,
            "version": self.version,
            "outcomes": '["Up", "Down"]',
            "outcomePrices": '["1", "0"]',
            "clobTokenIds": json.dumps(TOKENS),
            "positionIds": list(TOKENS) if self.version == "v2" else None,
            "closed": True,
            "active": True,
            "negRisk": False,
            "umaResolutionStatus": "resolved",
        }
        if path.startswith("/events/slug/"):
            return {"id": "1", "slug": market["slug"], "markets": [market]}
        return {"markets": [market], "next_cursor": None}

    def _chain(self, call: dict[str, Any]) -> dict[str, Any]:
        return {"jsonrpc": "2.0", "id": call["id"], "result": self._result(call)}

    def _result(self, call: dict[str, Any]) -> Any:
        method = call["method"]
        if method == "eth_call":
            return self._call(call["params"][0]["data"])
        if method == "eth_sendRawTransaction":
            self.sent.append(call["params"][0])
            self.approved = True
            return "0x" + f"{len(self.sent):064x}"
        if method == "eth_getTransactionReceipt":
            return {"status": self.receipt, "transactionHash": call["params"][0]}
        if method == "eth_getBlockByNumber":
            return {"timestamp": "0x6a000000"}
        return {
            "eth_chainId": "0x89",
            "eth_getTransactionCount": "0x1",
            "eth_gasPrice": "0x3b9aca00",
            "eth_estimateGas": "0x30d40",
        }[method]

    def _call(self, data: str) -> str:
        selector = data[:10]
        if selector == "0x4e1273f4":  # balanceOfBatch: two balances
            amount = f"{self.shares:064x}"
            return "0x" + f"{32:064x}" + f"{2:064x}" + amount + amount
        if selector == "0xdd62ed3e":  # allowance
            return "0x" + ("f" * WORD if self.approved else NOTHING)
        return "0x" + (ONE if self.approved else NOTHING)


def extras_python() -> Path | None:
    """Return the Python of a virtual environment that has the exchange's client, None without."""
    root = Path(__file__).resolve().parents[1]
    for name in (".venv-live", ".venv-clients/polymarket-client"):
        python = root / name / "bin" / "python"
        if python.is_file():
            return python
    return None
