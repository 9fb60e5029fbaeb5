"""A wallet as the official client sees it, against a server that answers as the exchange does."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from polybot.adapters.wallet_probe import Holding, WalletProbe
from polybot.errors import (
    ExchangeError,
    NotFound,
    OutcomeUnknown,
    RateLimited,
    Rejected,
    Unauthorized,
    Unavailable,
)
from polybot.exchange.l1_auth import l1_refusal
from polybot.exchange.l2_auth import ApiCredentials
from tests.http_stub import StubRequest, StubServer

KEY = "0x" + "22" * 32
TOLD = {"apiKey": "k", "secret": "c2VjcmV0", "passphrase": "p"}
CREDENTIALS = ApiCredentials(api_key="k", secret="c2VjcmV0", passphrase="p")
Answer = tuple[int, Any]
Serve = Callable[[dict[str, Answer]], tuple[WalletProbe, StubServer]]


@pytest.fixture
def serve() -> Iterator[Serve]:
    made: list[StubServer] = []

    def start(answers: dict[str, Answer]) -> tuple[WalletProbe, StubServer]:
        def answer(request: StubRequest) -> Answer:
            return answers.get(f"{request.method} {request.path}", (404, {"error": "none"}))

        server = StubServer(answer)
        made.append(server)
        probe = WalletProbe(server.url, KEY, chain_id=137, timeout_s=2.0)
        probe.use(CREDENTIALS)
        return probe, server

    yield start
    for server in made:
        server.close()


def test_a_new_wallet_gets_its_key_by_a_signature_the_exchange_accepts(serve: Serve) -> None:
    probe, server = serve({"POST /auth/api-key": (200, TOLD)})
    assert probe.log_in() == CREDENTIALS
    (request,) = server.requests
    headers = {name.upper(): value for name, value in request.headers.items()}
    assert l1_refusal(headers, now_s=int(headers["POLY_TIMESTAMP"])) == ""


def test_a_wallet_with_a_key_is_told_the_same_one_again(serve: Serve) -> None:
    probe, server = serve(
        {
            "POST /auth/api-key": (400, {"error": "Could not create api key"}),
            "GET /auth/derive-api-key": (200, TOLD),
        }
    )
    assert probe.log_in() == CREDENTIALS
    assert len(server.requests) == 2


def test_a_refused_login_is_unauthorized(serve: Serve) -> None:
    refusal = (401, {"error": "Invalid L1 Request headers"})
    probe, _ = serve({"POST /auth/api-key": refusal, "GET /auth/derive-api-key": refusal})
    with pytest.raises(Unauthorized, match="Invalid L1 Request headers"):
        probe.log_in()


def test_a_restarting_exchange_is_not_asked_a_second_time(serve: Serve) -> None:
    probe, server = serve({"POST /auth/api-key": (425, {"error": "restarting"})})
    with pytest.raises(Unavailable):
        probe.log_in()
    assert len(server.requests) == 1


def test_money_and_the_smallest_approval_are_read(serve: Serve) -> None:
    told = {"balance": "5000000", "allowances": {"0xa": "900", "0xb": "7"}}
    probe, server = serve({"GET /balance-allowance": (200, told)})
    assert probe.holding(3) == Holding(balance_usdc=5_000_000, allowance_usdc=7)
    assert server.requests[0].query["signature_type"] == "3"
    older = {"balance": "5", "allowance": "9"}
    probe, _ = serve({"GET /balance-allowance": (200, older)})
    assert probe.holding(0).allowance_usdc == 9


@pytest.mark.parametrize("told", [{}, [], "<html>", {"balance": "x", "allowances": {"a": "1"}}])
def test_an_unreadable_balance_is_an_error(serve: Serve, told: Any) -> None:
    probe, _ = serve({"GET /balance-allowance": (200, told)})
    with pytest.raises(OutcomeUnknown):
        probe.holding(0)


def test_permissions_keys_and_orders_are_read(serve: Serve) -> None:
    probe, _ = serve(
        {
            "GET /auth/ban-status/closed-only": (200, {"closed_only": True}),
            "GET /auth/api-keys": (200, {"apiKeys": ["k"]}),
            "GET /data/orders": (200, {"next_cursor": "LTE=", "data": [{"id": "0x1"}]}),
            "GET /balance-allowance/update": (200, {}),
        }
    )
    assert probe.is_closed_only()
    assert probe.api_keys() == ("k",)
    assert probe.open_orders() == [{"id": "0x1"}]
    probe.refresh_holding(0)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, Rejected),
        (401, Unauthorized),
        (403, Unauthorized),
        (404, NotFound),
        (425, Unavailable),
        (429, RateLimited),
        (500, OutcomeUnknown),
        (503, Unavailable),
    ],
)
def test_every_status_is_a_typed_error(
    serve: Serve, status: int, error: type[ExchangeError]
) -> None:
    probe, _ = serve({"GET /auth/api-keys": (status, {"error": "words"})})
    with pytest.raises(error, match="words") as raised:
        probe.api_keys()
    assert raised.value.status == status


def test_nobody_there_is_unavailable_without_a_status(serve: Serve) -> None:
    probe, server = serve({})
    server.close()
    with pytest.raises(Unavailable) as raised:
        probe.is_closed_only()
    assert raised.value.status is None
    probe.close()
