"""`polybot chaos` itself: it passes, a broken promise makes it fail, and nothing is left behind."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.floor

PROGRAM = "from polybot.cli.main import main; main()"
END_S = 300


class Run:
    """A run in the background; its directories are below one of the test's own."""

    def __init__(self, directory: Path, *options: str) -> None:
        self.directory = directory
        # Not /etc's or a developer's configuration, and no live floor's.
        (directory / "polybot.toml").write_text("")
        own = {
            "TMPDIR": str(directory),
            "POLYBOT_CONFIG": str(directory / "polybot.toml"),
            "POLYBOT_RUNTIME_DIR": str(directory / "run"),
        }
        self.process = subprocess.Popen(
            # Tests may run in the background, where Ctrl-C is ignored: not by what they start.
            [
                *("env", "--default-signal=INT", sys.executable, "-c", PROGRAM),
                *("chaos", "--json", *options),
            ],
            env={**os.environ, **own},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def root(self) -> Path | None:
        """Return the run's directory once it is there."""
        return next(self.directory.glob("polybot-chaos-*"), None)

    def wait(self, what: str, seen: Callable[[], Any]) -> Any:
        """Wait until `seen` answers something while the run goes on."""
        deadline = time.monotonic() + END_S
        while self.process.poll() is None and time.monotonic() < deadline:
            if answer := seen():
                return answer
            time.sleep(0.1)
        raise AssertionError(f"waited for {what}: {self.process.communicate()}")

    def end(self) -> tuple[int, dict[str, Any], str]:
        """Wait for the end; return the exit code, the report, and what was said on the way."""
        told, said = self.process.communicate(timeout=END_S)
        return self.process.returncode, json.loads(told), said

    def left_running(self) -> list[str]:
        """Return the command lines of processes that still belong to the run's floor."""
        left = []
        for entry in Path("/proc").iterdir():
            try:
                if str(self.directory).encode() in (entry / "environ").read_bytes():
                    left.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode())
            except OSError:
                continue
        return [line for line in left if "polybot.cli.run" in line or "supervisord" in line]


def checks(report: dict[str, Any]) -> dict[str, bool]:
    return {check["name"]: check["ok"] for check in report["checks"]}


def test_kills_429_and_a_full_disk_pass_and_nothing_is_left(tmp_path: Path) -> None:
    run = Run(tmp_path, "--scenario", "kill,429,disk-full", "--minutes", "1", "--seed", "3")
    code, report, said = run.end()
    assert code == 0, (report, said)
    assert report["passed"]
    played = {each["scenario"]: each for each in report["scenarios"]}
    if played["disk-full"]["result"] == "skipped":
        assert "only a disk of our own may be full" in played.pop("disk-full")["reason"]
    assert {each["result"] for each in played.values()} == {"pass"}
    assert all(each["strikes"] for each in played.values())
    assert len(checks(report)) == 8
    assert all(checks(report).values())
    assert run.left_running() == []
    assert [path.name for path in tmp_path.iterdir()] == ["polybot.toml"]


def test_a_request_that_came_twice_and_a_fill_of_another_size_are_found(tmp_path: Path) -> None:
    """The control: the same run, but somebody posts an order again and forges a fill."""
    run = Run(tmp_path, "--scenario", "429", "--minutes", "0.4", "--seed", "3", "--keep")
    root = run.wait("a directory", run.root)
    requests = root / "exchange" / "requests.jsonl"
    order = run.wait("an order", lambda: order_in(requests))
    with requests.open("a") as file:
        file.write(order)
    database = root / "disk" / "state" / "tracker" / "ledger.sqlite"
    forge = "UPDATE fill SET fee_usdc = fee_usdc + 1 WHERE rowid = (SELECT min(rowid) FROM fill)"
    run.wait("a forged fill", lambda: written(database, forge))
    code, report, said = run.end()
    assert code == 1, (report, said)
    assert not report["passed"]
    found = checks(report)
    assert [found["posted once"], found["books equal"], found["audit agrees"]] == [False] * 3
    # What was left alone is still as it should be.
    assert found["processes alive"]
    assert found["trading resumed"]
    assert found["journaled first"]
    assert report["directory"] == str(root)
    assert (root / "floor.log").is_file()
    assert run.left_running() == []


def order_in(requests: Path) -> str:
    if not requests.exists():
        return ""
    lines = requests.read_text().splitlines(keepends=True)
    return next((line for line in lines if '"POST /order"' in line and line.endswith("\n")), "")


def written(database: Path, statement: str) -> int:
    """Change a database that somebody else is writing to; return how many rows that changed."""
    if not database.exists():
        return 0
    code = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], timeout=5); "
    code += "n = c.execute(sys.argv[2]).rowcount; c.commit(); print(n)"
    done = subprocess.run(
        [sys.executable, "-c", code, str(database), statement],
        capture_output=True,
        text=True,
        check=False,
    )
    return int(done.stdout or 0)


def test_an_interrupted_run_reports_and_leaves_no_process(tmp_path: Path) -> None:
    run = Run(tmp_path, "--scenario", "stop", "--minutes", "5")
    run.wait("a floor", lambda: len(run.left_running()) == 6)
    time.sleep(5)
    run.process.send_signal(signal.SIGINT)
    code, report, said = run.end()
    assert code == 130, said
    assert report["interrupted"]
    assert not report["passed"]
    assert run.left_running() == []
    assert [path.name for path in tmp_path.iterdir()] == ["polybot.toml"]


def test_a_run_that_is_killed_takes_its_floor_with_it(tmp_path: Path) -> None:
    run = Run(tmp_path, "--scenario", "429", "--minutes", "5")
    run.wait("a floor", lambda: len(run.left_running()) == 6)
    run.process.kill()
    run.process.communicate()
    deadline = time.monotonic() + 30
    while run.left_running() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert run.left_running() == []
