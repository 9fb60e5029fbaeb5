from collections.abc import Callable

from polybot.adapters.rest_books import RestBooks
from polybot.errors import NotFound, OutcomeUnknown
from polybot.exchange.http_calls import HttpAnswer, HttpCall
from polybot.ports import BookReply


class Canned:
    """A transport that answers at once with what a test put in."""

    def __init__(self, answer: HttpAnswer) -> None:
        self.answer = answer
        self.calls: list[HttpCall] = []

    def send(self, call: HttpCall, done: Callable[[HttpAnswer], None]) -> None:
        self.calls.append(call)
        done(self.answer)

    def warm(self, path: str = "/ok") -> None:
        raise AssertionError("reading books keeps nothing warm")


def ask(answer: HttpAnswer) -> tuple[BookReply, Canned]:
    woken: list[int] = []
    transport = Canned(answer)
    books = RestBooks(transport, wake=lambda: woken.append(1))
    books.request("7")
    assert woken == [1]
    (reply,) = books.take()
    assert books.take() == []
    return reply, transport


def test_the_answer_is_handed_over_byte_for_byte() -> None:
    reply, transport = ask(HttpAnswer(200, b'{"asset_id":"7"}'))
    assert reply == BookReply("7", b'{"asset_id":"7"}')
    assert transport.calls == [HttpCall("GET", "/book", {"token_id": "7"})]


def test_no_book_and_no_answer_are_typed_errors() -> None:
    missing, _ = ask(HttpAnswer(404, b'{"error":"No orderbook exists for the requested token id"}'))
    assert isinstance(missing.error, NotFound)
    lost = OutcomeUnknown("no answer")
    assert ask(HttpAnswer(None, error=lost))[0] == BookReply("7", error=lost)
