import json
import logging
from pathlib import Path
from typing import Any

import pytest

from polybot.simulator.api.request_log import (
    FILE_NAME,
    MOST_TEXT,
    OLDER_NAME,
    Answered,
    Asked,
    RequestLog,
    shown_text,
)

NOW = 1_790_000_000_000_000_000


def make_log(directory: Path, most_bytes: int = 1_000_000) -> RequestLog:
    return RequestLog(directory, most_bytes=most_bytes, now_ns=NOW)


def ask(log: RequestLog, body: str = "") -> int:
    number = log.next_number()
    log.write(Asked(number=number, wall_ns=NOW, market_ns=NOW - 5, request="GET /book", body=body))
    return number


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_request_and_its_answer_are_two_lines_under_one_number(tmp_path: Path) -> None:
    log = make_log(tmp_path)
    first, second = ask(log), ask(log, '{"a":1}')
    log.write(Answered(number=second, wall_ns=NOW + 1, status=200))
    log.write(Answered(number=first, wall_ns=NOW + 2, status=None, fault="withheld_after"))
    started, *rest = lines(tmp_path / FILE_NAME)
    assert started == {"started_ns": NOW}
    assert [(line["number"], line.get("status")) for line in rest] == [
        (1, None),
        (2, None),
        (2, 200),
        (1, None),
    ]
    assert rest[0]["request"] == "GET /book"
    assert rest[1]["body"] == '{"a":1}'
    assert rest[3]["fault"] == "withheld_after"


def test_a_new_life_goes_on_in_the_same_file_and_counts_anew(tmp_path: Path) -> None:
    assert ask(make_log(tmp_path)) == 1
    assert ask(make_log(tmp_path)) == 1
    told = lines(tmp_path / FILE_NAME)
    assert [("started_ns" in line) for line in told] == [True, False, True, False]


def test_it_keeps_to_its_size_and_the_newest_lines(tmp_path: Path) -> None:
    log = make_log(tmp_path, most_bytes=4000)
    numbers = [ask(log, "x" * 100) for _ in range(100)]
    files = [tmp_path / OLDER_NAME, tmp_path / FILE_NAME]
    assert sum(path.stat().st_size for path in files) <= 4000
    kept = [line["number"] for path in files for line in lines(path)]
    assert kept == numbers[-len(kept) :]
    assert len(kept) > 10


def test_what_cannot_be_written_is_said_once_and_again_after_it_could(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    with caplog.at_level(logging.WARNING):
        log = make_log(tmp_path / "file")
        ask(log)
        ask(log)
    (record,) = caplog.records
    assert "requests are not written down" in record.getMessage()
    (tmp_path / "file").unlink()
    number = ask(log)
    assert [line["number"] for line in lines(tmp_path / "file" / FILE_NAME)] == [number]
    log.close()


def test_a_body_is_shown_as_text_and_not_without_end() -> None:
    assert shown_text(b'{"price":"0.5"}') == '{"price":"0.5"}'
    assert shown_text(b"\xff") == "�"
    assert len(shown_text(b"x" * 10_000)) == MOST_TEXT


def test_others_cannot_read_it(tmp_path: Path) -> None:
    make_log(tmp_path)
    assert (tmp_path / FILE_NAME).stat().st_mode & 0o077 == 0
