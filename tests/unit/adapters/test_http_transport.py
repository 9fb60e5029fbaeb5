"""A POST is sent once whatever happens; a read on a stale connection is sent again."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future

import pytest

from polybot.adapters.http_transport import HttpTransport, TransportTuning
from polybot.errors import ExchangeError, OutcomeUnknown, RateLimited, Unavailable
from polybot.exchange.http_calls import HttpAnswer, HttpCall
from polybot.exchange.route_limits import RouteLimiter
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

    def __init__(
        self,
        connections: int = 1,
        tuning: TransportTuning | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.server = LoopbackServer(tls=tls)
        self.url: str | None = self.server.url
        self.transport = HttpTransport(
            "orders",
            lambda: self.url,
            connections=connections,
            timeout_s=TIMEOUT_S,
            user_agent="polybot/test",
            tuning=tuning,
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
    assert post.headers["Accept-Encoding"] == get.headers["Accept-Encoding"] == "identity"


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
def test_a_write_never_goes_to_a_connection_the_server_closed(case: Case, call: HttpCall) -> None:
    case.ask(GET)
    case.server.hang_up()
    assert case.ask(call).status == 200
    assert case.server.requests() == [("GET", "/data/orders"), (call.method, call.path)]
    assert case.server.connections == 2


@pytest.mark.parametrize("call", WRITES, ids=lambda call: call.method)
def test_a_write_the_server_read_before_it_hung_up_is_not_sent_again(
    case: Case, call: HttpCall
) -> None:
    case.script(answer({}), Told(then=CLOSE))
    case.ask(GET)
    given = case.ask(call)
    assert error_of(given) is OutcomeUnknown
    assert case.ask(GET).status == 200
    assert case.server.requests().count((call.method, call.path)) == 1


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


def test_warming_leaves_a_connection_to_an_order_and_answers_nobody(wide: Case) -> None:
    release = gate(wide)
    wide.transport.warm()
    wait_until(lambda: len(wide.server.heard) == 3)
    order = wide.send(POST)
    wait_until(lambda: len(wide.server.heard) == 4)
    release()
    assert order.result(5).status == 200
    assert wide.server.requests() == [("GET", "/ok")] * 3 + [("POST", "/order")]
    assert wide.server.connections == 4


def test_closing_carries_out_what_is_queued(case: Case) -> None:
    futures = [case.send(POST) for _ in range(5)]
    case.transport.close()
    assert [future.result(5).status for future in futures] == [200] * 5


@pytest.fixture
def tuned(request: pytest.FixtureRequest) -> Iterator[Case]:
    made = Case(tuning=request.param)
    yield made
    made.close()


SMALL = TransportTuning(max_bytes=1000)


@pytest.mark.parametrize("tuned", [SMALL], indirect=True)
@pytest.mark.parametrize("size", [70_000, 200_000])
@pytest.mark.parametrize("framing", ["length", "chunked", "until the end"])
def test_an_answer_of_any_framing_is_read_whole_up_to_the_cap_and_given_up_beyond(
    case: Case, tuned: Case, size: int, framing: str
) -> None:
    told = {
        "length": answer(b"x" * size),
        "chunked": Told(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            + b"%x\r\n%b\r\n" % (size - 7, b"x" * (size - 7))
            + b"7\r\nxxxxxxx\r\n0\r\n\r\n"
        ),
        "until the end": Told(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * size, CLOSE),
    }[framing]
    for one in (case, tuned):
        one.script(told)
    assert case.ask(GET).body == b"x" * size
    given = tuned.ask(GET)
    assert error_of(given) is OutcomeUnknown
    assert "at most 1000 bytes" in str(given.error)
    assert tuned.ask(GET).status == 200


def test_a_long_answer_that_breaks_off_is_no_answer(case: Case) -> None:
    case.script(Told(b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n" + b"x" * 70_000, CLOSE))
    assert error_of(case.ask(POST)) is OutcomeUnknown


def test_an_answer_in_a_coding_nobody_asked_for_is_no_answer(case: Case) -> None:
    case.script(answer(b"\x1f\x8b", Content_Encoding="gzip"))
    given = case.ask(POST)
    assert error_of(given) is OutcomeUnknown
    assert "gzip" in str(given.error)


def test_what_the_exchange_says_of_its_rate_limit_is_handed_over(case: Case) -> None:
    case.script(answer({}, Poly_RateLimit_Remaining="12", Poly_RateLimit_Warning="true"))
    given = case.ask(POST)
    assert (given.remaining, given.warning) == ("12", "true")


def limited() -> TransportTuning:
    return TransportTuning(limiter=RouteLimiter({"/data/orders": 4}, lambda: 0))


@pytest.mark.parametrize("tuned", [limited()], indirect=True)
def test_a_request_beyond_the_route_s_limit_is_answered_at_once_and_not_sent(tuned: Case) -> None:
    given = [tuned.ask(GET) for _ in range(3)]
    assert [error_of(each) for each in given] == [None, None, RateLimited]
    assert given[2].error.status is None
    assert given[2].error.retry_after_s > 0
    assert tuned.server.requests() == [("GET", "/data/orders")] * 2
    assert tuned.ask(POST).status == 200


@pytest.mark.parametrize("tuned", [TransportTuning(warm_s=0.05)], indirect=True)
def test_an_idle_connection_is_opened_and_used_so_that_an_order_finds_it_warm(tuned: Case) -> None:
    wait_until(lambda: len(tuned.server.heard) >= 3)
    tuned.ask(POST)
    assert tuned.server.requests()[0] == ("GET", "/ok")
    assert tuned.server.connections == 1


def test_a_connection_that_does_not_open_is_given_up_after_its_own_time() -> None:
    # A full backlog: the handshake of one more connection is not answered.
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        host = listener.getsockname()
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(host)
        case = Case(tuning=TransportTuning(connect_timeout_s=0.2))
        case.url = f"http://127.0.0.1:{host[1]}"
        given = case.ask(POST)
        for each in waiting:
            each.close()
    assert error_of(given) is Unavailable
    assert "timed out" in str(given.error)
    case.close()
