import gzip
from collections import Counter
from pathlib import Path

import pytest

from polybot.errors import RecordingError
from polybot.exchange.token_ids import complete_ids, derive_ids
from polybot.recordings.index import load_index
from polybot.recordings.row_encoder import encode_row
from tests.unit.recordings.examples import OPEN_S, ROWS, SLUG

HEAD = "slug,interval_sec,open_ts,close_ts,outcome,condition_id,token_up,token_down,file\n"


def line(number: int, **fields: str) -> str:
    opens = OPEN_S + 300 * number
    values = {"outcome": "Up", "condition_id": "", "token_up": "", "token_down": "", "file": ""}
    values.update(fields)
    slug = values.pop("slug", f"btc-updown-5m-{opens}")
    return ",".join([slug, "300", str(opens), str(opens + 300), *values.values()]) + "\n"


def write_index(directory: Path, *lines: str) -> None:
    (directory / "windows.csv").write_text(HEAD + "".join(lines))


def write_rows(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(b"".join(encode_row(row) for row in ROWS)))
    return path


def test_windows_come_in_the_order_they_opened(tmp_path: Path) -> None:
    write_index(tmp_path, line(2), line(0), line(1))
    index = load_index(tmp_path)
    assert [window.slug for window in index.windows] == [
        f"btc-updown-5m-{OPEN_S + 300 * number}" for number in range(3)
    ]
    assert index.problems == []


def test_a_file_is_found_by_its_name_anywhere_below(tmp_path: Path) -> None:
    write_index(tmp_path, line(0), line(1))
    path = write_rows(tmp_path / "some" / "source" / f"{SLUG}.jsonl.gz")
    first, second = load_index(tmp_path).windows
    assert first.path == path
    assert (first.has_book, first.has_bbo, first.has_trades) == (True, True, True)
    assert (first.has_prices, first.has_quotes) == (True, True)
    assert second.path is None
    assert not second.has_book


def test_counts_in_the_index_save_a_look_into_the_file(tmp_path: Path) -> None:
    kinds = ("book", "delta", "bbo", "trade", "price", "quote")
    (tmp_path / "windows.csv").write_text(
        f"slug,open_ts,close_ts,{','.join(f'n_{kind}' for kind in kinds)}\n"
        f"{SLUG},{OPEN_S},{OPEN_S + 300},0,0,5,0,0,0\n"
    )
    write_rows(tmp_path / f"{SLUG}.jsonl.gz")
    (window,) = load_index(tmp_path).windows
    assert (window.has_bbo, window.has_book, window.has_prices) == (True, False, False)


def test_missing_ids_stay_empty_unless_they_are_completed(tmp_path: Path) -> None:
    write_index(tmp_path, line(0), line(1, condition_id="0x" + "ab" * 32, token_up="11"))
    assert load_index(tmp_path).windows[0].condition_id == ""
    first, second = load_index(tmp_path, complete_ids=complete_ids).windows
    assert (first.condition_id, first.token_up, first.token_down) == derive_ids(SLUG)
    assert (second.condition_id, second.token_up) == ("0x" + "ab" * 32, "11")
    assert second.token_down.isdecimal()


@pytest.mark.parametrize("text", [None, "", "no,useful,columns\n1,2,3\n", "\x00\n"])
def test_a_directory_without_a_usable_index_is_refused(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "windows.csv").write_text(text)
    with pytest.raises(RecordingError, match=r"windows\.csv"):
        load_index(tmp_path)


def test_a_missing_directory_is_refused_with_what_was_expected(tmp_path: Path) -> None:
    with pytest.raises(
        RecordingError, match=r"expected a recordings directory with a windows\.csv"
    ):
        load_index(tmp_path / "absent")


def test_a_damaged_line_is_named_and_left_out(tmp_path: Path) -> None:
    write_index(tmp_path, line(0), "half,a,line\n", line(1, outcome="Maybe"), line(2))
    with (tmp_path / "windows.csv").open("ab") as file:
        file.write(b"\xff\xfe,300\n")
    index = load_index(tmp_path)
    assert len(index.windows) == 2
    assert [problem.split(" of ")[0] for problem in index.problems] == [
        "line 3",
        "line 4",
        "line 6",
    ]
    assert "Maybe" in index.problems[1]


def test_a_second_window_and_a_second_file_of_one_name_are_named(tmp_path: Path) -> None:
    write_index(tmp_path, line(0, outcome="Up"), line(0, outcome="Down"))
    kept = write_rows(tmp_path / "a" / f"{SLUG}.jsonl.gz")
    write_rows(tmp_path / "b" / f"{SLUG}.jsonl.gz")
    index = load_index(tmp_path)
    (window,) = index.windows
    assert (window.outcome, window.path) == ("Up", kept)
    assert len(index.problems) == 2
    assert all(SLUG in problem for problem in index.problems)


def test_a_file_the_index_names_and_the_directory_lacks_is_named(tmp_path: Path) -> None:
    write_index(tmp_path, line(0, file=f"{SLUG}.jsonl.gz"))
    index = load_index(tmp_path)
    assert index.problems == [f"{SLUG}: its file {SLUG}.jsonl.gz was not found"]
    assert index.windows[0].path is None


def test_a_damaged_file_still_shows_what_is_before_the_damage(tmp_path: Path) -> None:
    write_index(tmp_path, line(0))
    path = write_rows(tmp_path / f"{SLUG}.jsonl.gz")
    path.write_bytes(path.read_bytes()[:-4])
    assert load_index(tmp_path).windows[0].has_book
    path.write_bytes(b"no archive")
    assert not load_index(tmp_path).windows[0].has_book


def test_fields_longer_than_any_are_refused(tmp_path: Path) -> None:
    write_index(tmp_path, line(0, outcome="x" * 200_000))
    with pytest.raises(RecordingError, match="comma-separated"):
        load_index(tmp_path)


@pytest.mark.recordings
def test_the_recorded_markets_are_complete(recordings: Path) -> None:
    index = load_index(recordings / "dev", complete_ids=complete_ids)
    assert index.problems == []
    assert len(index.windows) == 401
    assert all(window.path and window.token_up and window.token_down for window in index.windows)
    opens = [window.open_ns for window in index.windows]
    assert opens == sorted(opens)
    sources = Counter(window.source for window in index.windows if window.has_book)
    assert sources == {"cronosvirus": 95}
