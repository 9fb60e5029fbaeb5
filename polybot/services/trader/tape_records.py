"""What the trader's tape holds: the kinds of its records, and how each input is written and read.

A kind's number is never used for something else later. Retired: 6 (answers of the exchange as text
for people) and 10 (books by request, whose errors could not be told from books).
"""

import struct
from datetime import tzinfo
from typing import Any, Final, get_args
from zoneinfo import ZoneInfo

import msgspec

from polybot import errors
from polybot.domain.arming import Arming
from polybot.domain.preflight import PreflightFacts
from polybot.errors import Action, ExchangeError, MarketRefused, PolybotError, ProtocolError
from polybot.messages.codec import decode_body, decode_envelope
from polybot.messages.envelope import Envelope
from polybot.ports import (
    BookReply,
    CatalogAnswer,
    GatewayAnswer,
    StreamFrame,
)

TAPE_STREAMS: Final = {"market": 1, "user": 2, "price": 3, "rtds": 7, "binance": 8, "coinbase": 9}
TAPE_CONNECTION: Final = 4
TAPE_BUS: Final = 5
# The session: what it began with, first on its tape.
TAPE_SESSION: Final = 11
TAPE_STATE: Final = 12
# How a batch begins: the start, a turn, a command between two turns.
TAPE_START: Final = 13
TAPE_TURN: Final = 14
TAPE_COMMAND: Final = 15
# What was taken in it.
TAPE_ANSWER: Final = 16
TAPE_BOOK: Final = 17
TAPE_CATALOG: Final = 18
TAPE_PREFLIGHT: Final = 19
TAPE_ARMING: Final = 20
TAPE_ACCOUNT: Final = 21
TAPE_OVERRUN: Final = 22
# The seq of its newest event, when it had any.
TAPE_SEQ: Final = 23
# The fence: why an order was not let through, and whether nothing is left of an older epoch.
TAPE_REFUSAL: Final = 24
TAPE_CLEARED: Final = 25

RETIRED: Final = frozenset({6, 10})
BEGINS: Final = frozenset({TAPE_START, TAPE_TURN, TAPE_COMMAND})
KIND_NAMES: Final = {kind: f"{name} stream" for name, kind in TAPE_STREAMS.items()} | {
    TAPE_CONNECTION: "connection",
    TAPE_BUS: "bus",
    TAPE_SESSION: "session",
    TAPE_STATE: "state",
    TAPE_START: "start",
    TAPE_TURN: "turn",
    TAPE_COMMAND: "command",
    TAPE_ANSWER: "answer",
    TAPE_BOOK: "book by request",
    TAPE_CATALOG: "catalog",
    TAPE_PREFLIGHT: "preflight",
    TAPE_ARMING: "arming",
    TAPE_ACCOUNT: "account",
    TAPE_OVERRUN: "overrun",
    TAPE_SEQ: "events up to",
    TAPE_REFUSAL: "fence refusal",
    TAPE_CLEARED: "fence cleared",
}
STREAM_NAMES: Final = {kind: name for name, kind in TAPE_STREAMS.items()}
NUMBER: Final = struct.Struct("<q")
# Wall time, and whether the account at the exchange is known.
_BEGIN = struct.Struct("<q?")
_ANSWERS = {answer.__name__: answer for answer in get_args(GatewayAnswer)}


class Account(msgspec.Struct, frozen=True):
    """What a decision needs of the account: its API key, and whose orders they are."""

    api_key: str
    address: str
    funder: str


class ArmingLook(msgspec.Struct, frozen=True):
    """What a look at the arming found."""

    arming: Arming | None = None
    error: PolybotError | None = None


class Begin(msgspec.Struct, frozen=True):
    """How a batch begins: wall time, whether the account is known, the command if it is one."""

    wall_ns: int
    ready: bool
    command: str = ""
    body: bytes = b""


class _Error(msgspec.Struct, frozen=True, omit_defaults=True):
    kind: str
    text: str
    status: int | None = None
    code: str = ""
    action: str = ""
    retry_after_s: float = 0.0


def to_plain(value: Any) -> Any:
    """Return an error or a time zone as the tape writes it; what msgspec asks about others."""
    if isinstance(value, PolybotError):
        return _plain_error(value)
    if isinstance(value, tzinfo):
        return str(value)
    raise NotImplementedError(f"expected an error or a time zone, was {type(value).__name__}")


def from_plain(kind: type, value: Any) -> Any:
    """Return the error or time zone that was written."""
    if issubclass(kind, PolybotError):
        return _error_of(msgspec.convert(value, _Error))
    if issubclass(kind, tzinfo):
        return ZoneInfo(value)
    raise NotImplementedError(f"expected an error or a time zone, was {kind.__name__}")


_encoder = msgspec.json.Encoder(enc_hook=to_plain)


def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind, dec_hook=from_plain)


_answer_decoders = {name: _decoder(kind) for name, kind in _ANSWERS.items()}
_book_decoder = _decoder(BookReply)
_catalog_decoder = _decoder(CatalogAnswer)
_facts_decoder = _decoder(PreflightFacts)
_arming_decoder = _decoder(ArmingLook)
_account_decoder = _decoder(Account)


def encode_value(value: msgspec.Struct) -> bytes:
    """Return a value as JSON, its errors included."""
    return _encoder.encode(value)


def encode_begin(begin: Begin) -> bytes:
    """Return the bytes of a batch's begin."""
    head = _BEGIN.pack(begin.wall_ns, begin.ready)
    return head + begin.command.encode() + b"\0" + begin.body if begin.command else head


def decode_begin(data: bytes) -> Begin:
    """Return a batch's begin."""
    wall_ns, ready = _BEGIN.unpack_from(data)
    command, _, body = data[_BEGIN.size :].partition(b"\0")
    return Begin(wall_ns, ready, command.decode(), body)


def encode_answer(answer: GatewayAnswer) -> bytes:
    """Return an answer of the exchange: its type's name, then JSON."""
    return type(answer).__name__.encode() + b" " + _encoder.encode(answer)


def decode_answer(data: bytes) -> GatewayAnswer:
    """Return an answer of the exchange."""
    name, _, body = data.partition(b" ")
    answer: GatewayAnswer = _answer_decoders[name.decode()].decode(body)
    return answer


def encode_book(reply: BookReply) -> bytes:
    """Return a book by request: the token, then JSON for an error or the exact bytes."""
    if reply.error is not None:
        return b"!" + _encoder.encode(reply)
    return b"=" + reply.token_id.encode() + b" " + reply.body


def decode_book(data: bytes) -> BookReply:
    """Return a book by request."""
    if data[:1] == b"!":
        reply: BookReply = _book_decoder.decode(data[1:])
        return reply
    token_id, _, body = data[1:].partition(b" ")
    return BookReply(token_id.decode(), body)


def encode_connection(frame: StreamFrame) -> bytes:
    """Return a change of a stream's connection."""
    return f"{frame.stream} {frame.quiet_ns} {frame.state}".encode()


def decode_connection(data: bytes, mono_ns: int) -> StreamFrame:
    """Return a change of a stream's connection."""
    stream, quiet_ns, state = data.decode().split(" ", 2)
    return StreamFrame(stream, mono_ns, state=state, quiet_ns=int(quiet_ns))


def decode_bus(data: bytes) -> tuple[Envelope, Any]:
    """Return a message of another process."""
    envelope = decode_envelope(data)
    return envelope, decode_body(envelope.type, envelope.body)


def decode_catalog(data: bytes) -> CatalogAnswer:
    """Return an answer of the catalog."""
    answer: CatalogAnswer = _catalog_decoder.decode(data)
    return answer


def decode_facts(data: bytes) -> PreflightFacts:
    """Return what a preflight read."""
    facts: PreflightFacts = _facts_decoder.decode(data)
    return facts


def decode_arming(data: bytes) -> ArmingLook:
    """Return what a look at the arming found."""
    look: ArmingLook = _arming_decoder.decode(data)
    return look


def decode_account(data: bytes) -> Account:
    """Return the account."""
    account: Account = _account_decoder.decode(data)
    return account


def _plain_error(error: PolybotError) -> _Error:
    # An adapter may raise a class of its own: what it is to us is the nearest one of errors.py.
    kind = next(base.__name__ for base in type(error).__mro__ if _is_ours(base))
    if isinstance(error, ExchangeError):
        return _Error(
            kind, str(error), error.status, error.code, error.action.value, error.retry_after_s
        )
    return _Error(kind, str(error), code=error.code if isinstance(error, MarketRefused) else "")


def _is_ours(kind: type) -> bool:
    return getattr(errors, kind.__name__, None) is kind


def _error_of(plain: _Error) -> PolybotError:
    kind = getattr(errors, plain.kind, None)
    if not (isinstance(kind, type) and issubclass(kind, PolybotError)):
        raise ProtocolError(f"expected an error of polybot on the tape, was {plain.kind!r}")
    # Past the constructors, whose arguments differ: text and fields are all there is to an error.
    error = kind.__new__(kind, plain.text)
    if isinstance(error, ExchangeError):
        error.status, error.code = plain.status, plain.code
        error.action, error.retry_after_s = Action(plain.action), plain.retry_after_s
    elif isinstance(error, MarketRefused):
        error.code = plain.code
    elif isinstance(error, errors.ConfigError):
        error.problems = plain.text.split("\n")
    return error
