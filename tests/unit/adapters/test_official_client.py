"""The official client against a stub with the exchange's documented answers."""

from collections.abc import Iterator
from typing import Any

import pytest

from polybot.adapters.official_client import (
    AddressOnlySigner,
    AuditAccount,
    OfficialClient,
)
from polybot.domain.audit import ToldFill, ToldOrder
from polybot.errors import ExchangeError, OutcomeUnknown, RateLimited, Unauthorized
from tests.http_stub import Answer, StubRequest, StubServer

ACCOUNT = AuditAccount(
    address="0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266",
    funder="0x00000000000000000000000000000000000000F1",
    signature_type=1,
    api_key="key-1",
    secret="c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LTEyMzQ=",
    passphrase="pass",
)


def order(order_id: str, **changes: Any) -> dict[str, Any]:
    return {
        "id": order_id,
        "status": "LIVE",
        "owner": "key-1",
        "maker_address": ACCOUNT.funder,
        "market": "0xc",
        "asset_id": "111",
        "side": "BUY",
        "original_size": "100",
        "size_matched": "25.5",
        "price": "0.951",
        "outcome": "Up",
        "order_type": "GTC",
        **changes,
    }


def trade(trade_id: str, **changes: Any) -> dict[str, Any]:
    return {
        "id": trade_id,
        "taker_order_id": "0xours",
        "asset_id": "111",
        "side": "BUY",
        "size": "25.5",
        "price": "0.95",
        "fee_rate_bps": "0",
        "status": "CONFIRMED",
        "match_time": "1787236800",
        "trader_side": "TAKER",
        "maker_orders": [],
        **changes,
    }


class Exchange:
    """The account's routes, by path; pages of orders and trades are one row long."""

    def __init__(self) -> None:
        self.orders: list[dict[str, Any]] = []
        self.trades: list[dict[str, Any]] = []
        self.known: dict[str, Any] = {}
        self.balances = {"": "976166880", "111": "25500000"}
        self.failure: Answer | None = None
        self.failures_left: int | None = None

    def answer(self, request: StubRequest) -> Answer:
        if self.failures_left is not None:
            self.failures_left -= 1
            if self.failures_left < 0:
                self.failure = None
        if self.failure is not None:
            return self.failure
        if request.path.startswith("/data/order/"):
            order_id = request.path.rsplit("/", 1)[1]
            if order_id in self.known:
                return 200, self.known[order_id]
            return 404, {"error": "order not found"}
        if request.path == "/balance-allowance":
            return 200, {"balance": self.balances.get(request.query.get("token_id", ""), "0")}
        rows = self.orders if request.path == "/data/orders" else self.trades
        return 200, page(rows, request.query.get("next_cursor", "MA=="))


def page(rows: list[dict[str, Any]], cursor: str) -> dict[str, Any]:
    index = 0 if cursor == "MA==" else int(cursor)
    following = str(index + 1) if index + 1 < len(rows) else "LTE="
    return {"next_cursor": following, "data": rows[index : index + 1]}


@pytest.fixture
def exchange() -> Exchange:
    return Exchange()


@pytest.fixture
def stub(exchange: Exchange) -> Iterator[StubServer]:
    server = StubServer(exchange.answer)
    yield server
    server.close()


@pytest.fixture
def client(stub: StubServer) -> Iterator[OfficialClient]:
    opened = OfficialClient(stub.url, ACCOUNT, chain_id=137, timeout_s=2.0)
    yield opened
    opened.close()


def test_it_reads_orders_trades_and_balances_over_all_pages(
    exchange: Exchange, client: OfficialClient
) -> None:
    exchange.orders = [order("0xa"), order("0xb", status="ORDER_STATUS_LIVE")]
    exchange.trades = [trade("t1"), trade("t2", status="TRADE_STATUS_FAILED")]
    exchange.known = {"0xold": order("0xold", status="CANCELED_order killed", size_matched="")}

    told = client.read(order_ids=("0xa", "0xold", "0xgone"), token_ids=("111",), after_s=5)

    assert told.orders["0xa"] == ToldOrder(
        "0xa", "LIVE", "111", "BUY", 9510, 100_000_000, 25_500_000
    )
    assert {key: value.status for key, value in told.orders.items()} == {
        "0xa": "LIVE",
        "0xb": "LIVE",
        "0xold": "CANCELED",
    }
    assert told.orders["0xold"].matched_shares == 0
    assert told.fills["t1", "0xours"] == ToldFill(
        "t1", "0xours", "111", "BUY", 9500, 25_500_000, "CONFIRMED", 1_787_236_800_000_000_000
    )
    assert told.fills["t2", "0xours"].status == "FAILED"
    assert (told.cash_usdc, told.shares) == (976_166_880, {"111": 25_500_000})


def test_a_listed_order_is_not_asked_for_again(
    exchange: Exchange, client: OfficialClient, stub: StubServer
) -> None:
    exchange.orders = [order("0xa")]

    client.read(order_ids=("0xa",), token_ids=(), after_s=0)

    assert not [request for request in stub.requests if request.path.startswith("/data/order/")]


def test_requests_carry_the_account_and_no_private_key_is_needed(
    client: OfficialClient, stub: StubServer
) -> None:
    client.read(order_ids=(), token_ids=("111",), after_s=1_787_236_800)

    by_path = {request.path: request for request in stub.requests}
    headers = by_path["/data/trades"].headers
    assert headers["poly_address"] == ACCOUNT.address
    assert headers["poly_api_key"] == "key-1"
    assert by_path["/data/trades"].query["after"] == "1787236800"
    assert by_path["/balance-allowance"].query["signature_type"] == "1"


def test_a_makers_part_stands_among_the_maker_orders(
    exchange: Exchange, client: OfficialClient
) -> None:
    ours = {
        "order_id": "0xmine",
        "owner": "key-1",
        "maker_address": ACCOUNT.funder.lower(),
        "matched_amount": "10",
        "price": "0.05",
        "asset_id": "222",
        "side": "BUY",
    }
    other = {**ours, "order_id": "0xother", "owner": "key-2", "maker_address": "0x2"}
    exchange.trades = [trade("t1", trader_side="MAKER", maker_orders=[other, ours])]

    told = client.read(order_ids=(), token_ids=(), after_s=0)

    assert list(told.fills.values()) == [
        ToldFill(
            "t1", "0xmine", "222", "BUY", 500, 10_000_000, "CONFIRMED", 1_787_236_800_000_000_000
        )
    ]


def test_a_trade_of_our_own_with_our_resting_order_is_two_fills(
    exchange: Exchange, client: OfficialClient
) -> None:
    ours = {
        "order_id": "0xmine",
        "owner": "key-1",
        "matched_amount": "10",
        "price": "0.05",
        "asset_id": "222",
        "side": "BUY",
    }
    exchange.trades = [trade("t1", trader_side="TAKER", maker_orders=[ours])]

    told = client.read(order_ids=(), token_ids=(), after_s=0)

    assert list(told.fills) == [("t1", trade("t1")["taker_order_id"]), ("t1", "0xmine")]


@pytest.mark.parametrize(
    ("failure", "error"),
    [
        ((401, {"error": "Unauthorized/Invalid api key"}), Unauthorized),
        ((429, {"error": "Too Many Requests"}), RateLimited),
        ((500, {"error": "Internal server error"}), OutcomeUnknown),
        ((400, {"error": "what"}), ExchangeError),
        ((200, b"<html>"), OutcomeUnknown),
        ((200, {"unexpected": 1}), OutcomeUnknown),
    ],
)
def test_failures_are_told_in_our_own_errors(
    exchange: Exchange, client: OfficialClient, failure: Answer, error: type[ExchangeError]
) -> None:
    exchange.failure = failure

    with pytest.raises(error):
        client.read(order_ids=(), token_ids=(), after_s=0)


@pytest.mark.parametrize(("failures", "is_read"), [(2, True), (3, False)])
def test_what_got_no_readable_answer_is_asked_three_times(
    exchange: Exchange, client: OfficialClient, failures: int, is_read: bool
) -> None:
    exchange.failure, exchange.failures_left = (502, b"<html>"), failures
    if is_read:
        told = client.read(order_ids=(), token_ids=(), after_s=0)
        assert told.cash_usdc == 976_166_880
        return
    with pytest.raises(OutcomeUnknown):
        client.read(order_ids=(), token_ids=(), after_s=0)


@pytest.mark.parametrize("size", ["many", "0.0000001", None])
def test_a_row_with_unreadable_numbers_is_refused(
    exchange: Exchange, client: OfficialClient, size: str | None
) -> None:
    exchange.trades = [trade("t1", size=size, price="0.95" if size else "x")]

    with pytest.raises(OutcomeUnknown, match="expected a readable row"):
        client.read(order_ids=(), token_ids=(), after_s=0)


def test_an_exchange_that_is_not_there_is_unknown() -> None:
    client = OfficialClient("http://127.0.0.1:9", ACCOUNT, chain_id=137, timeout_s=1.0)

    with pytest.raises(OutcomeUnknown, match="open orders"):
        client.read(order_ids=(), token_ids=(), after_s=0)
    client.close()


def test_the_signer_knows_an_address_and_nothing_else() -> None:
    signer = AddressOnlySigner("0xa", 137)

    assert (signer.address(), signer.get_chain_id()) == ("0xa", 137)
