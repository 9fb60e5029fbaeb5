"""An answer is a body, a value, or a typed error; what cannot be read is never a no."""

import pytest

from polybot.errors import NotFound, OutcomeUnknown, ProtocolError, RateLimited
from polybot.exchange.answers import body_of, outcome_of
from polybot.exchange.http_calls import HttpAnswer
from polybot.exchange.wire_cancels import CancelAnswer
from polybot.exchange.wire_codec import decode


def test_a_good_answer_is_its_body() -> None:
    assert body_of(HttpAnswer(200, b"1700000000")) == b"1700000000"


def test_the_error_of_a_transport_is_raised_as_it_is() -> None:
    lost = OutcomeUnknown("reset", code="no_answer")
    with pytest.raises(OutcomeUnknown) as raised:
        body_of(HttpAnswer(None, error=lost))
    assert raised.value is lost


def test_a_refusal_is_raised_by_its_meaning_and_keeps_the_wait_it_asks_for() -> None:
    with pytest.raises(RateLimited) as raised:
        body_of(HttpAnswer(429, b"", retry_after="7"))
    assert raised.value.retry_after_s == 7
    with pytest.raises(NotFound):
        body_of(HttpAnswer(404, b'{"error": "order not found"}'))


def test_no_answer_at_all_leaves_the_outcome_unknown() -> None:
    with pytest.raises(OutcomeUnknown):
        body_of(HttpAnswer(None))


def test_an_outcome_is_read_from_a_good_answer() -> None:
    told = outcome_of(HttpAnswer(200, b'{"canceled": ["0xa"], "not_canceled": {}}'), CancelAnswer)
    assert list(told.canceled) == ["0xa"]


def test_an_outcome_that_cannot_be_read_is_unknown_and_not_a_protocol_error() -> None:
    page = b"<html>bad gateway</html>"
    with pytest.raises(ProtocolError):
        decode(page, CancelAnswer)
    with pytest.raises(OutcomeUnknown) as raised:
        outcome_of(HttpAnswer(200, page), CancelAnswer)
    assert (raised.value.code, raised.value.status) == ("unreadable", 200)
