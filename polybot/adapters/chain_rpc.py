"""A node of the chain, asked by JSON-RPC: what gas an address has, and whether it is a contract."""

import json
from collections.abc import Callable

from polybot.errors import ExchangeError, OutcomeUnknown
from polybot.exchange.http_calls import HttpAnswer, HttpCall

OK = 200

# Sends one request and waits for its answer, or for one that carries the error.
Ask = Callable[[HttpCall], HttpAnswer]


class ChainRpc:
    """Reads the newest block; never sends a transaction."""

    def __init__(self, ask: Ask, path: str = "/") -> None:
        self._ask = ask
        self._path = path or "/"

    def gas_wei(self, address: str) -> int:
        """Return the native coin of an address in wei; raises ExchangeError."""
        return int(self._call("eth_getBalance", address), 16)

    def is_contract(self, address: str) -> bool:
        """Return whether code was deployed at an address; raises ExchangeError."""
        return len(self._call("eth_getCode", address)) > len("0x")

    def _call(self, method: str, address: str) -> str:
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": [address, "latest"]}
        answer = self._ask(HttpCall("POST", self._path, body=json.dumps(body).encode()))
        if answer.error is not None:
            raise answer.error
        if answer.status != OK:
            raise ExchangeError(f"{method}: HTTP {answer.status}", status=answer.status)
        try:
            result = str(json.loads(answer.body)["result"])
            int(result, 16)
        except (ValueError, KeyError, TypeError) as error:
            if _is_empty_code(answer.body):
                return "0x"
            shown = answer.body[:100].decode(errors="replace")
            raise OutcomeUnknown(f"{method}: expected a hexadecimal result, was {shown}") from error
        return result


def _is_empty_code(body: bytes) -> bool:
    """Return whether the answer is "0x": an address without code, and no number either."""
    return b'"result":"0x"' in body.replace(b" ", b"")
