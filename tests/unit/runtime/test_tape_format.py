from pathlib import Path

import pytest
import zstandard

from polybot.runtime.tape_format import TapeFrame, TapeReader, decode_block

FRAMES = [TapeFrame(1, 10, 20, b"book"), TapeFrame(2, 11, -1, b""), TapeFrame(0, 12, 22)]


def block_of(frames: list[TapeFrame]) -> bytes:
    raw = b"".join(frame.encode() for frame in frames)
    return zstandard.ZstdCompressor(write_checksum=True).compress(raw)


def test_frames_come_back_as_they_were() -> None:
    assert list(decode_block(b"".join(frame.encode() for frame in FRAMES))) == FRAMES


def test_a_file_is_its_blocks_one_after_the_other(tmp_path: Path) -> None:
    path = tmp_path / "tape"
    path.write_bytes(block_of(FRAMES) * 50)
    reader = TapeReader(path)
    assert list(reader) == FRAMES * 50
    assert reader.problem == ""


def test_blocks_larger_than_a_read_step_come_whole(tmp_path: Path) -> None:
    path = tmp_path / "tape"
    noisy = [
        TapeFrame(1, 1, 1, bytes(n * 7919 % 251 for n in range(k, k + 90_000))) for k in range(9)
    ]
    path.write_bytes(block_of(noisy) + block_of(FRAMES))
    assert list(TapeReader(path)) == noisy + FRAMES


@pytest.mark.parametrize("missing", range(1, len(block_of(FRAMES))))
def test_a_torn_last_block_ends_the_reading_and_is_said(tmp_path: Path, missing: int) -> None:
    path = tmp_path / "tape"
    data = block_of(FRAMES) * 2
    path.write_bytes(data[:-missing])
    reader = TapeReader(path)
    assert list(reader) == FRAMES
    assert f"ends inside the block at offset {len(data) // 2}" in reader.problem


def test_a_changed_block_ends_the_reading_and_is_said(tmp_path: Path) -> None:
    path = tmp_path / "tape"
    data = bytearray(block_of(FRAMES) * 3)
    data[len(data) // 3 + 20] ^= 1
    path.write_bytes(data)
    reader = TapeReader(path)
    assert list(reader) == FRAMES
    assert f"damaged after offset {len(data) // 3}" in reader.problem


def test_an_empty_file_has_no_frames(tmp_path: Path) -> None:
    (tmp_path / "tape").touch()
    assert list(TapeReader(tmp_path / "tape")) == []
