import subprocess
import sys
from decimal import Decimal

import msgspec
import pytest

from polybot.errors import ProtocolError
from polybot.exchange.wire_codec import (
    FrameDecoder,
    decode,
    encode,
    read_string_array,
    string_array,
)


class Up(msgspec.Struct, tag_field="event_type", tag="up"):
    size: int


class Down(msgspec.Struct, tag_field="event_type", tag="down"):
    size: int


def test_decimals_travel_as_numbers_digit_for_digit() -> None:
    assert (
        encode({"tick": Decimal("0.010"), "fee": Decimal("0.07")}) == b'{"tick":0.010,"fee":0.07}'
    )
    assert decode(b"0.072", Decimal) == Decimal("0.072")


def test_what_does_not_fit_is_refused_with_what_it_was() -> None:
    with pytest.raises(ProtocolError, match="was b'\\[1\\]'"):
        decode(b"[1]", dict)
    with pytest.raises(ProtocolError):
        decode(b"\xff", str)


def test_an_array_in_a_string_is_spelled_as_gamma_spells_it() -> None:
    assert string_array(["Up", "Down"]) == '["Up", "Down"]'
    assert string_array([]) == "[]"
    assert read_string_array('["Up", "Down"]') == ["Up", "Down"]
    assert read_string_array(string_array(['say "Up"', "ä"])) == ['say "Up"', "ä"]
    assert read_string_array("") == []
    with pytest.raises(ProtocolError):
        read_string_array("Up, Down")


@pytest.fixture
def frames() -> FrameDecoder[Up | Down]:
    return FrameDecoder(Up | Down)


@pytest.mark.parametrize(
    ("frame", "events"),
    [
        (b'{"event_type":"up","size":1}', [Up(1)]),
        ('{"size":1,"event_type":"up","more":{}}', [Up(1)]),
        (b'[{"event_type":"up","size":1},{"event_type":"down","size":2}]', [Up(1), Down(2)]),
        (b"[]", []),
        ("PONG", []),
        (b"PONG", []),
    ],
)
def test_a_frame_is_one_event_an_array_of_them_or_a_pong(
    frames: FrameDecoder[Up | Down], frame: bytes | str, events: list[Up | Down]
) -> None:
    assert frames.decode(frame) == events
    assert frames.refused == 0


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"{",
        b"null",
        b"7",
        "INVALID OPERATION",
        b'{"event_type":"new"}',
        b'{"size":1}',
        b"\xff",
    ],
)
def test_an_unreadable_frame_is_counted_and_never_fatal(
    frames: FrameDecoder[Up | Down], frame: bytes | str
) -> None:
    assert frames.decode(frame) == []
    assert frames.refused == 1
    assert frames.last_refusal


def test_unreadable_events_do_not_spoil_their_neighbors(frames: FrameDecoder[Up | Down]) -> None:
    frame = (
        b'[{"event_type":"up","size":1},{"event_type":"new"},{"event_type":"up","size":"x"},'
        b'{"event_type":"down","size":2}]'
    )
    assert frames.decode(frame) == [Up(1), Down(2)]
    assert frames.refused == 2
    assert "size" in frames.last_refusal


FIRST_USE = """
import sys, threading
sys.setswitchinterval(1e-6)
from polybot.exchange.wire_codec import decode
from polybot.exchange.wire_gamma import GammaEvent

together = threading.Barrier(8)
read = []

def answer():
    together.wait()
    read.append(decode(b'{"id": "1", "slug": "a", "markets": []}', GammaEvent).slug)

threads = [threading.Thread(target=answer) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(len(read))
"""


@pytest.mark.parametrize("attempt", range(6))
def test_threads_may_read_a_type_for_the_first_time_together(attempt: int) -> None:
    """Hold off a crash inside msgspec: without the lock about every second process dies of it."""
    del attempt
    done = subprocess.run(
        [sys.executable, "-c", FIRST_USE], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout.strip()) == (0, "8"), done.stderr
