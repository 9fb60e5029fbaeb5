from itertools import islice

import pytest

from polybot.bootstrap.chaos.plan import (
    CLOCK_JUMP,
    KILL,
    SCENARIOS,
    SLOW_DISK,
    STOP,
    WS_FREEZE,
    blows,
    read_scenarios,
    share_s,
)
from polybot.config.locations import PROCESSES
from polybot.errors import InvalidValue


def test_all_scenarios_are_played_when_none_is_named() -> None:
    assert read_scenarios("") == tuple(SCENARIOS)
    assert read_scenarios(" kill , 429,kill") == ("kill", "429")


def test_an_unknown_scenario_is_refused_with_those_there_are() -> None:
    with pytest.raises(InvalidValue, match=r"ws-freeze, 429.*was 'earthquake'"):
        read_scenarios("kill,earthquake")


def test_the_minutes_are_shared_equally_and_must_be_enough() -> None:
    assert share_s(("kill", "429"), 2) == 60
    assert share_s(tuple(SCENARIOS), 10) == 75
    with pytest.raises(InvalidValue, match=r"at least 2.7 minutes for 8 scenarios"):
        share_s(tuple(SCENARIOS), 2)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_seed_draws_the_same_strikes_and_another_one_others(scenario: str) -> None:
    first, again = list(islice(blows(scenario, 7), 9)), list(islice(blows(scenario, 7), 9))
    assert first == again
    assert first != list(islice(blows(scenario, 8), 9))


@pytest.mark.parametrize("scenario", [KILL, STOP])
@pytest.mark.parametrize("seed", range(20))
def test_every_process_is_met_before_any_is_met_again(scenario: str, seed: int) -> None:
    drawn = [blow.targets for blow in islice(blows(scenario, seed), 6)]
    alone = {targets[0] for targets in drawn if len(targets) == 1}
    assert alone == set(PROCESSES)
    if scenario == KILL:
        assert PROCESSES in drawn


@pytest.mark.parametrize("seed", range(20))
def test_amounts_are_what_a_strike_needs(seed: int) -> None:
    jumps = {blow.amount for blow in islice(blows(CLOCK_JUMP, seed), 20)}
    assert jumps == {3600, -3600}
    assert all(0.2 <= blow.amount <= 1 for blow in islice(blows(SLOW_DISK, seed), 9))
    # Longer than the silence after which the floor gives a connection up.
    assert all(blow.hold_s > 10 for blow in islice(blows(WS_FREEZE, seed), 9))
