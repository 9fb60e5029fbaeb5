"""Tests of running one process."""

import gc
from pathlib import Path

import pytest

from polybot.cli.run import main, run
from polybot.errors import ConfigError, StorageError


def test_a_process_is_run_by_its_name_and_its_code_returned() -> None:
    ran = []

    def run_process(name: str) -> int:
        ran.append(name)
        return 1

    assert run("tracker", run_process) == 1
    assert ran == ["tracker"]


def test_nothing_is_collected_while_a_process_starts() -> None:
    collecting = []

    def run_process(_: str) -> int:
        collecting.append(gc.isenabled())
        return 0

    run("trader", run_process)
    assert collecting == [False]
    assert gc.isenabled()


def test_a_bad_configuration_ends_with_the_code_that_stops_restarts(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def run_process(_: str) -> int:
        raise ConfigError(["mode: expected x, was y", "risk.pause_s: expected z, was w"])

    assert run("trader", run_process) == 78
    assert capsys.readouterr().err.splitlines()[1:] == [
        "mode: expected x, was y",
        "risk.pause_s: expected z, was w",
    ]


def test_any_other_error_of_ours_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    def run_process(_: str) -> int:
        raise StorageError("expected to write /state, was refused")

    assert run("trader", run_process) == 1
    assert capsys.readouterr().err == "polybot: expected to write /state, was refused\n"


@pytest.mark.parametrize("arguments", [[], ["trader", "tracker"], ["console"]])
def test_anything_but_one_known_process_is_wrong_usage(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    assert "usage: polybot run [--needed] {simulator,trader" in capsys.readouterr().err


def test_help_is_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    assert capsys.readouterr().out.startswith("usage: polybot run ")


@pytest.mark.parametrize(
    ("process", "mode", "code"),
    [
        ("simulator", "synthetic", 0),
        ("simulator", "replay", 0),
        ("simulator", "paper", 0),
        ("simulator", "live", 1),
        ("trader", "live", 0),
        # It starts, and says what is wrong itself.
        ("simulator", "lively", 0),
    ],
)
def test_only_live_mode_has_a_process_less(
    process: str, mode: str, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "polybot.toml").write_text(f'mode = "{mode}"\n')
    monkeypatch.setenv("POLYBOT_CONFIG", str(tmp_path / "polybot.toml"))
    assert main(["--needed", process]) == code


@pytest.mark.parametrize("arguments", [["--needed"], ["--needed", "console"], ["x", "trader"]])
def test_what_is_needed_is_asked_of_known_processes(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    assert "usage: polybot run" in capsys.readouterr().err
