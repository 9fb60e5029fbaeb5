"""`polybot doctor --live` on a machine without any network."""

import json
import os
import secrets
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.integration.floor import POLYBOT

# What a person waits for at most; the command is killed then.
LONGEST_S = 15


def without_network() -> list[str]:
    """Return what runs a command in a network of its own with nothing in it; skips where none."""
    unshare = shutil.which("unshare") or "false"
    for options in (["-n"], ["-rn"]):
        command = [unshare, *options]
        tried = subprocess.run([*command, "true"], capture_output=True, check=False)
        if tried.returncode == 0:
            return command
    pytest.skip("this machine does not let a test make a network namespace")


@pytest.mark.parametrize("is_set_up", [False, True], ids=["a fresh clone", "a live wallet"])
def test_it_ends_soon_and_every_failing_row_says_what_to_do(
    tmp_path: Path, is_set_up: bool
) -> None:
    config = tmp_path / "polybot.toml"
    config.write_text('mode = "live"\n' if is_set_up else "")
    environ = {name: value for name, value in os.environ.items() if "POLY" not in name}
    environ |= {
        "POLYBOT_CONFIG": str(config),
        "POLYBOT_STATE_DIR": str(tmp_path / "state"),
        "POLYBOT_RUNTIME_DIR": str(tmp_path / "r"),
    }
    if is_set_up:
        environ["POLYMARKET_PRIVATE_KEY"] = "0x" + secrets.token_hex(32)
    done = subprocess.run(
        [*without_network(), POLYBOT, "doctor", "--live", "--yes", "--json"],
        env=environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LONGEST_S,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    rows = json.loads(done.stdout)
    bad = {row["check"]: row for row in rows if row["status"] == "fail"}
    assert {"exchange version", "geoblock", "markets"} <= bad.keys()
    assert ("wallet" in bad) is not is_set_up
    assert all(row["fix"] for row in bad.values())
    assert {row["check"]: row["status"] for row in rows}["live order"] == "skip"
    assert "Traceback" not in done.stderr
