"""What the tests of the command line share: a floor's directories, and a way to run commands."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import zmq
from typer.testing import CliRunner, Result

from polybot.cli.app import app
from tests.unit.cli.history import write_history

Command = Callable[..., Result]


@pytest.fixture(autouse=True)
def unknown_width(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide the width of the developer's terminal."""
    monkeypatch.delenv("COLUMNS", raising=False)


@pytest.fixture
def state_dir(tmp_path: Path, runtime_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give this test a floor of its own: configuration, state and sockets."""
    config = tmp_path / "polybot.toml"
    config.write_text("")
    state = tmp_path / "state"
    state.mkdir()
    monkeypatch.setenv("POLYBOT_CONFIG", str(config))
    monkeypatch.setenv("POLYBOT_STATE_DIR", str(state))
    monkeypatch.setenv("POLYBOT_RUNTIME_DIR", str(runtime_dir))
    monkeypatch.setenv("POLYBOT__MODE", "synthetic")
    monkeypatch.setenv("TZ", "UTC")
    return state


@pytest.fixture
def polybot(state_dir: Path) -> Command:
    """Run a command and return its result; `code` is what it must end with."""

    def run(*arguments: str, code: int = 0) -> Result:
        result = CliRunner().invoke(app, list(arguments), prog_name="polybot")
        assert result.exit_code == code, result.output + result.stderr
        return result

    return run


@pytest.fixture
def polybot_json(polybot: Command) -> Callable[..., Any]:
    """Run a command with --json and return what it printed."""

    def run(*arguments: str, code: int = 0) -> Any:
        return json.loads(polybot(*arguments, "--json", code=code).stdout)

    return run


@pytest.fixture
def history(state_dir: Path) -> Path:
    """Write a database with three windows and return its path."""
    path = state_dir / "tracker" / "ledger.sqlite"
    write_history(path)
    return path


@pytest.fixture
def context() -> Iterator[zmq.Context[zmq.Socket[bytes]]]:
    made: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    yield made
    made.destroy(linger=0)
