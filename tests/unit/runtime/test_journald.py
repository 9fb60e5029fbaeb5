"""Entries as journald takes them: fields to search by, and nothing lost when it is gone."""

import io
import logging
import os
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from polybot.runtime.journald import JournaldHandler
from polybot.runtime.logs import MaskedFormatter, SecretMask
from tests.unit.runtime.test_logs import KEY, record


class Journald:
    """The receiving end of the native protocol."""

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(path))
        self.socket.settimeout(2)

    def entry(self) -> list[tuple[str, str]]:
        data, found = self.socket.recv(1 << 16), []
        while data:
            line, _, data = data.partition(b"\n")
            name, equals, value = line.partition(b"=")
            if not equals:
                (size,) = struct.unpack_from("<Q", data)
                value, data = data[8 : 8 + size], data[9 + size :]
            found.append((name.decode(), value.decode()))
        return found


@pytest.fixture
def journald(tmp_path: Path) -> Iterator[Journald]:
    made = Journald(tmp_path / "socket")
    yield made
    made.socket.close()


def handler(tmp_path: Path, stream: io.StringIO) -> JournaldHandler:
    mask = SecretMask()
    mask.add(KEY)
    fallback = logging.StreamHandler(stream)
    return JournaldHandler("trader", fallback, MaskedFormatter(mask), str(tmp_path / "socket"))


def test_an_entry_can_be_searched_by_window_and_order(tmp_path: Path, journald: Journald) -> None:
    stream = io.StringIO()
    made = handler(tmp_path, stream)
    text = "order 0xc86aed5e60: capture SELL btc-updown-15m-1795288500"
    made.handle(record(text, logging.WARNING))
    assert journald.entry() == [
        ("MESSAGE", text),
        ("PRIORITY", "4"),
        ("SYSLOG_IDENTIFIER", "polybot-trader"),
        ("POLYBOT_PROCESS", "trader"),
        ("CODE_FILE", "x.py"),
        ("CODE_LINE", "1"),
        ("POLYBOT_WINDOW", "btc-updown-15m-1795288500"),
        ("POLYBOT_ORDER", "0xc86aed5e60"),
    ]
    assert stream.getvalue() == ""
    made.close()


def test_several_lines_are_one_entry_and_secrets_are_masked(
    tmp_path: Path, journald: Journald
) -> None:
    made = handler(tmp_path, io.StringIO())
    made.handle(record(f"one\nkey {KEY}\nthree"))
    fields = dict(journald.entry())
    assert fields["MESSAGE"] == "one\nkey ***\nthree"
    assert fields["POLYBOT_PROCESS"] == "trader"
    made.close()


def test_what_journald_does_not_take_goes_to_the_stream(tmp_path: Path) -> None:
    stream = io.StringIO()
    made = handler(tmp_path, stream)
    made.handle(record("nobody listens"))
    assert stream.getvalue() == "nobody listens\n"
    listener = Journald(tmp_path / "socket")
    made.handle(record("x" * 1_000_000))
    assert len(stream.getvalue()) > 1_000_000
    # It reads no more: the process goes on, and nothing is lost.
    for number in range(2_000):
        made.handle(record(f"line {number}"))
    heard = []
    listener.socket.setblocking(False)
    while True:
        try:
            heard.append(dict(listener.entry())["MESSAGE"])
        except BlockingIOError:
            break
    written = [line for line in stream.getvalue().splitlines() if line.startswith("line ")]
    assert written
    assert sorted(heard + written) == sorted(f"line {number}" for number in range(2_000))
    listener.socket.close()
    made.close()
    os.unlink(tmp_path / "socket")
