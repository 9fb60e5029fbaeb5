"""What an unsuccessful answer of the exchange means: a definite no, try later, or unknown."""

from typing import NamedTuple

import msgspec

from polybot.errors import (
    ExchangeError,
    NotFound,
    OutcomeUnknown,
    RateLimited,
    Rejected,
    Unauthorized,
    Unavailable,
)
from polybot.exchange import error_texts as texts

_OK = 200
_BAD_REQUEST = 400
_UNAUTHORIZED = 401
_FORBIDDEN = 403
_NOT_FOUND = 404
_TOO_EARLY = 425
_TOO_MANY = 429
_SERVER_ERROR = 500
_UNAVAILABLE = 503
_SHOWN_BYTES = 200


class ErrorBody(msgspec.Struct, kw_only=True):
    """Every shape in which the exchange words an error."""

    success: bool | None = None
    error: str | None = None
    error_msg: str | None = None
    errorMsg: str | None = None  # noqa: N815
    code: str | None = None

    @property
    def text(self) -> str:
        """Return the wording, "" when there is none."""
        return self.error or self.error_msg or self.errorMsg or ""


class _Meaning(NamedTuple):
    fragment: str
    code: str
    error: type[ExchangeError]


# The first fragment found in the text decides. "Duplicated" and a delayed match are no refusals:
# an order with this id may be alive, so the answer settles nothing and the order is looked up.
_MEANINGS = (
    _Meaning("is invalid. Duplicated", "duplicated", OutcomeUnknown),
    _Meaning(texts.MATCH_DELAYED, "match_delayed", OutcomeUnknown),
    _Meaning(texts.COULD_NOT_INSERT, "not_inserted", OutcomeUnknown),
    _Meaning("not enough balance", "not_enough_balance", Rejected),
    _Meaning("breaks minimum tick size rule", "tick_size", Rejected),
    _Meaning("lower than the minimum", "min_size", Rejected),
    _Meaning("min size: $", "min_notional", Rejected),
    _Meaning("invalid amounts", "invalid_amounts", Rejected),
    _Meaning("invalid price", "invalid_price", Rejected),
    _Meaning("FOK orders are fully filled or killed", "fok_not_filled", Rejected),
    _Meaning("no orders found to match with FAK", "fak_no_match", Rejected),
    _Meaning("order crosses book", "post_only_crosses", Rejected),
    _Meaning("invalid expiration", "invalid_expiration", Rejected),
    _Meaning("not yet ready to process", "market_not_ready", Rejected),
    _Meaning(texts.ORDER_VERSION_MISMATCH, "order_version", Rejected),
    _Meaning("invalid order version", "order_version", Rejected),
    _Meaning("Invalid Heartbeat ID", "heartbeat_id", Rejected),
    _Meaning("Invalid order payload", "invalid_payload", Rejected),
    _Meaning("Invalid orderID", "invalid_order_id", Rejected),
    _Meaning("Too many orders in payload", "too_many_orders", Rejected),
    _Meaning("address banned", "banned", Unauthorized),
    _Meaning("closed only mode", "closed_only", Rejected),
    _Meaning("invalid signature", "invalid_signature", Unauthorized),
    _Meaning("order owner has to be", "wrong_owner", Unauthorized),
    _Meaning("order signer address has to be", "wrong_signer", Unauthorized),
    _Meaning("maker address not allowed", "maker_not_allowed", Unauthorized),
)
_PAUSES = (
    _Meaning("post-only mode", "post_only", Unavailable),
    _Meaning("cancel-only", "cancel_only", Unavailable),
    _Meaning("Trading is currently disabled", "disabled", Unavailable),
)


def _read(body: bytes) -> ErrorBody | None:
    try:
        return msgspec.json.decode(body, type=ErrorBody)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _shown(body: bytes) -> str:
    return body[:_SHOWN_BYTES].decode("utf-8", "replace")


def _found(meanings: tuple[_Meaning, ...], text: str) -> _Meaning | None:
    return next((meaning for meaning in meanings if meaning.fragment in text), None)


def _seconds(retry_after: str) -> float:
    return float(retry_after) if retry_after.isdecimal() else 0.0


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
    by_status = _by_status(status, message, _seconds(retry_after))
    if by_status is not None:
        return by_status
    if status == _UNAVAILABLE:
        return _paused(message, readable=bool(text))
    if not text or status >= _SERVER_ERROR:
        return OutcomeUnknown(message, status=status, code="server" if text else "unreadable")
    return _by_text(status, text)


def _by_status(status: int, message: str, retry_after_s: float) -> ExchangeError | None:
    """Return the error of a status that means the same with any body."""
    if status == _UNAUTHORIZED:
        return Unauthorized(message, status=status, code="unauthorized")
    if status == _TOO_EARLY:
        return Unavailable(message, status=status, code="restarting")
    if status == _TOO_MANY:
        return RateLimited(message, status=status, retry_after_s=retry_after_s)
    return None


def _paused(message: str, *, readable: bool) -> ExchangeError:
    meaning = _found(_PAUSES, message) if readable else None
    if meaning is None:
        return OutcomeUnknown(message, status=_UNAVAILABLE, code="server")
    return meaning.error(message, status=_UNAVAILABLE, code=meaning.code)


def _by_text(status: int, text: str) -> ExchangeError:
    meaning = _found(_MEANINGS, text)
    if meaning is not None:
        return meaning.error(text, status=status, code=meaning.code)
    if status == _FORBIDDEN:
        return Unauthorized(text, status=status, code="forbidden")
    if status == _NOT_FOUND:
        return NotFound(text, status=status, code="not_found")
    if status == _OK or status >= _BAD_REQUEST:
        return Rejected(text, status=status, code="rejected")
    return OutcomeUnknown(text, status=status, code="unreadable")


def should_retry(error: ExchangeError, *, idempotent: bool = False) -> bool:
    """Say whether the same request may be sent again, after a pause.

    Order posting is never `idempotent`; reads and cancels are.
    """
    if isinstance(error, RateLimited | Unavailable):
        return True
    return idempotent and isinstance(error, OutcomeUnknown)
