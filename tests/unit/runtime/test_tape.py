import subprocess
import sys
import time
from pathlib import Path

import pytest

from polybot.errors import StorageError
from polybot.runtime.tape import TapeSettings, TapeWriter, list_tapes, session_of
from polybot.runtime.tape_format import BATCH_END, COUNT, GAP, TapeFrame, TapeReader

BOOK, TIMER = 1, 2
SECOND = 1_000_000_000


def read(directory: Path, session: str = "") -> list[TapeFrame]:
    return [frame for path in list_tapes(directory, session) for frame in TapeReader(path)]


def test_inputs_come_back_in_order_with_their_times_and_batches(tmp_path: Path) -> None:
    tape = TapeWriter(tmp_path / "tape", "s1")
    tape.record(BOOK, 10, 1000, b"a book")
    tape.record(TIMER, 11, 1001, b"")
    tape.end_batch(12, 1002)
    tape.record(BOOK, 13, 1003, b"another")
    tape.close()
    assert read(tmp_path / "tape") == [
        TapeFrame(BOOK, 10, 1000, b"a book"),
        TapeFrame(TIMER, 11, 1001, b""),
        TapeFrame(BATCH_END, 12, 1002),
        TapeFrame(BOOK, 13, 1003, b"another"),
    ]


def test_a_turn_without_inputs_leaves_no_mark(tmp_path: Path) -> None:
    tape = TapeWriter(tmp_path, "s1")
    for moment in range(100):
        tape.end_batch(moment * SECOND, 0)
    tape.close()
    assert read(tmp_path) == []


KILLED_AFTER_A_FLUSH = """
import os, sys, time
from pathlib import Path
from polybot.runtime.tape import TapeWriter, list_tapes

directory = Path(sys.argv[1])
tape = TapeWriter(directory, "s1")
tape.record(1, 0, 0, b"old enough to be handed over")
tape.end_batch(600_000_000, 0)
while not list_tapes(directory) or not list_tapes(directory)[0].stat().st_size:
    time.sleep(0.01)
tape.record(1, 600_000_001, 0, b"younger than half a second")
tape.end_batch(600_000_002, 0)
os.kill(os.getpid(), 9)
"""


def test_a_killed_process_loses_half_a_second_of_tape_at_most(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", KILLED_AFTER_A_FLUSH, str(tmp_path)], check=False)
    assert [frame.data for frame in read(tmp_path)] == [b"old enough to be handed over", b""]


def test_files_rotate_by_size_and_the_oldest_go_above_the_cap(tmp_path: Path) -> None:
    settings = TapeSettings(
        rotate_bytes=4000, total_bytes=20_000, block_bytes=1000, waiting_blocks=10_000
    )
    tape = TapeWriter(tmp_path, "s1", settings)
    for number in range(3000):
        noise = bytes((number * 7919 + k * k * 31) % 256 for k in range(100))
        tape.record(BOOK, number, number, noise)
        tape.end_batch(number, number)
    tape.close()
    sizes = [path.stat().st_size for path in list_tapes(tmp_path)]
    assert len(sizes) > 2
    assert sum(sizes) <= 20_000
    frames = read(tmp_path)
    assert frames[-1] == TapeFrame(BATCH_END, 2999, 2999)
    assert frames[0].mono_ns > 0


def test_every_session_has_files_of_its_own_and_the_cap_counts_all(tmp_path: Path) -> None:
    settings = TapeSettings(total_bytes=70)
    for session in ("s1", "s2", "s3"):
        tape = TapeWriter(tmp_path, session, settings)
        tape.record(BOOK, 1, 1, session.encode())
        tape.close()
    assert [frame.data for frame in read(tmp_path, "s3")] == [b"s3"]
    assert [path.name for path in list_tapes(tmp_path)] == [
        "tape-00000002-s2.zst",
        "tape-00000003-s3.zst",
    ]


def test_a_block_that_finds_no_room_is_dropped_counted_and_marked(tmp_path: Path) -> None:
    # Compressing two megabytes takes the thread longer than recording them.
    settings = TapeSettings(block_bytes=1, waiting_blocks=1)
    tape = TapeWriter(tmp_path, "s1", settings)
    payload = bytes(range(256)) * 8192
    for number in range(200):
        tape.record(BOOK, number, number, payload)
        tape.end_batch(number, number)
    tape.close()
    frames = read(tmp_path)
    gaps = sum(COUNT.unpack(frame.data)[0] for frame in frames if frame.kind == GAP)
    kept = sum(frame.kind != GAP for frame in frames)
    assert tape.dropped > 0
    assert gaps == tape.dropped
    assert kept + tape.dropped == 400


def test_a_disk_that_refuses_leaves_a_marked_hole_and_stops_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    directory = tmp_path / "tape"
    tape = TapeWriter(directory, "s1", TapeSettings(block_bytes=1, waiting_blocks=100))
    directory.rmdir()
    tape.record(BOOK, 1, 1, b"lost")
    tape.end_batch(1, 1)
    while not tape.dropped:
        time.sleep(0.001)
    directory.mkdir()
    tape.record(BOOK, 2, 2, b"kept")
    tape.close()
    assert read(directory) == [TapeFrame(GAP, 2, 2, COUNT.pack(2)), TapeFrame(BOOK, 2, 2, b"kept")]
    assert "the tape has a hole" in caplog.text


def test_a_directory_that_cannot_be_made_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError):
        TapeWriter(tmp_path / "file" / "tape", "s1")


def test_what_is_flushed_survives_a_kill_at_once(tmp_path: Path) -> None:
    tape = TapeWriter(tmp_path, "s1")
    tape.flush()
    tape.record(BOOK, 1, 1, b"young")
    tape.end_batch(1, 1)
    tape.flush()
    deadline = time.monotonic() + 10
    while not read(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert [frame.data for frame in read(tmp_path)] == [b"young", b""]
    tape.close()


def test_a_file_s_name_tells_its_session(tmp_path: Path) -> None:
    tape = TapeWriter(tmp_path, "3f9a1c22b0d4")
    tape.record(BOOK, 1, 1, b"")
    tape.close()
    (path,) = list_tapes(tmp_path)
    assert session_of(path) == "3f9a1c22b0d4"
