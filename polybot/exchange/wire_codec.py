"""Encoding and decoding of the exchange's JSON: numbers stay exact, frames are one or many."""

from collections.abc import Iterable
from typing import Any, Final, Generic, TypeVar

import msgspec

from polybot.errors import ProtocolError

Wire = TypeVar("Wire")

# A Decimal travels as a JSON number, digit for digit, as the exchange writes its numbers.
_ENCODER: Final = msgspec.json.Encoder(decimal_format="number")
_PONG: Final = ("PONG", b"PONG")
_SHOWN: Final = 200


def encode(value: object) -> bytes:
    """Return a value as compact JSON, keys in the order of its fields."""
    return _ENCODER.encode(value)


def decode(data: bytes | str, wanted: type[Wire]) -> Wire:
    """Read JSON as a type; ProtocolError when it does not fit."""
    try:
        return msgspec.json.decode(data, type=wanted)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ProtocolError(f"expected {wanted}, was {data[:_SHOWN]!r}: {error}") from error


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
