"""One order's routes: signed requests, typed answers, nothing sent twice."""

from collections.abc import Callable

import pytest

from polybot.adapters.live_order import LiveOrderDesk, Posted
from polybot.errors import NotFound, OutcomeUnknown, Rejected, Unauthorized, Unavailable
from polybot.exchange.http_calls import HttpAnswer, HttpCall
from polybot.exchange.l2_auth import ApiCredentials, RequestSigner
from polybot.exchange.wire_account import OpenOrder, OrdersPage
from polybot.exchange.wire_codec import encode
from polybot.ports import SignedOrder
from tests.fakes import FakeClock

SIGNER = RequestSigner("0xabc", ApiCredentials(api_key="k", secret="c2VjcmV0", passphrase="p"))
ORDER = SignedOrder("0xfeed", b'{"order":1}')
ROW = OpenOrder(
    id="0xFEED", status="ORDER_STATUS_LIVE", side="BUY", price="0.01", original_size="5"
)


class Line:
    """Answers each call by its method and path, and keeps the calls."""

    def __init__(self, answer: Callable[[HttpCall], HttpAnswer]) -> None:
        self.calls: list[HttpCall] = []
        self._answer = answer

    def __call__(self, call: HttpCall) -> HttpAnswer:
        self.calls.append(call)
        return self._answer(call)


def desk(body: bytes, status: int = 200) -> tuple[LiveOrderDesk, Line]:
    line = Line(lambda _: HttpAnswer(status, body))
    return LiveOrderDesk(line, SIGNER, FakeClock()), line


def test_an_order_is_sent_once_with_its_exact_bytes() -> None:
    ours, line = desk(b'{"success":true,"errorMsg":"","orderID":"0xFEED","status":"live"}')
    assert ours.post(ORDER) == Posted("0xFEED", "live")
    (call,) = line.calls
    assert (call.method, call.path, call.body) == ("POST", "/order", ORDER.body)
    assert call.headers["POLY_ADDRESS"] == "0xabc"


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        (b'{"error":"invalid signature"}', 400, Unauthorized),
        (b'{"success":false,"errorMsg":"not enough balance / allowance"}', 200, Rejected),
        (b"<html>", 200, OutcomeUnknown),
        (b"<html>", 502, OutcomeUnknown),
        (b'{"error":"could not insert order"}', 500, OutcomeUnknown),
    ],
)
def test_every_other_answer_is_a_typed_error_and_not_repeated(
    body: bytes, status: int, error: type[Exception]
) -> None:
    ours, line = desk(body, status)
    with pytest.raises(error):
        ours.post(ORDER)
    assert len(line.calls) == 1


def test_an_order_is_found_by_its_id() -> None:
    found = desk(encode(ROW))[0].find("0xfeed")
    assert found is not None
    assert (found.status, found.price_bps, found.original_shares) == ("LIVE", 100, 5_000_000)


@pytest.mark.parametrize(("body", "status"), [(b"null", 200), (b'{"error":"no"}', 404)])
def test_an_order_nobody_knows_is_none(body: bytes, status: int) -> None:
    assert desk(body, status)[0].find("0xfeed") is None


def test_silence_is_not_the_same_as_unknown() -> None:
    line = Line(lambda _: HttpAnswer(None, error=Unavailable("no route")))
    with pytest.raises(Unavailable):
        LiveOrderDesk(line, SIGNER, FakeClock()).find("0xfeed")


def test_the_list_is_followed_over_its_pages() -> None:
    pages = {
        "": OrdersPage(next_cursor="Mg==", data=[]),
        "Mg==": OrdersPage(data=[ROW]),
    }
    line = Line(lambda call: HttpAnswer(200, encode(pages[call.query.get("next_cursor", "")])))
    assert LiveOrderDesk(line, SIGNER, FakeClock()).is_listed("0xfeed")
    assert not desk(encode(OrdersPage(data=[])))[0].is_listed("0xfeed")
    with pytest.raises(NotFound, match="pages"):
        desk(encode(OrdersPage(next_cursor="Mg==")))[0].is_listed("0xfeed")


def test_a_cancel_says_whether_it_is_gone() -> None:
    assert desk(b'{"canceled":["0xFEED"],"not_canceled":{}}')[0].cancel("0xfeed") == ""
    left = desk(b'{"canceled":[],"not_canceled":{"0xfeed":"already canceled or matched"}}')[0]
    assert left.cancel("0xfeed") == "already canceled or matched"
    assert desk(b'{"canceled":[],"not_canceled":{}}')[0].cancel("0xfeed")
