"""One request over a transport by somebody who may wait for it: a person's command."""

import queue

from polybot.errors import OutcomeUnknown
from polybot.exchange.http_calls import HttpAnswer, HttpCall, Transport

# Longer than any transport's own deadline: looking up a host's name has none.
PATIENCE_S = 60.0


def ask(transport: Transport, call: HttpCall, *, timeout_s: float = PATIENCE_S) -> HttpAnswer:
    """Send a request and wait for its answer, or for one that says that there was none."""
    answers: queue.SimpleQueue[HttpAnswer] = queue.SimpleQueue()
    transport.send(call, answers.put)
    try:
        return answers.get(timeout=timeout_s)
    except queue.Empty:
        message = f"{call.method} {call.path}: no answer within {timeout_s:g} s"
        return HttpAnswer(None, error=OutcomeUnknown(message, code="no_answer"))
