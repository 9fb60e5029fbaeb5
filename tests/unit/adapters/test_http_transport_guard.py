"""A request with a guard leaves in one piece, or not at all."""

import socket
import threading

import msgspec
import pytest

from polybot.adapters.http_transport import HELD_BACK
from polybot.errors import Unavailable
from polybot.exchange.http_calls import HttpCall
from polybot.ports.crash_points import on_reach
from tests.unit.adapters.loopback import answer, wait_until
from tests.unit.adapters.test_http_transport import GET, POST, Case, case

__all__ = ["case"]


def guarded(say: str, call: HttpCall = POST) -> HttpCall:
    return msgspec.structs.replace(call, guard=lambda: say)


def test_a_request_that_its_guard_holds_back_never_leaves(case: Case) -> None:
    given = case.ask(guarded("it waited 3 s"))

    assert isinstance(given.error, Unavailable)
    assert given.error.status is None, "what has no status was not sent"
    assert given.error.code == HELD_BACK
    assert "it waited 3 s" in str(given.error)
    assert case.ask(GET).status == 200
    assert case.server.requests() == [("GET", "/data/orders")]


def test_a_request_that_its_guard_lets_pass_arrives_whole(case: Case) -> None:
    given = case.ask(guarded(""))

    assert given.status == 200
    assert [(heard.method, heard.body) for heard in case.server.heard] == [("POST", POST.body)]


def test_the_guard_is_asked_after_the_connection_was_opened_and_after_the_last_crash_point(
    case: Case,
) -> None:
    order: list[str] = []
    call = msgspec.structs.replace(POST, guard=lambda: order.append("guard") or "")
    on_reach(order.append)
    try:
        case.ask(call)
    finally:
        on_reach(None)

    assert order == ["orders.sending", "guard", "orders.sent", "orders.answered"]


def test_an_order_behind_a_slow_one_is_asked_about_when_its_turn_comes(case: Case) -> None:
    release, began = threading.Event(), threading.Event()
    too_late = threading.Event()

    def slow(_: object) -> object:
        began.set()
        assert release.wait(5)
        return answer({})

    case.server.handler = slow  # type: ignore[assignment]
    first = case.send(GET)
    assert began.wait(5)
    second = case.send(
        msgspec.structs.replace(POST, guard=lambda: "too late" if too_late.is_set() else "")
    )
    too_late.set()
    release.set()

    assert first.result(5).status == 200
    assert isinstance(second.result(5).error, Unavailable)
    assert ("POST", "/order") not in case.server.requests()


def test_head_and_body_leave_in_one_piece(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[bytes] = []

    def sendall(connection: socket.socket, data: bytes) -> None:
        sent.append(bytes(data))
        connection.send(data)

    case.ask(GET)
    monkeypatch.setattr(socket.socket, "sendall", sendall, raising=False)
    case.ask(POST)
    wait_until(lambda: len(case.server.heard) == 2)

    ours = [data for data in sent if data.startswith(b"POST")]
    assert len(ours) == 1
    assert ours[0].endswith(b"\r\n\r\n" + POST.body)
