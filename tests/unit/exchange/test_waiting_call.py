"""A command that may wait gets the one answer of a transport."""

import threading
from collections.abc import Callable

from polybot.errors import OutcomeUnknown
from polybot.exchange.http_calls import HttpAnswer, HttpCall
from polybot.exchange.waiting_call import ask


class Later:
    """Answers from another thread."""

    def send(self, call: HttpCall, done: Callable[[HttpAnswer], None]) -> None:
        threading.Timer(0.01, done, (HttpAnswer(200, call.path.encode()),)).start()

    def warm(self, path: str = "/ok") -> None:
        raise NotImplementedError


def test_the_answer_is_waited_for() -> None:
    assert ask(Later(), HttpCall("GET", "/book")).body == b"/book"


def test_a_transport_that_never_answers_is_an_unknown_outcome() -> None:
    class Silent(Later):
        def send(self, call: HttpCall, done: Callable[[HttpAnswer], None]) -> None:
            """Keep the question."""

    answer = ask(Silent(), HttpCall("GET", "/time"), timeout_s=0.05)
    assert isinstance(answer.error, OutcomeUnknown)
    assert "GET /time" in str(answer.error)
