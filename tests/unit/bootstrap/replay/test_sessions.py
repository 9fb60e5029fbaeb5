"""The sessions on tape are listed, found by the beginning of their name, and opened."""

from pathlib import Path

import pytest

from polybot.bootstrap.replay.sessions import (
    find_session,
    open_session,
    taped_sessions,
    untaped_events,
)
from polybot.errors import StorageError
from polybot.runtime.tape import TapeWriter
from tests.unit.bootstrap.replay.taped_trader import TapedTrader


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("trader")
    old = TapeWriter(found / "tape", "old")
    old.record(5, 1, 1, b"news")
    old.end_batch(1, 1)
    old.close()
    trader = TapedTrader(found)
    trader.live().end()
    trader.live().end()
    return found


def test_sessions_are_listed_oldest_first_with_what_keeps_one_from_a_replay(
    directory: Path,
) -> None:
    old, first, second = taped_sessions(directory)
    assert (old.session, first.session, second.session) == ("old", "life1", "life2")
    assert "settings, restored state" in old.problem
    assert (first.problem, first.after_seq, first.program) == ("", 0, "test")
    assert second.after_seq > 0
    assert second.began_ns > first.began_ns
    assert first.size_bytes > 0


def test_a_session_is_found_by_the_beginning_of_its_name(directory: Path) -> None:
    assert find_session(directory, "old") == "old"
    assert find_session(directory, "life2") == "life2"
    assert find_session(directory, "") == "life2"
    assert find_session(directory, "none") == ""
    with pytest.raises(StorageError, match="life1, life2"):
        find_session(directory, "life")


def test_without_a_tape_there_is_none(tmp_path: Path) -> None:
    assert find_session(tmp_path, "") == ""
    assert taped_sessions(tmp_path) == []


def test_an_opened_session_can_be_replayed(directory: Path) -> None:
    assert open_session(directory, "life2").run().complete


def test_the_journal_tells_of_sessions_without_a_tape(directory: Path) -> None:
    events, decisions = untaped_events(directory, "life1")
    assert events > decisions >= 1
    assert untaped_events(directory, "never") == (0, 0)
