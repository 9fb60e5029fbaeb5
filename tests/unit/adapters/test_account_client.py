"""A command reads and cancels with API credentials, and each failure is a typed error."""

import json
from collections.abc import Callable, Iterator

import pytest

from polybot.adapters.account_client import AccountClient, Canceled
from polybot.errors import (
    OutcomeUnknown,
    ProtocolError,
    Unauthorized,
    Unavailable,
)
from polybot.exchange.l2_auth import ApiCredentials, RequestSigner, SignedRequest
from tests.fakes import FakeClock
from tests.unit.adapters.loopback import (
    CLOSE,
    Heard,
    LoopbackServer,
    Told,
    answer,
    transport_to,
)

CREDENTIALS = ApiCredentials(api_key="key-1", secret="c2VjcmV0", passphrase="pass")
ADDRESS = "0xAddress"


class Case:
    """An account over a server; every request must be signed by it."""

    def __init__(self) -> None:
        self.told: Callable[[Heard], Told] = lambda _: answer({})
        self.server = LoopbackServer(self._answer)
        self.transport = transport_to(self.server)
        self.clock = FakeClock()
        self.signer = RequestSigner(ADDRESS, CREDENTIALS)
        self.account = AccountClient(self.transport, self.signer, self.clock, 3)

    def _answer(self, heard: Heard) -> Told:
        headers = {name.upper(): value for name, value in heard.headers.items()}
        signed = SignedRequest(heard.method, heard.path, headers, heard.body)
        now_s = self.clock.now_ns() // 1_000_000_000
        assert self.signer.refusal(signed, now_s=now_s) == ""
        return self.told(heard)


@pytest.fixture
def case() -> Iterator[Case]:
    made = Case()
    yield made
    made.transport.close()
    made.server.stop()


def test_open_orders_are_listed_to_the_last_page(case: Case) -> None:
    def pages(heard: Heard) -> Told:
        last = "next_cursor=two" in heard.target
        row = {"id": "0x2" if last else "0x1", "status": "LIVE"}
        return answer({"data": [row], "next_cursor": "LTE=" if last else "two"})

    case.told = pages
    assert [order.id for order in case.account.open_orders()] == ["0x1", "0x2"]
    assert case.server.heard[0].target == "/data/orders?next_cursor=MA%3D%3D"


def test_a_list_without_end_is_an_error_not_a_loop(case: Case) -> None:
    case.told = lambda _: answer({"data": [], "next_cursor": "again"})
    with pytest.raises(OutcomeUnknown, match="expected at most"):
        case.account.open_orders()


def test_the_balance_is_asked_for_by_the_wallet_s_signature_type(case: Case) -> None:
    case.told = lambda _: answer({"balance": "5000000", "allowances": {"0xs": "7"}})
    told = case.account.balance()
    assert (told.cash_usdc, told.allowances_usdc) == (5_000_000, {"0xs": 7})
    assert case.server.heard[0].target == (
        "/balance-allowance?asset_type=COLLATERAL&signature_type=3"
    )


def test_cancels_go_out_by_id_and_say_what_is_not_gone(case: Case) -> None:
    case.told = lambda _: answer({"canceled": ["0x1"], "not_canceled": {"0x2": "matched"}})
    assert case.account.cancel(["0x1", "0x2"]) == Canceled(
        canceled=("0x1",), not_canceled={"0x2": "matched"}
    )
    (heard,) = case.server.heard
    assert (heard.method, heard.path, json.loads(heard.body)) == (
        "DELETE",
        "/orders",
        ["0x1", "0x2"],
    )


def test_more_ids_than_one_request_takes_go_out_in_several(case: Case) -> None:
    case.told = lambda heard: answer({"canceled": json.loads(heard.body), "not_canceled": {}})
    ids = [f"0x{number}" for number in range(1001)]
    assert len(case.account.cancel(ids).canceled) == 1001
    assert [len(json.loads(heard.body)) for heard in case.server.heard] == [1000, 1]


@pytest.mark.parametrize(
    ("told", "error"),
    [
        (answer({"error": "Unauthorized/Invalid api key"}, 401), Unauthorized),
        (answer(b"<html>", 200), ProtocolError),
        (answer({"balance": "much"}), ProtocolError),
        (Told(then=CLOSE), OutcomeUnknown),
    ],
)
def test_a_failure_is_a_typed_error(case: Case, told: Told, error: type[Exception]) -> None:
    case.told = lambda _: told
    with pytest.raises(error):
        case.account.balance()


def test_an_exchange_that_is_away_is_unavailable(case: Case) -> None:
    case.server.stop()
    with pytest.raises((Unavailable, OutcomeUnknown)):
        case.account.balance()
