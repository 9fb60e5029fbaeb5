"""A request and its answer are plain values; a transport is what adapters take it for."""

import pytest

from polybot.adapters.http_transport import HttpTransport
from polybot.errors import OutcomeUnknown
from polybot.exchange.http_calls import HttpAnswer, HttpCall, Transport
from tests.unit.ports.contract import unmet


def test_a_call_is_complete_and_does_not_change() -> None:
    call = HttpCall("GET", "/ok")
    assert (call.query, call.body, call.headers) == ({}, b"", {})
    with pytest.raises(AttributeError):
        call.method = "POST"


def test_two_calls_share_nothing() -> None:
    HttpCall("GET", "/a").query["x"] = "1"
    assert HttpCall("GET", "/a").query == {}


def test_an_answer_has_a_status_or_an_error() -> None:
    assert HttpAnswer(200, b"{}").error is None
    assert HttpAnswer(None, error=OutcomeUnknown("reset")).status is None


def test_the_real_transport_offers_the_protocol() -> None:
    transport = HttpTransport(
        "x", lambda: None, connections=1, timeout_s=1.0, user_agent="polybot/test"
    )
    assert unmet(Transport, transport) == []
    transport.close()
