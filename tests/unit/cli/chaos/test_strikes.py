import signal
from typing import Any

import pytest

from polybot.bootstrap.chaos import plan
from polybot.bootstrap.chaos.conditions import Conditions
from polybot.bootstrap.chaos.plan import Blow
from polybot.cli.chaos.strikes import Strike, describe, make_strike
from polybot.config.locations import PROCESSES
from tests.unit.cli.chaos.stand_in import PIDS, FakeDisk, StandIn


def made(scenario: str, floor: StandIn, disk: FakeDisk | None = None, **blow: Any) -> Strike:
    drawn = Blow(pause_s=0, hold_s=5, **blow)
    return make_strike(scenario, drawn, floor, disk)  # type: ignore[arg-type]


def test_what_was_killed_must_be_replaced() -> None:
    floor = StandIn()
    strike = made(plan.KILL, floor, targets=("trader", "tracker"))
    strike.begin()
    strike.end()
    killed = {(PIDS["trader"], signal.SIGKILL), (PIDS["tracker"], signal.SIGKILL)}
    assert set(floor.signals) == killed
    assert strike.missing() == "not started again: trader, tracker"
    floor.running["trader"] = 7
    assert strike.missing() == "not started again: tracker"
    floor.running["tracker"] = 8
    assert strike.missing() == ""


def test_a_kill_of_nobody_is_no_kill() -> None:
    floor = StandIn()
    del floor.running["trader"]
    strike = made(plan.KILL, floor, targets=("trader",))
    strike.begin()
    assert strike.missing() == "not killed, because it did not run: trader"


def test_what_is_stopped_stands_still_and_is_let_go() -> None:
    floor = StandIn()
    strike = made(plan.STOP, floor, targets=("tracker",))
    strike.begin()
    strike.end()
    assert floor.signals == [(PIDS["tracker"], signal.SIGSTOP)]
    assert floor.let_gone == [PIDS["tracker"]]
    assert strike.missing() == ""


def test_a_stop_that_stopped_nothing_did_not_take_hold() -> None:
    floor = StandIn()
    floor.still = False
    strike = made(plan.STOP, floor, targets=("tracker",))
    strike.begin()
    strike.end()
    assert strike.missing() == "it did not stand still"


@pytest.mark.parametrize("scenario", [plan.TOO_MANY, plan.EXCHANGE_DOWN])
def test_faults_of_the_exchange_are_taken_back_and_must_have_been_shown(scenario: str) -> None:
    floor = StandIn()
    strike = made(scenario, floor)
    strike.begin()
    strike.end()
    assert floor.asked[0][1]["rules"]
    assert floor.asked[-1] == ("/simulator/faults", {"rules": []})
    assert strike.missing() == "the exchange showed none of the faults"
    strike.begin()
    floor.shown = 3
    strike.end()
    assert strike.missing() == ""


def test_a_frozen_stream_must_be_given_up_and_come_back() -> None:
    floor = StandIn()
    floor.log = "market stream: lost: before\nmarket stream: connected again\n"
    strike = made(plan.WS_FREEZE, floor, targets=("market",))
    strike.begin()
    floor.shown = 1
    strike.end()
    assert floor.asked[0][1]["rules"] == [{"fault": "freeze", "stream": "market", "nth": 1}]
    assert strike.missing() == "not connected anew: market"
    floor.log += "market stream: lost: no data for 8 s\n"
    assert strike.missing() == "not connected anew: market"
    floor.log += "market stream: connected again\n"
    assert strike.missing() == ""


def test_a_frozen_user_stream_is_reset_in_the_end() -> None:
    floor = StandIn()
    strike = made(plan.WS_FREEZE, floor, targets=("user",))
    strike.begin()
    floor.shown = 1
    strike.end()
    assert strike.missing() == "not connected anew: user"
    floor.log += "trading is now REDUCING: user stream disconnected: closed with code 1006\n"
    floor.log += "reconciled after user stream: 0 open orders\n"
    assert strike.missing() == ""
    after = [{"fault": "disconnect", "stream": "user", "nth": 1}]
    assert floor.asked[-1][1] == {"rules": after}


def test_a_jump_must_be_noticed_by_every_process_of_the_floor() -> None:
    floor = StandIn()
    strike = made(plan.CLOCK_JUMP, floor, amount=-3600.0)
    strike.begin()
    strike.end()
    assert floor.conditions == [Conditions(clock_shift_s=-3600), Conditions()]
    for name in ("trader", "tracker", "reflector"):
        floor.log += f"{name}: the wall clock jumped by -3600.0 s: time goes on\n"
    assert strike.missing() == "not noticed by watchdog"
    floor.log += "watchdog: the wall clock jumped by -3600.0 s: time goes on\n"
    assert strike.missing() == ""


def test_slow_syncs_must_have_been_met() -> None:
    floor = StandIn()
    strike = made(plan.SLOW_DISK, floor, amount=0.4)
    strike.begin()
    strike.end()
    assert floor.conditions == [Conditions(sync_s=0.4), Conditions()]
    assert strike.missing() == "no slow sync in trader, tracker"
    floor.log += "trader: chaos: a sync takes 0.40 s longer\n"
    floor.log += "tracker: chaos: a sync takes 0.40 s longer\n"
    assert strike.missing() == ""


def test_a_full_disk_must_have_been_full_and_noticed() -> None:
    floor, disk = StandIn(), FakeDisk()
    strike = made(plan.DISK_FULL, floor, disk)
    strike.begin()
    assert disk.full
    strike.end()
    assert not disk.full
    assert strike.missing() == "nobody noticed the full disk"
    floor.log += "watchdog: 0 MiB of free space on this disk\n"
    assert strike.missing() == ""
    disk.fills = False
    strike.begin()
    strike.end()
    assert strike.missing() == "the disk could still be written"


def test_a_full_disk_needs_a_disk_of_its_own() -> None:
    with pytest.raises(ValueError, match="expected a small disk"):
        made(plan.DISK_FULL, StandIn(), None)


@pytest.mark.parametrize("scenario", plan.SCENARIOS)
def test_every_scenario_can_be_made_and_told(scenario: str) -> None:
    blow = next(plan.blows(scenario, 1))
    assert make_strike(scenario, blow, StandIn(), FakeDisk())  # type: ignore[arg-type]
    assert describe(scenario, blow)


def test_the_whole_floor_is_told_as_all() -> None:
    assert describe(plan.KILL, Blow(pause_s=0, hold_s=0, targets=PROCESSES)) == "all killed"
