"""Tests of `polybot simulator calibrate`."""

import json
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Command
from tests.unit.simulator.recordings_sample import best, window, write


@pytest.fixture
def recordings(tmp_path: Path) -> Path:
    directory = tmp_path / "recorded"
    directory.mkdir()
    rows = [best(10 * n, "Up", 0.9, 0.93) for n in range(30)]
    return write(directory, [(window(), rows)])


def test_it_prints_both_markets_side_by_side(polybot: Command, recordings: Path) -> None:
    lines = polybot(
        "simulator", "calibrate", "--recordings", str(recordings), "--windows", "2"
    ).stdout.splitlines()
    table = {line[:36].strip(): line[36:].split() for line in lines}
    assert lines[0].split() == ["recordings", "synthetic"]
    assert table["windows"][0] == "1"
    assert table["spread, median, cents"] == ["3.0", "1.0"]
    assert table["best price, median shares"][0] == "-"
    assert table["trades a second"][0] == "-"
    assert table["favorite buyable 60 s before"][0] == "100%"


def test_a_script_gets_the_figures_unrounded(polybot: Command, recordings: Path) -> None:
    options = ("--recordings", str(recordings), "--windows", "2", "--json")
    told = json.loads(polybot("simulator", "calibrate", *options).stdout)
    assert set(told) == {"recordings", "synthetic"}
    assert told["recordings"]["spread_mean"] == pytest.approx(3)
    assert told["recordings"]["best_shares"] is None
    assert told["synthetic"]["buyable"].keys() == told["recordings"]["buyable"].keys()


def test_a_directory_without_an_index_is_named(polybot: Command, tmp_path: Path) -> None:
    told = polybot("simulator", "calibrate", "--recordings", str(tmp_path), code=1).stderr
    started, failed = told.splitlines()
    assert started.startswith("reading the recordings of")
    assert str(tmp_path) in failed
