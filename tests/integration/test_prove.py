"""A hundred kills of real processes, spread over every crash point, answer, side and order type.

`make prove` is the whole of it; this is what every run of the tests does.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LEAST = 100

pytestmark = [pytest.mark.floor, pytest.mark.timeout(1_500)]


def test_a_hundred_kills_leave_nothing_twice_nothing_lost_and_equal_books() -> None:
    environ = {name: value for name, value in os.environ.items() if "POLYBOT" not in name}
    done = subprocess.run(
        [sys.executable, "-m", "tests.prove", "--subset", "--json", "--minutes", "20"],
        cwd=ROOT,
        env=environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout, done.stderr
    told = json.loads(done.stdout)
    assert told["findings"] == []
    assert told["never_hit"] == []
    assert told["scenarios"] >= LEAST
    assert told["in_flight_share"] >= 0.3
    assert told["controls"] == {
        "post-before-journal": True,
        "retry-on-timeout": True,
        "publish-before-sync": True,
    }
    assert (told["proved"], done.returncode) == (True, 0), done.stderr
