"""Encode and decode what travels on the bus; anything that does not fit is a ProtocolError."""

from typing import Any

import msgspec

from polybot.errors import DomainError, ProtocolError
from polybot.messages import commands, learning, lifecycle, safety, tracking, trading
from polybot.messages.envelope import ENVELOPE_VERSION, Envelope, Reply, Request


def _structs_of(module: Any) -> dict[str, type[msgspec.Struct]]:
    return {
        name: value
        for name, value in vars(module).items()
        if isinstance(value, type)
        and issubclass(value, msgspec.Struct)
        and value.__module__ == module.__name__
    }


EVENT_TYPES: dict[str, type[msgspec.Struct]] = {
    name: struct
    for module in (lifecycle, trading, safety, tracking, learning)
    for name, struct in _structs_of(module).items()
}
COMMAND_TYPES: dict[str, type[msgspec.Struct]] = _structs_of(commands)
VOLATILE_TYPES = frozenset({"Heartbeat", "MarketTimeChanged"})

# What a decoder raises for bytes that do not fit: besides msgspec's own errors those of a domain
# value's own check, of text that is not UTF-8 and of nesting without end.
_MISFITS = (msgspec.MsgspecError, DomainError, UnicodeDecodeError, RecursionError)

_ALL_TYPES = EVENT_TYPES | COMMAND_TYPES
_encoder = msgspec.json.Encoder()
_body_decoders = {name: msgspec.json.Decoder(struct) for name, struct in _ALL_TYPES.items()}
_envelope_decoder = msgspec.json.Decoder(Envelope)
_request_decoder = msgspec.json.Decoder(Request)
_reply_decoder = msgspec.json.Decoder(Reply)


def encode_body(message: msgspec.Struct) -> msgspec.Raw:
    """Encode a message's own fields as JSON."""
    return msgspec.Raw(_encoder.encode(message))


def encode(wire: Envelope | Request | Reply) -> bytes:
    """Encode an envelope, request or reply as JSON bytes."""
    return _encoder.encode(wire)


def decode_body(message_type: str, body: msgspec.Raw) -> Any:
    """Decode a body by its type name; raises ProtocolError for an unknown type or a wrong shape."""
    decoder = _body_decoders.get(message_type)
    if decoder is None:
        message = f"expected a known message type, was {message_type!r}"
        raise ProtocolError(message)
    try:
        return decoder.decode(body)
    except _MISFITS as error:
        message = f"expected a {message_type}, was {bytes(body)[:200]!r}: {error}"
        raise ProtocolError(message) from error


def _decode(decoder: msgspec.json.Decoder[Any], data: bytes, what: str) -> Any:
    try:
        wire = decoder.decode(data)
    except _MISFITS as error:
        message = f"expected {what}, was {data[:200]!r}: {error}"
        raise ProtocolError(message) from error
    if wire.v != ENVELOPE_VERSION:
        message = f"expected {what} of version {ENVELOPE_VERSION}, was version {wire.v}"
        raise ProtocolError(message)
    return wire


def decode_envelope(data: bytes) -> Envelope:
    """Decode an envelope; its body stays undecoded until `decode_body`."""
    envelope: Envelope = _decode(_envelope_decoder, data, "an envelope")
    return envelope


def decode_request(data: bytes) -> Request:
    """Decode an rpc request."""
    request: Request = _decode(_request_decoder, data, "a request")
    return request


def decode_reply(data: bytes) -> Reply:
    """Decode an rpc reply."""
    reply: Reply = _decode(_reply_decoder, data, "a reply")
    return reply
