import gzip
from pathlib import Path

import pytest
from msgspec.structs import replace

from polybot.errors import RecordingError
from polybot.recordings.reader import read_rows
from polybot.recordings.row_encoder import encode_row
from polybot.recordings.rows import Row, TradeRow
from polybot.recordings.windows_csv import RecordedWindow
from tests.unit.recordings.examples import MS, ROWS, SLUG, WINDOW


def recorded(directory: Path, archive: bytes) -> RecordedWindow:
    path = directory / f"{SLUG}.jsonl.gz"
    path.write_bytes(archive)
    return replace(WINDOW, path=path)


def lines(rows: list[Row]) -> bytes:
    return b"".join(encode_row(row) for row in rows)


def read_until_damage(window: RecordedWindow) -> tuple[list[Row], str]:
    rows: list[Row] = []
    with pytest.raises(RecordingError) as damage:
        rows.extend(read_rows(window))
    return rows, str(damage.value)


def many(count: int) -> list[Row]:
    # Sizes without a pattern, so that the archive has more than one block.
    return [
        TradeRow(
            ts_ns=number * MS,
            outcome="Up",
            price_bps=number * 7919 % 9999 + 1,
            size_shares=number * 104_729 % 1_000_003,
        )
        for number in range(count)
    ]


def test_the_rows_of_a_window_come_in_file_order(tmp_path: Path) -> None:
    assert list(read_rows(recorded(tmp_path, gzip.compress(lines(ROWS))))) == ROWS


def test_a_window_without_a_file_has_no_rows() -> None:
    assert list(read_rows(WINDOW)) == []


def test_archives_appended_to_one_file_are_read_as_one(tmp_path: Path) -> None:
    archive = gzip.compress(lines(ROWS[:2])) + gzip.compress(lines(ROWS[2:]))
    assert list(read_rows(recorded(tmp_path, archive))) == ROWS


def test_a_cut_file_gives_what_was_readable_and_then_says_where_it_was_cut(tmp_path: Path) -> None:
    rows = many(5000)
    archive = gzip.compress(lines(rows))
    window = recorded(tmp_path, archive[: len(archive) // 2])
    readable, damage = read_until_damage(window)
    assert 1000 < len(readable) < 4000
    assert readable == rows[: len(readable)]
    assert f"after line {len(readable)} of {window.path}" in damage


def test_changed_bytes_inside_a_file_are_noticed(tmp_path: Path) -> None:
    archive = bytearray(gzip.compress(lines(many(5000))))
    archive[len(archive) // 2 : len(archive) // 2 + 40] = bytes(40)
    window = recorded(tmp_path, bytes(archive))
    readable, damage = read_until_damage(window)
    assert len(readable) < 5000
    assert str(window.path) in damage


def test_a_damaged_line_is_named_with_its_number(tmp_path: Path) -> None:
    archive = gzip.compress(lines(ROWS[:2]) + b'{"torn\n' + lines(ROWS[2:]))
    window = recorded(tmp_path, archive)
    readable, damage = read_until_damage(window)
    assert readable == ROWS[:2]
    assert damage.startswith(f"line 3 of {window.path}: ")


def test_damage_can_be_reported_and_skipped(tmp_path: Path) -> None:
    whole = gzip.compress(lines(ROWS[:2]) + b'{"torn\n' + lines(ROWS[2:]))
    damage: list[RecordingError] = []
    window = recorded(tmp_path, whole + gzip.compress(lines(ROWS))[:-9])
    rows = list(read_rows(window, on_damage=damage.append))
    assert rows[: len(ROWS)] == ROWS
    assert len(damage) == 2
    assert "line 3" in str(damage[0])
    assert "after line" in str(damage[1])


@pytest.mark.parametrize("archive", [b"no archive", b"\x1f\x8b\x08"])
def test_what_is_no_archive_is_damage(tmp_path: Path, archive: bytes) -> None:
    with pytest.raises(RecordingError, match="damaged file"):
        list(read_rows(recorded(tmp_path, archive)))


def test_a_file_that_is_gone_is_damage(tmp_path: Path) -> None:
    window = replace(WINDOW, path=tmp_path / "gone.jsonl.gz")
    with pytest.raises(RecordingError, match=r"expected to read .*gone"):
        list(read_rows(window))
    damage: list[RecordingError] = []
    assert list(read_rows(window, on_damage=damage.append)) == []
    assert len(damage) == 1


def test_an_empty_file_has_no_rows(tmp_path: Path) -> None:
    assert list(read_rows(recorded(tmp_path, b""))) == []


def test_reading_can_stop_early_and_closes_the_file(tmp_path: Path) -> None:
    rows = read_rows(recorded(tmp_path, gzip.compress(lines(many(5000)))))
    assert next(rows).ts_ns == 0
    rows.close()  # type: ignore[attr-defined]
