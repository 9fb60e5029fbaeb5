from pathlib import Path

import pytest

from polybot.errors import StorageError
from polybot.runtime.journal_spares import Spares

SPARE, RESERVE = "journal.spare", "journal.reserve"


def make(directory: Path) -> Spares:
    return Spares(directory, segment_bytes=8192, reserve_bytes=4096)


def test_spare_and_reserve_are_made_with_their_sizes(tmp_path: Path) -> None:
    make(tmp_path).prepare()
    sizes = {path.name: path.stat().st_size for path in tmp_path.iterdir()}
    assert sizes == {SPARE: 8192, RESERVE: 4096}


def test_a_segment_is_the_renamed_spare(tmp_path: Path) -> None:
    spares = make(tmp_path)
    spares.prepare()
    number = (tmp_path / SPARE).stat().st_ino
    spares.take(tmp_path / "segment")
    assert (tmp_path / "segment").stat().st_ino == number
    assert not (tmp_path / SPARE).exists()


def test_without_a_spare_a_segment_is_made_and_the_reserve_stays(tmp_path: Path) -> None:
    spares = make(tmp_path)
    spares.prepare()
    for name in ("a", "b"):
        spares.take(tmp_path / name)
    assert (tmp_path / "b").stat().st_size == 8192
    assert (tmp_path / RESERVE).exists()


def test_only_a_released_reserve_becomes_a_segment(tmp_path: Path) -> None:
    spares = make(tmp_path)
    spares.prepare()
    spares.take(tmp_path / "a")
    spares.release_reserve()
    spares.take(tmp_path / "b")
    assert (tmp_path / "b").stat().st_size == 4096
    assert not (tmp_path / RESERVE).exists()


def test_when_space_is_back_the_reserve_is_held_back_again(tmp_path: Path) -> None:
    spares = make(tmp_path)
    spares.prepare()
    spares.take(tmp_path / "a")
    spares.release_reserve()
    spares.take(tmp_path / "b")
    spares.prepare_in_background()
    spares.wait()
    spares.take(tmp_path / "c")
    spares.take(tmp_path / "d")
    assert (tmp_path / RESERVE).stat().st_size == 4096
    assert (tmp_path / "d").stat().st_size == 8192


def test_a_half_made_spare_of_a_killed_process_is_made_again(tmp_path: Path) -> None:
    (tmp_path / SPARE).write_bytes(bytes(100))
    (tmp_path / (SPARE + ".tmp")).write_bytes(bytes(50))
    spares = make(tmp_path)
    spares.prepare()
    assert (tmp_path / SPARE).stat().st_size == 8192
    assert not (tmp_path / (SPARE + ".tmp")).exists()


def test_a_failure_in_the_background_is_remembered_not_raised(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    spares = make(tmp_path / "missing")
    spares.prepare_in_background()
    spares.wait()
    assert isinstance(spares.shortage, StorageError)
    assert "no room for the next journal segment" in caplog.text
    (tmp_path / "missing").mkdir()
    spares.prepare_in_background()
    spares.wait()
    assert spares.shortage is None


def test_a_shortage_that_lasts_is_said_once_and_its_end_too(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    # A file stands where the spare's unfinished file would be: no space, as far as it can tell.
    blocked = tmp_path / (SPARE + ".tmp")
    blocked.mkdir()
    spares = make(tmp_path)
    for _ in range(3):
        spares.prepare_in_background()
        spares.wait()
    assert isinstance(spares.shortage, StorageError)
    assert caplog.text.count("no room for the next journal segment") == 1
    blocked.rmdir()
    spares.prepare_in_background()
    spares.wait()
    assert spares.shortage is None
    assert not spares.preparing
    assert caplog.text.count("there is room for the next journal segment again") == 1
