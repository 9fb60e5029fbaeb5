"""What an answer of the exchange is worth: its body, its value, or the error it stands for."""

from typing import Final, TypeVar

from polybot.errors import OutcomeUnknown, ProtocolError
from polybot.exchange.classify import classify
from polybot.exchange.http_calls import HttpAnswer
from polybot.exchange.wire_codec import decode

OK: Final = 200

Wire = TypeVar("Wire")


def body_of(answer: HttpAnswer) -> bytes:
    """Return the body of a good answer; raises the typed ExchangeError of any other."""
    if answer.error is not None:
        raise answer.error
    if answer.status != OK:
        raise classify(answer.status, answer.body, retry_after=answer.retry_after)
    return answer.body


def outcome_of(answer: HttpAnswer, wanted: type[Wire]) -> Wire:
    """Return what a good answer to an order or a cancel says; raises ExchangeError.

    An answer with status 200 that cannot be read leaves the outcome unknown.
    """
    body = body_of(answer)
    try:
        return decode(body, wanted)
    except ProtocolError as error:
        raise OutcomeUnknown(str(error), status=answer.status, code="unreadable") from error
