"""The trading routes over a real connection: each request once, each answer with its meaning."""

import json
import threading
from collections import deque
from collections.abc import Iterator
from typing import Any

import pytest

from polybot.adapters.clob_gateway import CANCEL_BATCH, ClobGateway
from polybot.errors import (
    NotFound,
    OutcomeUnknown,
    RateLimited,
    Rejected,
    Unauthorized,
    Unavailable,
)
from polybot.exchange import error_texts as texts
from polybot.exchange.l2_auth import RequestSigner, SignedRequest
from polybot.ports import CancelAnswer, HeartbeatBroken, PostAnswer, SignedOrder, VenueOrder
from tests.fakes import FakeClock
from tests.unit.adapters.loopback import (
    CLOSE,
    RESET,
    Heard,
    LoopbackServer,
    Told,
    answer,
    collect,
    transport_to,
    wait_until,
)
from tests.unit.exchange.examples import ADDRESS, CREDENTIALS

ORDER = SignedOrder("0xab12", b'{"order":{"salt":1}}')
SIGNER = RequestSigner(ADDRESS, CREDENTIALS)


def placed(order_id: str = "0xab12", status: str = "live", **fields: Any) -> Told:
    body = {"success": True, "errorMsg": "", "orderID": order_id, "status": status} | fields
    return answer(body)


class Case:
    """A gateway over two transports to one server."""

    def __init__(self) -> None:
        self.server = LoopbackServer()
        self.clock = FakeClock()
        self.woken = threading.Event()
        self.snapshots: list[Any] = []
        self.transports = transport_to(self.server), transport_to(self.server)
        orders, reads = self.transports
        self.gateway = ClobGateway(
            SIGNER,
            orders=orders,
            reads=reads,
            snapshots=lambda *asked: self.snapshots.append(asked),
            clock=self.clock,
            wake=self.woken.set,
        )

    def script(self, told: Told) -> None:
        self.server.handler = lambda _: told

    def post(self, told: Told) -> PostAnswer:
        self.script(told)
        self.gateway.post(ORDER)
        (given,) = collect(self.gateway.take)
        return given

    def cancel(self, told: Told, *ids: str) -> CancelAnswer:
        self.script(told)
        self.gateway.cancel(ids or ("0x1", "0x2"))
        (given,) = collect(self.gateway.take)
        return given

    def look_up(self, told: Told) -> Any:
        self.script(told)
        self.gateway.look_up("0xab12")
        (given,) = collect(self.gateway.take)
        return given

    def close(self) -> None:
        for transport in self.transports:
            transport.close()
        self.server.stop()


@pytest.fixture
def case() -> Iterator[Case]:
    made = Case()
    yield made
    made.close()


def is_signed(case: Case, heard: Heard) -> bool:
    given = {name.upper(): value for name, value in heard.headers.items()}
    request = SignedRequest(heard.method, heard.path, given, heard.body)
    return SIGNER.refusal(request, now_s=case.clock.now_ns() // 1_000_000_000) == ""


def test_an_order_is_posted_as_it_was_signed_and_authenticated(case: Case) -> None:
    given = case.post(placed(status="matched", tradeIDs=["t1", "t2"]))
    assert given == PostAnswer("0xab12", None, status="matched", trade_ids=("t1", "t2"))
    (heard,) = case.server.heard
    assert (heard.method, heard.path, heard.body) == ("POST", "/order", ORDER.body)
    assert is_signed(case, heard)
    assert case.woken.is_set()


@pytest.mark.parametrize("trade_ids", [None, []])
def test_an_order_that_rests_has_no_trades(case: Case, trade_ids: Any) -> None:
    assert case.post(placed(tradeIDs=trade_ids)).trade_ids == ()


def test_an_order_id_is_compared_without_its_case(case: Case) -> None:
    assert case.post(placed("0xAB12")).error is None


def test_another_order_id_than_ours_is_no_success(case: Case) -> None:
    error = case.post(placed("0xother")).error
    assert isinstance(error, OutcomeUnknown)
    assert error.code == "order_id_mismatch"


FAILURES = [
    (answer({"error": texts.FAK_NO_MATCH}, 400), Rejected, "fak_no_match"),
    (answer({"error": texts.balance_too_low(1, 2)}, 400), Rejected, "not_enough_balance"),
    (answer({"error": texts.duplicated("0xab12")}, 400), OutcomeUnknown, "duplicated"),
    (answer({"error": texts.MATCH_DELAYED}, 400), OutcomeUnknown, "match_delayed"),
    (answer({"error": texts.MARKET_NOT_FOUND}, 404), NotFound, "market_not_found"),
    (answer({"error": texts.UNAUTHORIZED}, 401), Unauthorized, "unauthorized"),
    (answer({"error": texts.ENGINE_RESTARTING}, 425), Unavailable, "restarting"),
    (answer({"error": texts.TOO_MANY_REQUESTS}, 429, Retry_After="3"), RateLimited, "rate_limited"),
    (answer({"error": texts.POST_ONLY_MODE}, 503), Unavailable, "post_only"),
    (answer({"error": texts.INTERNAL_ERROR}, 500), OutcomeUnknown, "server"),
    (answer(b"<html>502</html>", 502), OutcomeUnknown, "unreadable"),
    (answer(b"<html>hello</html>", 200), OutcomeUnknown, "unreadable"),
    (answer({"success": False, "errorMsg": texts.FOK_NOT_FILLED}), Rejected, "fok_not_filled"),
    (answer({"success": True, "orderID": "", "errorMsg": texts.INVALID_EXPIRATION}), Rejected, ""),
    (answer({"success": True, "orderID": ""}), OutcomeUnknown, "unreadable"),
    (answer({"success": False}), OutcomeUnknown, "unreadable"),
    (answer({}), OutcomeUnknown, "unreadable"),
    (Told(then=RESET), OutcomeUnknown, "no_answer"),
    (Told(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{", CLOSE), OutcomeUnknown, "no_answer"),
]


@pytest.mark.parametrize(("told", "error", "code"), FAILURES)
def test_each_failure_of_a_post_means_what_it_proves(
    case: Case, told: Told, error: type[Exception], code: str
) -> None:
    given = case.post(told)
    assert type(given.error) is error
    assert given.error.code == code or not code
    assert case.server.requests() == [("POST", "/order")]


@pytest.mark.parametrize(
    ("headers", "remaining", "warned"),
    [
        ({}, None, False),
        ({"Poly_RateLimit_Remaining": "12"}, 12, False),
        ({"Poly_RateLimit_Remaining": "plenty", "Poly_RateLimit_Warning": "false"}, None, False),
        ({"Poly_RateLimit_Remaining": "0", "Poly_RateLimit_Warning": "true"}, 0, True),
        ({"Poly_RateLimit_Warning": "over the limit"}, None, True),
    ],
)
@pytest.mark.parametrize("status", [200, 400])
def test_what_the_exchange_says_of_its_rate_limit_comes_with_the_answer(
    case: Case, headers: dict[str, str], remaining: int | None, warned: bool, status: int
) -> None:
    body = {"success": True, "errorMsg": "", "orderID": "0xab12", "status": "live"}
    given = case.post(answer(body if status == 200 else {"error": "no"}, status, **headers))
    assert (given.remaining, given.warned) == (remaining, warned)
    canceled = case.cancel(answer({"canceled": [], "not_canceled": {}}, status, **headers))
    assert canceled.warned is warned


def test_where_nobody_listens_an_order_was_not_sent(case: Case) -> None:
    case.server.stop()
    case.gateway.post(ORDER)
    (given,) = collect(case.gateway.take)
    assert type(given.error) is Unavailable
    assert given.error.status is None


def test_a_cancel_tells_what_is_gone_and_what_is_not(case: Case) -> None:
    told = answer({"canceled": ["0x1"], "not_canceled": {"0x2": "already canceled or matched"}})
    given = case.cancel(told)
    assert given == CancelAnswer(
        ("0x1",), {"0x2": "already canceled or matched"}, asked=("0x1", "0x2")
    )
    (heard,) = case.server.heard
    assert (heard.method, heard.path) == ("DELETE", "/orders")
    assert json.loads(heard.body) == ["0x1", "0x2"]
    assert is_signed(case, heard)


@pytest.mark.parametrize("told", [answer(b"?", 200), answer({"error": "x"}, 500), Told(then=RESET)])
def test_a_cancel_that_broke_says_what_it_was_for(case: Case, told: Told) -> None:
    given = case.cancel(told)
    assert isinstance(given.error, OutcomeUnknown)
    assert given.asked == ("0x1", "0x2")
    assert len(case.server.heard) == 1


def test_very_many_cancels_go_out_in_batches(case: Case) -> None:
    case.script(answer({}))
    ids = [f"0x{number}" for number in range(CANCEL_BATCH + 5)]
    case.gateway.cancel(ids)
    given = collect(case.gateway.take, 2)
    assert sorted(len(each.asked) for each in given) == [5, CANCEL_BATCH]
    assert {i for each in given for i in each.asked} == set(ids)


ROW = {
    "id": "0xab12",
    "status": "ORDER_STATUS_LIVE",
    "asset_id": "71",
    "side": "BUY",
    "price": "0.95",
    "original_size": "25",
    "size_matched": "",
    "order_type": "GTC",
    "associate_trades": None,
    "expiration": None,
}


def test_an_order_is_found_by_its_id(case: Case) -> None:
    given = case.look_up(answer(ROW))
    assert given.error is None
    assert given.order == VenueOrder("0xab12", "71", "BUY", "LIVE", 9500, 25_000_000, 0, "GTC")
    (heard,) = case.server.heard
    assert heard.path == "/data/order/0xab12"
    assert is_signed(case, heard)


@pytest.mark.parametrize(
    "told", [answer({"error": texts.ORDER_NOT_FOUND}, 404), answer(None), answer(b" "), answer(b"")]
)
def test_an_order_the_exchange_does_not_know_is_absent(case: Case, told: Told) -> None:
    given = case.look_up(told)
    assert (given.order, given.error) == (None, None)


@pytest.mark.parametrize(
    "told",
    [
        answer({"error": "x"}, 500),
        answer(b"<html>"),
        answer(ROW | {"price": "dear"}),
        Told(then=RESET),
    ],
)
def test_a_look_up_that_broke_is_not_absence(case: Case, told: Told) -> None:
    given = case.look_up(told)
    assert given.order is None
    assert given.error is not None


def test_heartbeats_carry_the_id_of_the_answer_before(case: Case) -> None:
    ids = iter(["hb-1", "hb-2", "hb-3"])
    case.server.handler = lambda _: answer({"heartbeat_id": next(ids)})
    for count in range(1, 4):
        case.gateway.beat()
        wait_until(lambda count=count: len(case.server.heard) == count)
        wait_until(lambda count=count: case.gateway._chain.heartbeat_id == f"hb-{count}")  # noqa: SLF001
    sent = [json.loads(heard.body)["heartbeat_id"] for heard in case.server.heard]
    assert sent == ["", "hb-1", "hb-2"]
    assert {heard.path for heard in case.server.heard} == {"/v1/heartbeats"}


def test_a_heartbeat_with_the_wrong_id_learns_the_right_one(case: Case) -> None:
    case.script(answer({"error_msg": texts.INVALID_HEARTBEAT, "heartbeat_id": "hb-9"}, 400))
    case.gateway.beat()
    wait_until(lambda: case.gateway._chain.heartbeat_id == "hb-9")  # noqa: SLF001
    case.gateway.beat()
    wait_until(lambda: len(case.server.heard) == 2)
    assert json.loads(case.server.heard[-1].body)["heartbeat_id"] == "hb-9"


def test_a_lost_heartbeat_begins_the_chain_anew_and_the_second_is_said_once(
    case: Case, caplog: pytest.LogCaptureFixture
) -> None:
    case.script(Told(then=RESET))
    case.gateway._chain.heartbeat_id = "hb-1"  # noqa: SLF001
    case.gateway.beat()
    wait_until(lambda: case.gateway._chain.heartbeat_id == "")  # noqa: SLF001
    assert caplog.text == ""
    for _ in range(3):
        case.gateway.beat()
    wait_until(lambda: case.gateway._missed_beats == 4)  # noqa: SLF001
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "no answer 2 times: " in caplog.text
    assert "/v1/heartbeats" in caplog.text

    case.script(answer({"heartbeat_id": "hb-2"}))
    with caplog.at_level("INFO"):
        case.gateway.beat()
        wait_until(lambda: case.gateway._missed_beats == 0)  # noqa: SLF001
    assert "answered again after 4 misses" in caplog.text


def test_a_snapshot_is_read_by_the_reader_it_was_given(case: Case) -> None:
    case.gateway.request_snapshot(token_ids=("71",), after_s=5, tag="start 1")
    ((tokens, after_s, tag, done),) = case.snapshots
    assert (tokens, after_s, tag) == (("71",), 5, "start 1")
    done("snapshot")
    assert case.gateway.take() == ["snapshot"]
    assert case.gateway.take() == []


def test_warm_connections_are_those_of_orders_and_one_stays_free(case: Case) -> None:
    case.gateway.keep_warm()
    wait_until(lambda: case.server.heard)
    case.post(placed())
    assert case.server.requests() == [("GET", "/ok"), ("POST", "/order")]


def test_answers_of_a_gateway_with_older_credentials_are_not_lost(case: Case) -> None:
    answers: deque[Any] = deque([PostAnswer("0x1", None)])
    orders, reads = case.transports
    renewed = ClobGateway(
        SIGNER,
        orders=orders,
        reads=reads,
        snapshots=lambda *_: None,
        clock=case.clock,
        wake=case.woken.set,
        answers=answers,
    )
    assert renewed.take() == [PostAnswer("0x1", None)]


def test_a_heartbeat_somebody_else_sent_between_two_of_ours_is_told(case: Case) -> None:
    ids = iter(["hb-1", "hb-2", "hb-3"])
    case.server.handler = lambda _: answer({"heartbeat_id": next(ids)})
    for count in range(1, 4):
        case.gateway.beat()
        wait_until(lambda count=count: case.gateway._chain.heartbeat_id == f"hb-{count}")  # noqa: SLF001
    refusal = {"error_msg": texts.INVALID_HEARTBEAT, "heartbeat_id": "hb-x"}
    case.server.handler = lambda _: answer(refusal, 400)
    case.gateway.beat()
    wait_until(lambda: case.gateway.answers)
    assert case.gateway.take() == [HeartbeatBroken("hb-3", "hb-x")]
    case.server.handler = lambda _: answer({"heartbeat_id": "hb-4"})
    case.gateway.beat()
    wait_until(lambda: case.gateway._chain.heartbeat_id == "hb-4")  # noqa: SLF001
    assert case.gateway.take() == []
    assert json.loads(case.server.heard[-1].body)["heartbeat_id"] == "hb-x"
