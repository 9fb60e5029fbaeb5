import os
import subprocess
import sys
from pathlib import Path

import pytest

from polybot.cli.chaos import runner
from polybot.cli.exits import Exit
from polybot.errors import PolybotError


def test_a_run_that_is_gone_already_starts_nothing() -> None:
    # Nobody's child is a child of a process that ended.
    command = [sys.executable, "-m", "polybot.cli.chaos.runner", "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_what_keeps_a_floor_from_starting_is_told_with_its_code(tmp_path: Path) -> None:
    (tmp_path / "polybot.toml").write_text("bogus = 1\n")
    done = subprocess.run(
        [sys.executable, "-m", "polybot.cli.chaos.runner", str(os.getpid())],
        env={**os.environ, "POLYBOT_CONFIG": str(tmp_path / "polybot.toml")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == Exit.CONFIG
    assert "1 problem in the configuration" in done.stderr


def test_it_becomes_the_runner(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[object] = []

    def start(wishes: object, environ: object, execute: object) -> None:
        seen.append(execute)
        raise PolybotError("enough seen")

    monkeypatch.setattr(runner, "end_with_parent", lambda pid: pid == 7)
    monkeypatch.setattr(runner, "start_floor", start)
    assert runner.main(["7"]) == Exit.ERROR
    assert seen == [os.execve]
