"""A session's tape is read batch by batch; what it lacks is said, and where it cannot go on."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from polybot.bootstrap.replay.tape import Batch, Hole, SessionTape
from polybot.errors import ProtocolError, StorageError
from polybot.runtime.tape import TapeSettings, TapeWriter, list_tapes
from polybot.services.trader.restore import restore
from polybot.services.trader.tape_records import (
    NUMBER,
    TAPE_BUS,
    TAPE_COMMAND,
    TAPE_OVERRUN,
    TAPE_SEQ,
    TAPE_SESSION,
    TAPE_STATE,
    TAPE_TURN,
    Begin,
    encode_begin,
    encode_value,
)
from polybot.services.trader.taped_session import SEGMENTS, SessionRecord, tape_session
from tests.unit.services.trader.whole_trader import SETTINGS

RECORD = SessionRecord(
    program="1",
    session="s1",
    mono_ns=5,
    wall_ns=7,
    last_seq=3,
    market_time=SEGMENTS,
    settings=SETTINGS,
    agents=(),
    prices=(),
    needs_arming=False,
)


def taped(
    directory: Path, write: Callable[[TapeWriter], None], settings: TapeSettings | None = None
) -> None:
    writer = TapeWriter(directory, "s1", settings)
    write(writer)
    writer.close()


def begin(writer: TapeWriter) -> None:
    tape_session(writer, RECORD, restore(0, None, ()))


def turn(writer: TapeWriter, wall_ns: int, *, ends: bool = True) -> None:
    writer.record(TAPE_TURN, wall_ns, 0, encode_begin(Begin(wall_ns, ready=True)))
    writer.record(TAPE_BUS, wall_ns, 0, b"news")
    if ends:
        writer.end_batch(wall_ns, 0)


def batches(directory: Path) -> list[Batch | Hole]:
    return list(SessionTape(directory, "s1").batches())


def test_a_tape_tells_how_the_session_began_and_each_batch(tmp_path: Path) -> None:
    def write(writer: TapeWriter) -> None:
        begin(writer)
        turn(writer, 10, ends=False)
        writer.record(TAPE_OVERRUN, 10, 0, NUMBER.pack(99))
        writer.record(TAPE_SEQ, 10, 0, NUMBER.pack(12))
        writer.end_batch(10, 0)
        command = Begin(20, ready=False, command="HaltTrading", body=b"{}")
        writer.record(TAPE_COMMAND, 20, 0, encode_begin(command))
        writer.end_batch(20, 0)

    taped(tmp_path, write)
    tape = SessionTape(tmp_path, "s1")
    assert tape.record == msgspec.structs.replace(RECORD, settings=tape.record.settings)
    assert tape.record.settings.limits == SETTINGS.limits
    assert str(tape.record.settings.zone) == "UTC"
    assert restore(3, tape.state, ()).state.orders == {}
    first, second = tape.batches()
    assert isinstance(first, Batch)
    assert isinstance(second, Batch)
    assert (first.number, first.kind, first.begin) == (1, TAPE_TURN, Begin(10, ready=True))
    assert (first.seq, first.overrun_ns, first.ended) == (12, 99, True)
    assert [frame.data for frame in first.frames] == [b"news"]
    assert second.begin == Begin(20, ready=False, command="HaltTrading", body=b"{}")


def test_a_turn_without_an_end_before_the_next_one_failed(tmp_path: Path) -> None:
    def write(writer: TapeWriter) -> None:
        begin(writer)
        turn(writer, 10, ends=False)
        turn(writer, 20)

    taped(tmp_path, write)
    assert [b.ended for b in batches(tmp_path) if isinstance(b, Batch)] == [False, True]


def test_the_last_turn_counts_only_with_its_end(tmp_path: Path) -> None:
    def write(writer: TapeWriter) -> None:
        begin(writer)
        turn(writer, 10)
        turn(writer, 20, ends=False)

    taped(tmp_path, write)
    assert len(batches(tmp_path)) == 1


def test_a_block_that_a_kill_tore_ends_the_tape_without_a_word(tmp_path: Path) -> None:
    def write(writer: TapeWriter) -> None:
        begin(writer)
        writer.flush()
        turn(writer, 10)
        writer.flush()
        turn(writer, 20)

    taped(tmp_path, write)
    (path,) = list_tapes(tmp_path)
    path.write_bytes(path.read_bytes()[:-3])
    assert [b.begin.wall_ns for b in batches(tmp_path) if isinstance(b, Batch)] == [10]
    assert not [b for b in batches(tmp_path) if isinstance(b, Hole)]


def test_damage_before_the_last_file_is_a_hole(tmp_path: Path) -> None:
    def write(writer: TapeWriter) -> None:
        begin(writer)
        for moment in range(1, 60):
            turn(writer, moment * 1_000_000_000)

    taped(tmp_path, write, TapeSettings(rotate_bytes=2_000, flush_after_ns=0))
    first, second, *_ = list_tapes(tmp_path)
    first.write_bytes(first.read_bytes()[:-3])
    found = batches(tmp_path)
    assert isinstance(found[-1], Hole)
    assert str(first) in found[-1].reason
    assert second.exists()


def test_dropped_inputs_are_a_hole(tmp_path: Path) -> None:
    def write(writer: TapeWriter) -> None:
        begin(writer)
        turn(writer, 10)
        writer.flush()
        writer._unmarked = 5  # noqa: SLF001
        turn(writer, 20)

    taped(tmp_path, write)
    first, hole = batches(tmp_path)
    assert isinstance(first, Batch)
    assert hole == Hole("5 inputs could not be written (see the trader's log)")


def test_a_tape_of_before_is_refused_by_what_it_lacks(tmp_path: Path) -> None:
    def write(writer: TapeWriter) -> None:
        writer.record(TAPE_BUS, 1, 1, b"news")
        writer.end_batch(1, 1)

    taped(tmp_path, write)
    with pytest.raises(ProtocolError, match="settings, restored state and the begin of each turn"):
        SessionTape(tmp_path, "s1")


def test_a_tape_of_another_version_is_refused(tmp_path: Path) -> None:
    def write(writer: TapeWriter) -> None:
        newer = msgspec.structs.replace(RECORD, version=2, program="9.1")
        writer.record(TAPE_SESSION, 1, 0, encode_value(newer))
        writer.record(TAPE_STATE, 1, 0, b"{}")
        writer.end_batch(1, 0)

    taped(tmp_path, write)
    with pytest.raises(ProtocolError, match=r"version 1, was 2 \(polybot 9.1\)"):
        SessionTape(tmp_path, "s1")


def test_a_tape_whose_beginning_was_deleted_is_refused(tmp_path: Path) -> None:
    taped(tmp_path, lambda writer: turn(writer, 10))
    with pytest.raises(StorageError, match=r"deleted above trader\.tape_cap_mb"):
        SessionTape(tmp_path, "s1")


def test_a_session_without_a_tape_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="expected a tape of session s1"):
        SessionTape(tmp_path, "s1")


def test_what_a_running_trader_adds_meanwhile_is_left_out(tmp_path: Path) -> None:
    def write(writer: TapeWriter) -> None:
        begin(writer)
        turn(writer, 10)
        writer.flush()
        turn(writer, 20)

    taped(tmp_path, write)
    (path,) = list_tapes(tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    tape = SessionTape(tmp_path, "s1")
    path.write_bytes(whole)
    assert [b.begin.wall_ns for b in tape.batches() if isinstance(b, Batch)] == [10]
    assert len(batches(tmp_path)) == 2
