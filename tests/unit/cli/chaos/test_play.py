from collections.abc import Iterator
from typing import Any

import pytest

from polybot.bootstrap.chaos.plan import KILL, Blow
from polybot.cli.chaos import play
from polybot.cli.chaos.play import Player
from polybot.cli.exits import CommandError, Late
from tests.unit.cli.chaos.stand_in import StandIn


class Instant:
    """A strike that takes hold at once, or says what is missing."""

    def __init__(self, problem: str = "") -> None:
        self.problem = problem
        self.ends = 0
        self.fails = 0
        self.interrupts = False

    def begin(self) -> None:
        if self.interrupts:
            raise KeyboardInterrupt

    def end(self) -> None:
        self.ends += 1
        if self.fails:
            self.fails -= 1
            raise ConnectionRefusedError

    def missing(self) -> str:
        return self.problem


@pytest.fixture
def floor() -> StandIn:
    return StandIn()


@pytest.fixture
def strike(monkeypatch: pytest.MonkeyPatch) -> Instant:
    """Play this strike at once, whatever the plan says."""
    made = Instant()

    def instantly(scenario: str, seed: int) -> Iterator[Blow]:
        del scenario, seed
        while True:
            yield Blow(pause_s=0, hold_s=0, targets=("trader",))

    monkeypatch.setattr(play, "make_strike", lambda *_: made)
    monkeypatch.setattr(play, "blows", instantly)
    monkeypatch.setattr(play, "RECOVERY_S", 0.3)
    monkeypatch.setattr(play, "KILLS_S", 0.0)
    return made


def player(floor: StandIn, said: list[str] | None = None) -> Player:
    tell = (said if said is not None else []).append
    return Player(floor, None, seed=1, tell=tell)  # type: ignore[arg-type]


def test_a_scenario_is_played_until_its_share_is_over(floor: StandIn, strike: Instant) -> None:
    said: list[str] = []
    players = player(floor, said)
    players.play(KILL, 0.6)
    (played,) = players.played
    assert played.verdict == "PASS"
    assert strike.ends == len(played.struck) == len(said) >= 1
    assert said[0].startswith("kill 1: trader killed: well again after ")


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"missing": ("tracker",)}, "not alive: tracker"),
        ({"state": "REDUCING"}, "trading is REDUCING"),
        ({"state": ""}, "trading is unknown"),
        ({"trades": False}, "no order was placed any more"),
        ({"ended": True}, "the floor's runner ended"),
    ],
)
def test_a_floor_that_does_not_come_back_fails_the_scenario_and_ends_it(
    floor: StandIn, strike: Instant, wrong: dict[str, Any], told: str
) -> None:
    for name, value in wrong.items():
        setattr(floor, name, value)
    players = player(floor)
    players.play(KILL, 60)
    (played,) = players.played
    assert played.verdict == "FAIL"
    (struck,) = played.struck
    assert struck.recovered_s is None
    assert told in struck.problem
    assert strike.ends == 1


def test_a_strike_that_did_not_take_hold_is_no_pass(floor: StandIn, strike: Instant) -> None:
    strike.problem = "nobody noticed"
    players = player(floor)
    players.play(KILL, 0)
    assert "nobody noticed" in players.played[0].struck[0].problem


def test_an_order_of_before_the_floor_was_well_does_not_count(
    floor: StandIn, strike: Instant
) -> None:
    del strike
    floor.missing = ("trader",)
    looks = 0

    def look() -> Any:
        nonlocal looks
        looks += 1
        floor.missing = ("trader",) if looks < 3 else ()
        # The last order came while the trader was away.
        floor.trades = looks < 3
        return StandIn.look(floor)

    floor.look = look  # type: ignore[method-assign]
    assert player(floor).await_trade(0.9)[1] == "no order was placed any more"


def test_a_strike_is_taken_back_also_when_it_is_interrupted(
    floor: StandIn, strike: Instant
) -> None:
    strike.interrupts = True
    players = player(floor)
    with pytest.raises(KeyboardInterrupt):
        players.play(KILL, 60)
    assert strike.ends == 1
    assert players.played[0].verdict == "CUT"


def test_taking_back_waits_for_an_exchange_that_is_away(floor: StandIn, strike: Instant) -> None:
    strike.fails = 2
    players = player(floor)
    players.play(KILL, 0)
    assert strike.ends == 3
    assert players.played[0].verdict == "PASS"


def test_a_strike_that_cannot_be_done_is_told(
    floor: StandIn, strike: Instant, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> None:
        raise CommandError("no such fault")

    monkeypatch.setattr(strike, "begin", refuse)
    players = player(floor)
    players.play(KILL, 60)
    assert players.played[0].struck[0].problem == "could not be done: no such fault"


def test_what_is_skipped_is_told_with_its_reason(floor: StandIn) -> None:
    said: list[str] = []
    players = player(floor, said)
    players.skip("disk-full", "not permitted")
    assert said == ["disk-full: skipped: not permitted"]
    assert players.played[0].verdict == "SKIPPED"


def test_a_floor_that_never_trades_is_late(floor: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(play, "START_S", 0.3)
    player(floor).wait_until_it_trades()
    floor.state = "RECONCILING"
    with pytest.raises(Late, match="trading is RECONCILING"):
        player(floor).wait_until_it_trades()


def test_nobody_is_killed_a_third_time_within_a_minute(
    floor: StandIn, strike: Instant, monkeypatch: pytest.MonkeyPatch
) -> None:
    del strike
    sleeps: list[float] = []
    monkeypatch.setattr(play, "KILLS_S", 65.0)
    monkeypatch.setattr(play.time, "sleep", sleeps.append)
    players = player(floor)
    for _ in range(3):
        players.play(KILL, 0)
    assert [round(seconds) for seconds in sleeps if seconds > 60] == [65]
