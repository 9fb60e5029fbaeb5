import csv
from pathlib import Path

import pytest
from msgspec.structs import replace

from polybot.errors import RecordingError
from polybot.recordings.index import load_index
from polybot.recordings.reader import read_rows
from polybot.recordings.rows import TradeRow
from polybot.recordings.windows_csv import COLUMNS
from polybot.recordings.writer import RecordingWriter
from tests.unit.recordings.examples import MS, ROWS, SLUG, WINDOW

LATER = replace(
    WINDOW,
    slug="btc-updown-5m-1795000800",
    open_ns=WINDOW.close_ns,
    close_ns=WINDOW.close_ns + 300_000_000_000,
)


def record(directory: Path) -> None:
    with RecordingWriter(directory) as writer:
        for row in ROWS:
            writer.append(SLUG, row)
        writer.finish(WINDOW)
        writer.finish(LATER)


def test_a_written_directory_reads_back(tmp_path: Path) -> None:
    record(tmp_path / "new" / "directory")
    index = load_index(tmp_path / "new" / "directory")
    first, second = index.windows
    assert index.problems == []
    assert list(read_rows(first)) == ROWS
    assert first.has_book
    assert first.has_quotes
    assert (first.first_ts_ns, first.last_ts_ns) == (1000 * MS, 1005 * MS)
    assert (first.outcome, first.price_to_beat_e8) == (WINDOW.outcome, WINDOW.price_to_beat_e8)
    assert second == LATER
    assert list(read_rows(second)) == []


def test_the_index_has_one_head_and_the_documented_columns(tmp_path: Path) -> None:
    record(tmp_path)
    with RecordingWriter(tmp_path) as writer:
        writer.finish(replace(LATER, slug="btc-updown-5m-1795001100"))
    with (tmp_path / "windows.csv").open() as file:
        lines = list(csv.reader(file))
    assert tuple(lines[0]) == COLUMNS
    assert len(lines) == 4


def test_writing_goes_on_after_a_restart(tmp_path: Path) -> None:
    with RecordingWriter(tmp_path) as writer:
        for row in ROWS[:3]:
            writer.append(SLUG, row)
    with RecordingWriter(tmp_path) as writer:
        for row in ROWS[3:]:
            writer.append(SLUG, row)
        writer.finish(WINDOW)
    (window,) = load_index(tmp_path).windows
    assert list(read_rows(window)) == ROWS
    assert window.has_book
    assert window.first_ts_ns == 1000 * MS
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"{SLUG}.jsonl.gz", "windows.csv"]


def test_rows_written_after_a_crash_cut_the_file_are_readable(tmp_path: Path) -> None:
    with RecordingWriter(tmp_path) as writer:
        for row in ROWS[:3]:
            writer.append(SLUG, row)
    path = tmp_path / f"{SLUG}.jsonl.gz"
    path.write_bytes(path.read_bytes()[:-6])
    later = TradeRow(ts_ns=9000 * MS, outcome="Up", price_bps=5000, size_shares=1_000_000)
    with RecordingWriter(tmp_path) as writer:
        writer.append(SLUG, later)
        writer.finish(WINDOW)
    (window,) = load_index(tmp_path).windows
    rows = list(read_rows(window))
    assert rows[-1] == later
    assert rows[:-1] == ROWS[: len(rows) - 1]
    assert window.last_ts_ns == 9000 * MS


def test_a_window_that_was_not_finished_stays_out_of_the_index(tmp_path: Path) -> None:
    with RecordingWriter(tmp_path) as writer:
        writer.append(SLUG, ROWS[0])
        writer.finish(LATER)
    assert [window.slug for window in load_index(tmp_path).windows] == [LATER.slug]


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RecordingError, match="expected a directory to record into"):
        RecordingWriter(tmp_path / "file")
    writer = RecordingWriter(tmp_path / "made")
    (tmp_path / "made" / f"{SLUG}.jsonl.gz").mkdir()
    with pytest.raises(RecordingError, match="expected to write to"):
        writer.append(SLUG, ROWS[0])
    (tmp_path / "made" / "windows.csv").mkdir()
    with pytest.raises(RecordingError, match=r"windows\.csv"):
        writer.finish(WINDOW)
    writer.close()
