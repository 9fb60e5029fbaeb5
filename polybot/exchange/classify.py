"""What an unsuccessful answer of the exchange means: a definite no, try later, or unknown."""

import msgspec

from polybot.errors import Action, ExchangeError, OutcomeUnknown, RateLimited, Unavailable
from polybot.exchange.meanings import (
    BY_STATUS,
    FORBIDDEN,
    MEANINGS,
    NOT_FOUND,
    PAUSES,
    REFUSED,
    SERVER,
    UNREADABLE,
    Meaning,
)

_OK = 200
_BAD_REQUEST = 400
_FORBIDDEN = 403
_NOT_FOUND = 404
_SERVER_ERROR = 500
_UNAVAILABLE = 503
_SHOWN_BYTES = 200
# A wish for more patience than this is not believed.
_LONGEST_WAIT_S = 600.0

__all__ = ["Action", "classify", "should_retry"]


class ErrorBody(msgspec.Struct, kw_only=True):
    """Every shape in which the exchange words an error."""

    success: bool | None = None
    error: str | None = None
    error_msg: str | None = None
    errorMsg: str | None = None  # noqa: N815
    code: str | None = None
    retry_after_seconds: float | None = None

    @property
    def text(self) -> str:
        """Return the wording, "" when there is none."""
        return self.error or self.error_msg or self.errorMsg or ""


# Prepared before any thread needs it: see `wire_codec.decode`.
_ERROR_BODY = msgspec.json.Decoder(ErrorBody)


def _read(body: bytes) -> ErrorBody | None:
    try:
        return _ERROR_BODY.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _shown(body: bytes) -> str:
    return body[:_SHOWN_BYTES].decode("utf-8", "replace")


def _found(meanings: tuple[Meaning, ...], text: str) -> Meaning | None:
    return next((meaning for meaning in meanings if meaning.fragment in text), None)


def _wait_s(header: str, answer: ErrorBody | None) -> float:
    """Return how long the exchange asks to wait, by its header or else by its body."""
    if header.isdecimal() and header.isascii():
        return min(float(header), _LONGEST_WAIT_S)
    told = answer.retry_after_seconds if answer else None
    return min(max(told or 0.0, 0.0), _LONGEST_WAIT_S)


def classify(status: int | None, body: bytes, *, retry_after: str = "") -> ExchangeError:
    """Turn an answer that is not the wanted one into the error to raise.

    `status` is None when there was no answer. `retry_after` is that header's text. An answer that
    cannot be read, a 5xx and no answer at all are OutcomeUnknown: whatever was asked for may have
    been done. For a mere read the caller may ask again (`should_retry(error, idempotent=True)`).
    """
    if status is None:
        return OutcomeUnknown("expected an answer, was none", status=None, code="no_answer")
    answer = _read(body)
    text = answer.text if answer else ""
    message = text or f"HTTP {status}: {_shown(body)}"
    meaning = _meaning(status, text)
    wait_s = _wait_s(retry_after, answer)
    if meaning.error is RateLimited:
        return RateLimited(message, status=status, retry_after_s=wait_s)
    return meaning.error(
        message, status=status, code=meaning.code, action=meaning.action, retry_after_s=wait_s
    )


def _meaning(status: int, text: str) -> Meaning:
    by_status = BY_STATUS.get(status)
    if by_status is not None:
        return by_status
    if status == _UNAVAILABLE:
        return (_found(PAUSES, text) if text else None) or SERVER
    if not text:
        return UNREADABLE
    return SERVER if status >= _SERVER_ERROR else _by_text(status, text)


def _by_text(status: int, text: str) -> Meaning:
    meaning = _found(MEANINGS, text)
    if meaning is not None:
        return meaning
    if status == _FORBIDDEN:
        return FORBIDDEN
    if status == _NOT_FOUND:
        return NOT_FOUND
    return REFUSED if status == _OK or status >= _BAD_REQUEST else UNREADABLE


def should_retry(error: ExchangeError, *, idempotent: bool = False) -> bool:
    """Say whether the same request may be sent again, after a pause.

    Order posting is never `idempotent`; reads and cancels are.
    """
    if isinstance(error, RateLimited | Unavailable):
        return True
    return idempotent and isinstance(error, OutcomeUnknown)
