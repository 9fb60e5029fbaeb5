import contextlib
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from polybot.errors import ProtocolError
from polybot.messages.codec import (
    COMMAND_TYPES,
    EVENT_TYPES,
    VOLATILE_TYPES,
    decode_body,
    decode_envelope,
    decode_reply,
    decode_request,
    encode,
    encode_body,
)
from polybot.messages.commands import Done, GetStatus
from polybot.messages.envelope import ENVELOPE_VERSION, Envelope, Reply, Request
from polybot.messages.safety import AlertCleared
from tests.fakes import make_envelope
from tests.story import fill_at
from tests.unit.messages.samples import MESSAGE_TYPES, required_fields, sample, travelled

CLEARED = AlertCleared(key="k", text="over")
WIRES: list[tuple[Envelope | Request | Reply, Callable[[bytes], Any]]] = [
    (make_envelope(CLEARED), decode_envelope),
    (
        Request(id="a-1", type="GetStatus", sender="a", body=encode_body(GetStatus())),
        decode_request,
    ),
    (Reply(id="a-1", type="Done", body=encode_body(Done())), decode_reply),
]
each_wire = pytest.mark.parametrize(
    ("wire", "decode"), WIRES, ids=[type(wire).__name__ for wire, _ in WIRES]
)


def fields_of(message: msgspec.Struct) -> dict[str, Any]:
    """Return a message's fields as they are on the wire."""
    fields: dict[str, Any] = msgspec.json.decode(encode_body(message))
    return fields


def body_of(fields: Any) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(fields))


@pytest.mark.parametrize("name", MESSAGE_TYPES)
def test_every_message_arrives_as_it_was_sent(name: str) -> None:
    message = sample(MESSAGE_TYPES[name])

    assert travelled(message) == message
    assert type(travelled(message)) is MESSAGE_TYPES[name]


@pytest.mark.parametrize("name", MESSAGE_TYPES)
def test_every_message_is_immutable(name: str) -> None:
    assert MESSAGE_TYPES[name].__struct_config__.frozen


@pytest.mark.parametrize(("name", "field"), required_fields())
def test_a_body_without_a_required_field_is_refused_by_name(name: str, field: str) -> None:
    fields = fields_of(sample(MESSAGE_TYPES[name]))
    del fields[field]

    with pytest.raises(ProtocolError, match=rf"expected a {name}\b.*(?s:.)*`{field}`"):
        decode_body(name, body_of(fields))


@pytest.mark.parametrize("name", MESSAGE_TYPES)
def test_a_field_of_a_later_version_is_tolerated(name: str) -> None:
    message = sample(MESSAGE_TYPES[name])
    fields = fields_of(message) | {"of_a_later_version": [1, {"x": None}]}

    assert decode_body(name, body_of(fields)) == message


@pytest.mark.parametrize("name", MESSAGE_TYPES)
def test_a_body_that_is_no_object_is_refused(name: str) -> None:
    with pytest.raises(ProtocolError, match=f"expected a {name}, was "):
        decode_body(name, body_of([1, 2]))


@pytest.mark.parametrize("name", ["AlertForgotten", "", "Market", "Envelope"])
def test_a_type_that_is_no_message_is_refused(name: str) -> None:
    with pytest.raises(ProtocolError, match=f"expected a known message type, was '{name}'"):
        decode_body(name, msgspec.Raw(b"{}"))


def test_events_and_commands_share_no_name_and_imported_types_are_neither() -> None:
    assert EVENT_TYPES.keys() & COMMAND_TYPES.keys() == set()
    assert {"Fill", "Market", "Order", "Claim"} & MESSAGE_TYPES.keys() == set()
    assert EVENT_TYPES.keys() >= VOLATILE_TYPES


@each_wire
def test_what_carries_a_message_arrives_with_its_body_unread(
    wire: Envelope | Request | Reply, decode: Callable[[bytes], Any]
) -> None:
    arrived = decode(encode(wire))

    assert msgspec.structs.replace(arrived, body=wire.body) == wire
    assert bytes(arrived.body) == bytes(wire.body)


@each_wire
def test_a_newer_version_is_refused(
    wire: Envelope | Request | Reply, decode: Callable[[bytes], Any]
) -> None:
    newer = msgspec.structs.replace(wire, v=ENVELOPE_VERSION + 1)

    with pytest.raises(ProtocolError, match="of version 1, was version 2"):
        decode(encode(newer))


@each_wire
def test_what_carries_a_message_may_have_fields_of_a_later_version(
    wire: Envelope | Request | Reply, decode: Callable[[bytes], Any]
) -> None:
    later = encode(wire)[:-1] + b',"of_a_later_version":{"x":[1]}}'

    assert msgspec.structs.replace(decode(later), body=wire.body) == wire


MISFITS = {
    "nothing": b"",
    "no JSON": b"\x00\xffgarbage",
    "cut off": encode(make_envelope(CLEARED))[:-3],
    "another shape": b'{"v":1,"id":3}',
    "text that is not UTF-8": b'{"v":1,"id":"\xff\xfe","type":"\xff\xfe"}',
    "nesting without end": b'{"v":1,"new":' + b"[" * 200_000,
}


@pytest.mark.parametrize("data", MISFITS.values(), ids=MISFITS.keys())
@pytest.mark.parametrize("decode", [decode_envelope, decode_request, decode_reply])
def test_bytes_that_do_not_fit_are_a_protocol_error(
    decode: Callable[[bytes], Any], data: bytes
) -> None:
    with pytest.raises(ProtocolError, match=r"expected an? "):
        decode(data)


def test_a_domain_value_that_breaks_its_own_rule_is_a_protocol_error() -> None:
    fields = fields_of(sample(EVENT_TYPES["FillMatched"]))
    assert fields["fill"]["size_shares"] == fill_at().size_shares
    fields["fill"]["size_shares"] = 0

    with pytest.raises(ProtocolError, match=r"expected a FillMatched(?s:.)*a size and a price"):
        decode_body("FillMatched", body_of(fields))


def test_body_text_that_is_not_utf_8_is_a_protocol_error() -> None:
    with pytest.raises(ProtocolError, match="expected a AlertCleared"):
        decode_body("AlertCleared", msgspec.Raw(b'{"key":"\xff","text":""}'))


@given(
    start=st.integers(0, len(encode(make_envelope(CLEARED)))),
    length=st.integers(0, 12),
    noise=st.binary(max_size=12),
)
def test_damage_anywhere_is_read_or_refused_but_never_another_error(
    start: int, length: int, noise: bytes
) -> None:
    data = encode(make_envelope(CLEARED))
    damaged = data[:start] + noise + data[start + length :]

    with contextlib.suppress(ProtocolError):
        envelope = decode_envelope(damaged)
        decode_body(envelope.type, envelope.body)
