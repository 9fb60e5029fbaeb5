import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from polybot.cli.audit_child import main


@pytest.fixture(autouse=True)
def floor(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Give the child a floor without anything in it."""
    config = tmp_path / "polybot.toml"
    config.write_text("")
    monkeypatch.setenv("POLYBOT_CONFIG", str(config))
    monkeypatch.setenv("POLYBOT_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("POLYBOT_RUNTIME_DIR", str(tmp_path / "run"))


def test_the_result_is_its_whole_output() -> None:
    child = subprocess.run(
        [sys.executable, "-m", "polybot.cli.audit_child", "5"],
        env=dict(os.environ),
        capture_output=True,
        check=False,
        timeout=60,
    )

    assert child.returncode == 0, child.stderr
    assert "has the tracker run" in json.loads(child.stdout)["error"]


def test_a_bad_configuration_is_said_on_the_other_stream(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "polybot.toml").write_text("[tracker]\naudit_interval_s = 0\n")

    assert main([]) == 4

    captured = capsys.readouterr()
    assert captured.out == ""
    assert "tracker.audit_interval_s" in captured.err
