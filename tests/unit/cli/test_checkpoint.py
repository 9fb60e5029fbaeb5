"""Tests of `polybot checkpoint`, on real checkpoints."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from polybot.runtime.checkpoint import CheckpointStore
from tests.fakes import FakeClock
from tests.unit.cli.conftest import Command


@pytest.fixture
def checkpoints(state_dir: Path) -> list[Path]:
    """Save two checkpoints of the trader and return their files, oldest first."""
    directory = state_dir / "trader"
    directory.mkdir()
    store = CheckpointStore(directory, clock=FakeClock())
    paths = [store.save(seq, b'{"cash": %d}' % seq, 1) for seq in (5, 12)]
    store.close()
    return paths


@pytest.mark.usefixtures("checkpoints")
def test_the_newest_checkpoint_is_shown(polybot: Command, polybot_json: Callable[..., Any]) -> None:
    text = polybot("checkpoint", "show", "trader").stdout
    assert "seq 12, schema 1, saved " in text
    assert '"cash": 12' in text
    (newest,) = polybot_json("checkpoint", "show", "trader")
    assert newest["state"] == {"cash": 12}
    kept = polybot_json("checkpoint", "show", "trader", "--all")
    assert [each["seq"] for each in kept] == [12, 5]


def test_a_damaged_one_is_named_and_the_one_before_is_shown(
    polybot: Command, polybot_json: Callable[..., Any], checkpoints: list[Path]
) -> None:
    checkpoints[1].write_bytes(checkpoints[1].read_bytes().replace(b'"cash":', b'"CASH":'))
    text = polybot("checkpoint", "show", "trader").stdout
    assert f"unusable: {checkpoints[1]} is damaged" in text
    assert "seq 5" in text
    (shown,) = polybot_json("checkpoint", "show", "trader")
    assert shown["seq"] == 5


def test_without_a_usable_one_it_fails(polybot: Command, checkpoints: list[Path]) -> None:
    for path in checkpoints:
        path.write_bytes(b"{}")
    result = polybot("checkpoint", "show", "trader", code=1)
    assert result.stdout.count("unusable: ") == 2
    assert "expected a usable checkpoint" in result.stderr


@pytest.mark.parametrize("process", ["trader", "nobody", "../etc"])
def test_a_process_without_checkpoints_is_unknown(polybot: Command, process: str) -> None:
    assert (
        "expected a process with checkpoints"
        in polybot("checkpoint", "show", process, code=2).stderr
    )
