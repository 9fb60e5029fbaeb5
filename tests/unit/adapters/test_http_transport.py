"""A POST is sent once whatever happens; a read on a stale connection is sent again."""

import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future

import pytest

from polybot.adapters.http_transport import HttpTransport
from polybot.errors import ExchangeError, OutcomeUnknown, Unavailable
from polybot.exchange.http_calls import HttpAnswer, HttpCall
from tests.unit.adapters.loopback import (
    CLOSE,
    HANG,
    RESET,
    Heard,
    LoopbackServer,
    Told,
    answer,
    wait_until,
)

TIMEOUT_S = 0.3
POST = HttpCall("POST", "/order", body=b'{"a":1}', headers={"POLY_ADDRESS": "0x1"})
DELETE = HttpCall("DELETE", "/orders", body=b'["0x1"]')
GET = HttpCall("GET", "/data/orders", query={"next_cursor": "MA=="})
WRITES = [POST, DELETE]


class Case:
    """A transport of one connection to a server a test scripts."""

    def __init__(self, connections: int = 1) -> None:
        self.server = LoopbackServer()
        self.url: str | None = self.server.url
        self.transport = HttpTransport(
            "orders",
            lambda: self.url,
            connections=connections,
            timeout_s=TIMEOUT_S,
            user_agent="polybot/test",
        )

    def ask(self, call: HttpCall) -> HttpAnswer:
        return self.send(call).result(timeout=5)

    def send(self, call: HttpCall) -> Future[HttpAnswer]:
        future: Future[HttpAnswer] = Future()
        self.transport.send(call, future.set_result)
        return future

    def script(self, *told: Told) -> None:
        """Answer requests one by one, then with an empty object."""
        left = list(told)
        self.server.handler = lambda _: left.pop(0) if left else answer({})

    def close(self) -> None:
        self.transport.close()
        self.server.stop()


@pytest.fixture
def case() -> Iterator[Case]:
    made = Case()
    yield made
    made.close()


def error_of(given: HttpAnswer) -> type[ExchangeError] | None:
    return None if given.error is None else type(given.error)


def test_a_request_arrives_as_it_was_made(case: Case) -> None:
    case.ask(POST)
    case.ask(GET)
    post, get = case.server.heard
    assert (post.method, post.target, post.body) == ("POST", "/order", POST.body)
    assert post.headers["Poly_Address"] == "0x1"
    assert post.headers["Content-Type"] == "application/json"
    assert post.headers["User-Agent"] == "polybot/test"
    assert (get.method, get.target) == ("GET", "/data/orders?next_cursor=MA%3D%3D")
    assert "Content-Type" not in get.headers


@pytest.mark.parametrize("status", [200, 400, 404, 425, 429, 500, 503])
def test_an_answer_of_any_status_is_handed_over_and_never_repeated(case: Case, status: int) -> None:
    case.script(answer({"x": status}, status, Retry_After="7"))
    given = case.ask(POST)
    assert (given.status, given.body, given.error) == (status, b'{"x": %d}' % status, None)
    assert given.retry_after == "7"
    assert case.server.requests() == [("POST", "/order")]


def test_a_connection_is_kept_for_the_next_request(case: Case) -> None:
    for call in (POST, GET, DELETE, GET):
        case.ask(call)
    assert case.server.connections == 1


def test_a_connection_the_server_closes_after_its_answer_is_made_anew(case: Case) -> None:
    case.script(answer({}, then=CLOSE, Connection="close"))
    assert case.ask(POST).status == 200
    assert case.ask(POST).status == 200
    assert (case.server.connections, len(case.server.heard)) == (2, 2)


BREAKS = {
    "reset instead of an answer": Told(then=RESET),
    "hung up instead of an answer": Told(then=CLOSE),
    "reset in the middle of the head": Told(b"HTTP/1.1 200 OK\r\nContent-Le", RESET),
    "reset in the middle of the body": Told(
        b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nhal", RESET
    ),
    "hung up in the middle of the body": Told(
        b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nhalf", CLOSE
    ),
    "no HTTP at all": Told(b"SSH-2.0-OpenSSH\r\n\r\n", CLOSE),
    "no answer in time": Told(then=HANG),
}


@pytest.mark.parametrize("call", WRITES, ids=lambda call: call.method)
@pytest.mark.parametrize("told", BREAKS.values(), ids=BREAKS.keys())
@pytest.mark.parametrize("reused", [False, True], ids=["fresh", "kept"])
def test_a_write_that_breaks_has_an_unknown_outcome_and_is_sent_once(
    case: Case, call: HttpCall, told: Told, reused: bool
) -> None:
    case.script(*([answer({})] if reused else []), told)
    if reused:
        case.ask(GET)
    given = case.ask(call)
    assert error_of(given) is OutcomeUnknown
    assert given.status is None
    assert call.method in str(given.error)
    assert case.server.requests().count((call.method, call.path)) == 1
    assert case.ask(GET).status == 200


@pytest.mark.parametrize("call", WRITES, ids=lambda call: call.method)
def test_a_write_on_a_stale_connection_has_an_unknown_outcome_and_is_not_repeated(
    case: Case, call: HttpCall
) -> None:
    case.ask(GET)
    case.server.hang_up()
    given = case.ask(call)
    assert error_of(given) is OutcomeUnknown
    assert case.server.requests() == [("GET", "/data/orders")]


def test_a_read_on_a_stale_connection_is_sent_again(case: Case) -> None:
    case.ask(GET)
    case.server.hang_up()
    assert case.ask(GET).status == 200
    assert case.server.requests() == [("GET", "/data/orders")] * 2


@pytest.mark.parametrize("told", [Told(then=RESET), Told(then=CLOSE)], ids=["reset", "close"])
def test_a_read_that_breaks_on_a_fresh_connection_is_not_sent_again(case: Case, told: Told) -> None:
    case.script(told)
    assert error_of(case.ask(GET)) is OutcomeUnknown
    assert len(case.server.heard) == 1


def test_a_read_that_takes_too_long_is_not_given_twice_the_time(case: Case) -> None:
    case.script(answer({}), Told(then=HANG))
    case.ask(GET)
    assert error_of(case.ask(GET)) is OutcomeUnknown
    assert len(case.server.heard) == 2


@pytest.mark.parametrize("call", [*WRITES, GET], ids=lambda call: call.method)
def test_where_nobody_listens_nothing_was_sent(case: Case, call: HttpCall) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    case.url = f"http://127.0.0.1:{port}"
    given = case.ask(call)
    assert error_of(given) is Unavailable
    assert given.error.status is None


@pytest.mark.parametrize("url", [None, "", "http://127.0.0.1:nonsense", "http://[::1"])
def test_without_a_usable_address_nothing_was_sent(case: Case, url: str | None) -> None:
    case.url = url
    assert error_of(case.ask(POST)) is Unavailable


def test_a_request_that_cannot_be_written_down_does_not_end_the_thread(case: Case) -> None:
    bad = HttpCall("POST", "/order", headers={"X": "line\nbreak"})
    assert error_of(case.ask(bad)) is OutcomeUnknown
    assert case.ask(POST).status == 200
    assert case.server.requests() == [("POST", "/order")]


def test_the_address_is_asked_for_at_each_new_connection(case: Case) -> None:
    case.ask(GET)
    elsewhere = LoopbackServer()
    case.url = elsewhere.url
    case.server.hang_up()
    assert case.ask(GET).status == 200
    assert elsewhere.requests() == [("GET", "/data/orders")]
    elsewhere.stop()


@pytest.fixture
def wide() -> Iterator[Case]:
    made = Case(connections=4)
    yield made
    made.close()


def gate(case: Case) -> Callable[[], None]:
    """Hold every answer back until the returned function is called."""
    opened = threading.Event()

    def held(_: Heard) -> Told:
        opened.wait(TIMEOUT_S * 0.8)
        return answer({})

    case.server.handler = held
    return opened.set


def test_as_many_requests_are_under_way_as_there_are_connections(wide: Case) -> None:
    release = gate(wide)
    futures = [wide.send(POST) for _ in range(4)]
    wait_until(lambda: len(wide.server.heard) == 4)
    assert not any(future.done() for future in futures)
    release()
    assert [future.result(5).status for future in futures] == [200] * 4
    assert wide.server.connections == 4


def test_each_request_gets_one_answer_however_many_there_are(wide: Case) -> None:
    wide.server.handler = lambda heard: answer({"n": heard.body.decode()})
    calls = [HttpCall("POST", "/order", body=str(n).encode()) for n in range(200)]
    futures = [wide.send(call) for call in calls]
    assert [f.result(5).body for f in futures] == [b'{"n": "%d"}' % n for n in range(200)]
    assert sorted(int(heard.body) for heard in wide.server.heard) == list(range(200))


def test_warming_uses_the_connections_and_answers_nobody(wide: Case) -> None:
    release = gate(wide)
    wide.transport.warm()
    wait_until(lambda: len(wide.server.heard) == 4)
    release()
    assert wide.server.requests() == [("GET", "/ok")] * 4
    assert wide.server.connections == 4


def test_closing_carries_out_what_is_queued(case: Case) -> None:
    futures = [case.send(POST) for _ in range(5)]
    case.transport.close()
    assert [future.result(5).status for future in futures] == [200] * 5
