"""One request over a transport by somebody who may wait for it: a person's command."""

import queue

from polybot.exchange.http_calls import HttpAnswer, HttpCall, Transport


def ask(transport: Transport, call: HttpCall) -> HttpAnswer:
    """Send a request and wait for its answer, which a transport always gives, if only an error."""
    answers: queue.SimpleQueue[HttpAnswer] = queue.SimpleQueue()
    transport.send(call, answers.put)
    return answers.get()
