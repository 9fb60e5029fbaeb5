"""Tests of opening the database for a command."""

from datetime import UTC
from pathlib import Path

import pytest

from polybot.cli.books import NoBooksYet, open_books
from polybot.cli.exits import NotRunning
from tests.unit.cli.conftest import Command
from tests.unit.cli.history import NOW_NS

DAY_NS = 86_400 * 10**9


@pytest.mark.usefixtures("history")
def test_without_a_simulator_now_is_the_newest_event_of_a_window() -> None:
    with open_books() as books:
        assert 0 < books.now_ns <= NOW_NS
        assert books.since_ns(None) == 0
        assert books.since_ns(1) == books.now_ns - DAY_NS
        assert books.since_ns(10**9) == 0


@pytest.mark.usefixtures("state_dir")
def test_without_a_database_and_without_a_floor_there_is_nothing_to_ask() -> None:
    with pytest.raises(NotRunning, match="polybot up"), open_books():
        pass


@pytest.mark.parametrize("command", ["windows", "trades", "pnl"])
def test_the_commands_say_that_nothing_runs(polybot: Command, command: str) -> None:
    assert "start the floor: polybot up" in polybot(command, code=3).stderr


def test_a_floor_that_has_only_just_been_started_knows_nothing(tmp_path: Path) -> None:
    empty = NoBooksYet()
    assert empty.windows(now_ns=0) == []
    assert empty.refused_windows() == []
    assert empty.trades() == []
    assert empty.pnl(zone=UTC) == []
    assert empty.explain("x") is None
    assert empty.newest_event_ns() == 0
