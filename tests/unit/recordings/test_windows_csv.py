import pytest
from msgspec.structs import replace

from polybot.errors import RecordingError
from polybot.recordings.windows_csv import COLUMNS, read_window, write_window
from tests.unit.recordings.examples import OPEN_S, SLUG, WINDOW

LINE = {
    "slug": SLUG,
    "interval_sec": "300",
    "open_ts": str(OPEN_S),
    "close_ts": str(OPEN_S + 300),
}


def test_a_line_with_the_least_is_a_window_of_which_little_is_known() -> None:
    window = read_window(LINE)
    assert (window.slug, window.interval_s) == (SLUG, 300)
    assert window.close_ns - window.open_ns == 300_000_000_000
    assert (window.outcome, window.price_to_beat_e8, window.path) == (None, None, None)
    assert not window.has_book
    assert window.condition_id == ""


def test_prices_and_times_are_read_exactly() -> None:
    window = read_window(
        {**LINE, "price_to_beat": "71485.23965784832", "outcome": "Down", "first_ts_ms": "5"}
    )
    assert window.price_to_beat_e8 == 7_148_523_965_785
    assert window.outcome == "Down"
    assert (window.first_ts_ns, window.last_ts_ns) == (5_000_000, None)


def test_a_window_reads_back_as_it_was_written() -> None:
    window = replace(WINDOW, first_ts_ns=1_000_000, last_ts_ns=2_000_000)
    fields = write_window(window, {"book": 2, "trade": 1})
    assert tuple(fields) == COLUMNS
    assert read_window(fields) == window
    assert (fields["n_rows"], fields["n_book"], fields["n_bbo"]) == ("3", "2", "0")
    assert fields["file"] == f"{SLUG}.jsonl.gz"


def test_a_window_without_rows_names_no_file() -> None:
    assert write_window(WINDOW, {})["file"] == ""


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"slug": ""}, "slug"),
        ({"slug": "../secret"}, "slug"),
        ({"open_ts": "soon"}, "open_ts"),
        ({"open_ts": "1e9"}, "open_ts"),
        ({"close_ts": ""}, "close_ts"),
        ({"close_ts": str(OPEN_S)}, "close after the open"),
        ({"interval_sec": "900"}, "interval"),
        ({"outcome": "Yes"}, "outcome"),
        ({"price_to_beat": "high"}, "price_to_beat"),
        ({"close_price": "NaN"}, "close_price"),
        ({"last_ts_ms": "1.5"}, "last_ts_ms"),
    ],
)
def test_a_field_that_cannot_be_used_is_named(change: dict[str, str], complaint: str) -> None:
    with pytest.raises(RecordingError, match=complaint):
        read_window({**LINE, **change})
