"""Encoding and decoding of the exchange's JSON: numbers stay exact, frames are one or many."""

import threading
from collections.abc import Iterable
from functools import cache
from typing import Any, Final, Generic, TypeVar

import msgspec

from polybot.errors import ProtocolError

Wire = TypeVar("Wire")

# A Decimal travels as a JSON number, digit for digit, as the exchange writes its numbers.
_ENCODER: Final = msgspec.json.Encoder(decimal_format="number")
_PONG: Final = ("PONG", b"PONG")
_SHOWN: Final = 200
# msgspec prepares a type at its first use. Two threads that do so at once crash the process
# (a segmentation fault, seen when two answers of the catalog came together at a start).
_PREPARING: Final = threading.Lock()


def encode(value: object) -> bytes:
    """Return a value as compact JSON, keys in the order of its fields."""
    return _ENCODER.encode(value)


def decode(data: bytes | str, wanted: type[Wire]) -> Wire:
    """Read JSON as a type, from any thread; ProtocolError when it does not fit."""
    with _PREPARING:
        decoder = _decoder_of(wanted)  # type: ignore[arg-type] # every type has a hash
    try:
        read: Wire = decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ProtocolError(f"expected {wanted}, was {data[:_SHOWN]!r}: {error}") from error
    return read


@cache
def _decoder_of(wanted: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(wanted)


def string_array(values: Iterable[str]) -> str:
    """Write an array of strings as Gamma does: JSON inside a string, a blank after each comma."""
    quoted = (msgspec.json.encode(value).decode() for value in values)
    return f"[{', '.join(quoted)}]"


def read_string_array(text: str) -> list[str]:
    """Read such an array; "" is an empty one. Raises ProtocolError when it is something else."""
    return decode(text, list[str]) if text else []


class FrameDecoder(Generic[Wire]):
    """Decode websocket frames that hold one event or an array of them; never raises.

    What cannot be read is left out and counted in `refused`, with the newest reason in
    `last_refusal`: the owner logs it now and then, and reconciles where no event may be missed.
    """

    def __init__(self, event: Any) -> None:
        self._frame: msgspec.json.Decoder[list[Wire] | Wire] = msgspec.json.Decoder(
            list[event] | event
        )
        self._event: msgspec.json.Decoder[Wire] = msgspec.json.Decoder(event)
        self._parts = msgspec.json.Decoder(list[msgspec.Raw])
        self.refused = 0
        self.last_refusal = ""

    def decode(self, data: bytes | str) -> list[Wire]:
        """Return the events of a frame in order; a PONG has none."""
        if data in _PONG:
            return []
        try:
            frame = self._frame.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            return self._salvage(data, str(error))
        return frame if isinstance(frame, list) else [frame]

    def _salvage(self, data: bytes | str, reason: str) -> list[Wire]:
        """Return the readable events of a frame that is not readable as a whole."""
        try:
            parts = self._parts.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError):
            self._refuse(reason)
            return []
        events = []
        for part in parts:
            try:
                events.append(self._event.decode(part))
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                self._refuse(str(error))
        return events

    def _refuse(self, reason: str) -> None:
        self.refused += 1
        self.last_refusal = reason
