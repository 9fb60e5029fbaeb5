from pathlib import Path
from typing import Any

import pytest

from polybot.bootstrap.chaos.plan import SCENARIOS, Wish
from polybot.cli.chaos import run as running
from polybot.cli.chaos.report import Check, Played, Report, Struck
from polybot.config.floor import FloorRecord, write_floor
from tests.unit.cli.conftest import Command


class Runs:
    """Stands in for a run: notes what was wished, and answers a report."""

    def __init__(self) -> None:
        self.wishes: list[Wish] = []
        self.interrupted = False
        self.ok = True

    def __call__(self, wish: Wish, tell: Any) -> Report:
        self.wishes.append(wish)
        tell("under way")
        return Report(
            seed=wish.seed,
            minutes=wish.minutes,
            played=(Played(scenario="kill", struck=(Struck(what="k", recovered_s=1.0),)),),
            checks=(Check(name="books equal", ok=self.ok, detail="equal"),),
            interrupted=self.interrupted,
        )


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> Runs:
    made = Runs()
    monkeypatch.setattr(running, "run", made)
    return made


def test_without_options_every_scenario_shares_ten_minutes(polybot: Command, runs: Runs) -> None:
    told = polybot("chaos").stdout
    (wish,) = runs.wishes
    assert (wish.scenarios, wish.minutes, wish.keep) == (tuple(SCENARIOS), 10, False)
    assert f"8 scenarios in 10 minutes, seed {wish.seed}" in told
    assert f"chaos: PASS (seed {wish.seed})" in told


def test_the_exit_code_is_the_verdict(polybot: Command, runs: Runs) -> None:
    polybot("chaos", "--seed", "7", code=0)
    runs.ok = False
    polybot("chaos", "--seed", "7", code=1)
    runs.interrupted = True
    polybot("chaos", "--seed", "7", code=130)
    assert {wish.seed for wish in runs.wishes} == {7}


def test_as_json_only_the_report_is_on_standard_output(polybot_json: Any, runs: Runs) -> None:
    told = polybot_json("chaos", "--scenario", "kill,429", "--minutes", "1", "--keep")
    assert told["passed"] is True
    (wish,) = runs.wishes
    assert wish == Wish(("kill", "429"), 1.0, told["seed"], keep=True)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--scenario", "earthquake"), "expected scenarios of ws-freeze, 429"),
        (("--minutes", "1"), "expected at least 2.7 minutes for 8 scenarios"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_starts(
    polybot: Command, runs: Runs, options: tuple[str, str], words: str
) -> None:
    assert words in polybot("chaos", *options, code=2).stderr
    assert runs.wishes == []


def test_a_live_configuration_is_refused_and_told_why(
    polybot: Command, runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POLYBOT__MODE", "live")
    told = polybot("chaos", code=6).stderr
    assert "mode = live" in told
    assert "real money" in told
    assert runs.wishes == []


def test_a_live_floor_that_runs_here_is_refused_too(
    polybot: Command,
    runs: Runs,
    state_dir: Path,
    runtime_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("POLYBOT__MODE")
    polybot("chaos", code=0)
    write_floor(
        FloorRecord(pid=1, mode="live", state_dir=str(state_dir), runtime_dir=str(runtime_dir))
    )
    assert "mode = live" in polybot("chaos", code=6).stderr
    assert len(runs.wishes) == 1
