"""A node's answers, good and bad."""

import json

import pytest

from polybot.adapters.chain_rpc import ChainRpc
from polybot.errors import ExchangeError, OutcomeUnknown, Unavailable
from polybot.exchange.http_calls import HttpAnswer, HttpCall


def node(answer: HttpAnswer, seen: list[HttpCall] | None = None) -> ChainRpc:
    def ask(call: HttpCall) -> HttpAnswer:
        if seen is not None:
            seen.append(call)
        return answer

    return ChainRpc(ask, "/rpc")


def told(result: object) -> HttpAnswer:
    return HttpAnswer(200, json.dumps({"jsonrpc": "2.0", "id": 1, "result": result}).encode())


def test_gas_is_read_in_wei_at_the_newest_block() -> None:
    seen: list[HttpCall] = []
    assert node(told("0xde0b6b3a7640000"), seen).gas_wei("0xabc") == 10**18
    (call,) = seen
    assert (call.method, call.path) == ("POST", "/rpc")
    body = json.loads(call.body)
    assert (body["method"], body["params"]) == ("eth_getBalance", ["0xabc", "latest"])


@pytest.mark.parametrize(("code", "expected"), [("0x", False), ("0x6001", True)])
def test_an_address_with_code_is_a_contract(code: str, expected: bool) -> None:
    assert node(told(code)).is_contract("0xabc") is expected


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (HttpAnswer(None, error=Unavailable("no route")), Unavailable),
        (HttpAnswer(500, b"oops"), ExchangeError),
        (HttpAnswer(200, b"<html>"), OutcomeUnknown),
        (HttpAnswer(200, b'{"error":{"code":-32000}}'), OutcomeUnknown),
        (told(None), OutcomeUnknown),
        (told("many"), OutcomeUnknown),
    ],
)
def test_what_is_no_number_is_an_error(answer: HttpAnswer, error: type[Exception]) -> None:
    with pytest.raises(error):
        node(answer).gas_wei("0xabc")
