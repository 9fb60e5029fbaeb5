"""Without coincurve nothing signs: what needs it refuses to start, what does not goes on."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.integration.simulator_process import POLYBOT

BY_NAME = "expected the Python package coincurve, was not installed; run: pip install coincurve"


def run_without_coincurve(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    blocked = directory / "blocked"
    blocked.mkdir()
    (blocked / "coincurve.py").write_text("raise ImportError('blocked by a test')\n")
    environ = {
        **os.environ,
        "PYTHONPATH": str(blocked),
        "POLYBOT_STATE_DIR": str(directory / "state"),
        "POLYBOT_RUNTIME_DIR": str(directory / "run"),
    }
    return subprocess.run(
        [POLYBOT, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=environ,
        timeout=60,
    )


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(("run", "trader"), 78), (("run", "simulator"), 78), (("simulator",), 4)],
)
def test_who_signs_or_checks_signatures_refuses_to_start(
    tmp_path: Path, arguments: tuple[str, ...], code: int
) -> None:
    ended = run_without_coincurve(tmp_path, *arguments)
    assert (ended.returncode, ended.stdout) == (code, "")
    assert BY_NAME in ended.stderr
    assert "Traceback" not in ended.stderr


def test_the_doctor_says_so_in_a_row_of_its_own(tmp_path: Path) -> None:
    ended = run_without_coincurve(tmp_path, "doctor", "--json")
    assert ended.returncode == 1, ended.stderr
    told = json.loads(ended.stdout)
    rows = told["checks"] if isinstance(told, dict) else told
    row = next(row for row in rows if row["check"] == "coincurve")
    assert row["status"] == "fail"
    assert BY_NAME in row["detail"]
