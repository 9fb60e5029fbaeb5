"""What an installer tries before it switches: the configuration, the port, the database."""

import socket
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from polybot.adapters.storage.connection import open_for_writing
from polybot.adapters.storage.migrations import NEWEST_VERSION
from polybot.cli.trial import main


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the state directory of an installation that the environment moves here."""
    monkeypatch.setenv("POLYBOT_CONFIG", str(tmp_path / "polybot.toml"))
    monkeypatch.setenv("POLYBOT_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("POLYBOT_RUNTIME_DIR", str(tmp_path / "run"))
    (tmp_path / "polybot.toml").touch()
    (tmp_path / "state" / "tracker").mkdir(parents=True)
    return tmp_path / "state"


def version_of(ledger: Path) -> int:
    with closing(sqlite3.connect(ledger)) as database:
        return int(database.execute("SELECT MAX(version) FROM schema_version").fetchone()[0])


def older(ledger: Path) -> None:
    """Make a database of the version before this program's, whose migration is still to run."""
    open_for_writing(ledger, now_ns=1).close()
    with closing(sqlite3.connect(ledger)) as database:
        database.execute("DELETE FROM schema_version WHERE version = ?", (NEWEST_VERSION,))
        database.commit()


def test_a_new_machine_is_fit(state: Path) -> None:
    assert main([]) == 0
    assert list(state.iterdir()) == [state / "tracker"]


def test_every_problem_of_the_configuration_is_said(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (state.parent / "polybot.toml").write_text('mode = "lively"\nspeed = 3\n')

    assert main([]) == 4
    told = capsys.readouterr().err
    assert "mode: expected" in told
    assert "speed: unknown key" in told


def test_live_mode_needs_no_key_here(state: Path) -> None:
    (state.parent / "polybot.toml").write_text('mode = "live"\n')
    assert main([]) == 0


def test_an_older_database_is_migrated_as_a_copy(state: Path) -> None:
    ledger = state / "tracker" / "ledger.sqlite"
    older(ledger)

    assert main([]) == 0
    assert version_of(ledger) == NEWEST_VERSION - 1
    assert [path.name for path in state.iterdir()] == ["tracker"]


def test_a_database_that_a_newer_program_wrote_is_refused(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ledger = state / "tracker" / "ledger.sqlite"
    open_for_writing(ledger, now_ns=1).close()
    with closing(sqlite3.connect(ledger)) as database:
        database.execute("INSERT INTO schema_version VALUES (99, 'later', 1)")
        database.commit()

    assert main([]) == 1
    assert "a newer polybot wrote it" in capsys.readouterr().err
    assert [path.name for path in state.iterdir()] == ["tracker"]


def test_a_file_that_is_no_database_is_refused(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (state / "tracker" / "ledger.sqlite").write_bytes(b"not a database" * 100)

    assert main([]) == 1
    assert "ledger.sqlite" in capsys.readouterr().err


def test_a_port_that_is_taken_is_refused_unless_the_floor_has_it(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        (state.parent / "polybot.toml").write_text(f'[simulator]\nlisten = "{listen}"\n')

        assert main([]) == 1
        assert f"cannot listen on {listen}" in capsys.readouterr().err
        assert main(["--running"]) == 0


def test_anything_else_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--walking"]) == 2
    assert "usage" in capsys.readouterr().err
