import msgspec
import pytest

from polybot.messages.codec import decode_envelope, decode_reply, encode
from polybot.messages.envelope import ENVELOPE_VERSION, Envelope, Reply, Request
from polybot.messages.safety import AlertCleared
from tests.fakes import make_envelope
from tests.unit.messages.samples import BIG, sample


def test_an_envelope_of_ours_has_our_version() -> None:
    [version] = {
        wire.v
        for wire in (
            make_envelope(AlertCleared(key="", text="")),
            Request(id="", type="", sender="", body=msgspec.Raw(b"{}")),
            Reply(id=""),
        )
    }
    assert version == ENVELOPE_VERSION == 1


def test_the_body_stays_the_bytes_it_came_in() -> None:
    data = (
        b'{"v":1,"type":"T","source":"s","session":"x","seq":1,"durable":true,'
        b'"ts_event":1,"ts_init":2,"body":{ "a" : 1.50 , "b":"\\u00fc" }}'
    )

    assert bytes(decode_envelope(data).body) == b'{ "a" : 1.50 , "b":"\\u00fc" }'


def test_times_and_numbers_are_exact_to_the_nanosecond() -> None:
    envelope = make_envelope(sample(AlertCleared), seq=BIG, ts_event=BIG + 2)
    arrived = decode_envelope(encode(envelope))

    assert (arrived.seq, arrived.ts_event) == (BIG, BIG + 2)


def test_what_nobody_asked_for_belongs_to_no_request() -> None:
    envelope = make_envelope(AlertCleared(key="", text=""))

    assert envelope.correlation_id == ""


def test_an_envelope_cannot_be_changed_after_it_was_made() -> None:
    envelope = make_envelope(AlertCleared(key="", text=""))

    with pytest.raises(AttributeError, match="immutable"):
        envelope.seq = 2


def test_a_reply_with_an_error_carries_no_message() -> None:
    refused = decode_reply(encode(Reply(id="a-1", error="expected x, was y")))

    assert (refused.type, bytes(refused.body)) == ("", b"null")


def test_every_field_but_version_and_correlation_must_be_said() -> None:
    with pytest.raises(TypeError, match="source"):
        Envelope(
            type="T", session="", seq=1, durable=True, ts_event=0, ts_init=0, body=msgspec.Raw(b"")
        )
