"""An export says how far it is, and a file that has its name is whole."""

import io
import json
from pathlib import Path

import pytest

from polybot.cli.exits import Usage
from polybot.cli.journal_events import BATCH, Choice
from polybot.cli.journal_export import TELL_NS, Exported, export, new_file, standard_output
from polybot.errors import StorageError
from polybot.messages.codec import encode
from polybot.messages.safety import AlertCleared
from polybot.runtime.journal import Journal
from tests.fakes import FakeClock, make_envelope


class Ticking(FakeClock):
    """A clock on which reading takes time: each look at it is a second later."""

    def monotonic_ns(self) -> int:
        self.mono_ns += TELL_NS // 2
        return self.mono_ns


def written(directory: Path, count: int) -> Path:
    journal = Journal.open(directory)
    for seq in range(1, count + 1):
        event = AlertCleared(key=f"k{seq}", text="")
        journal.append(encode(make_envelope(event, source="watchdog", seq=seq)))
    journal.close()
    return directory


def test_a_long_export_says_how_far_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    directory = written(tmp_path, 4 * BATCH)
    target = io.StringIO()
    done = export(directory, Choice(), target, Ticking())
    assert done == Exported(1, 4 * BATCH, 4 * BATCH, 4 * BATCH)
    assert len(target.getvalue().splitlines()) == 4 * BATCH
    assert capsys.readouterr().err.splitlines() == [
        "read 1,000 of 2,000 records (50 %)",
        "read 2,000 of 2,000 records (100 %)",
    ]


def test_a_short_export_says_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = io.StringIO()
    done = export(written(tmp_path, 3), Choice(since=2, until=9), target, FakeClock())
    assert done == Exported(2, 3, 2, 2)
    assert [json.loads(line)["seq"] for line in target.getvalue().splitlines()] == [2, 3]
    assert capsys.readouterr() == ("", "")


def test_an_export_that_begins_later_than_asked_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    journal = Journal.open(tmp_path, floor_seq=8)
    journal.append(b"{}")
    journal.close()
    done = export(tmp_path, Choice(since=1), io.StringIO(), FakeClock())
    assert done == Exported(9, 9, 1, 1)
    assert "begins at event 9: older ones are neither" in capsys.readouterr().err


def test_a_directory_without_a_journal_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="expected a journal"):
        export(tmp_path, Choice(), io.StringIO(), FakeClock())


def test_a_file_appears_only_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "out"
    with pytest.raises(TypeError), new_file(path, force=False) as file:
        file.writelines(["half", 1])  # type: ignore[list-item]
    assert list(tmp_path.iterdir()) == []
    with new_file(path, force=False) as file:
        file.write("whole")
        assert not path.exists()
    assert path.read_text() == "whole"
    with pytest.raises(Usage), new_file(path, force=False):
        pass
    with (
        pytest.raises(StorageError, match="nowhere"),
        new_file(tmp_path / "nowhere" / "x", force=False),
    ):
        pass


def test_standard_output_is_what_it_is_now(capsys: pytest.CaptureFixture[str]) -> None:
    standard_output().write("x")
    assert capsys.readouterr().out == "x"
