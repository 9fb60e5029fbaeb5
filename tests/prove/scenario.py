"""Plays one scenario: bring about the cell, kill there, recover, judge."""

import json
import time
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

from polybot.domain.order import Order
from tests.prove.evidence import Post
from tests.prove.floor import Drilled
from tests.prove.judge import Finding
from tests.prove.matrix import (
    ANSWERS,
    AT_A_START,
    AT_THE_ANSWER,
    BEFORE_THE_ANSWER,
    SIMULATOR,
    TRACKER,
    TRADER,
    Cell,
    Scenario,
)
from tests.prove.stage import LOOK_S, Stage

MEET_S: Final = 20.0
STAND_STILL_S: Final = 15.0
# A window closes every 15 s, and its outcome comes some seconds later.
RARE_S: Final = {"window.settled": 40.0, "journal.segment": 30.0, "journal.trimmed": 30.0}
OK, BAD_REQUEST = 200, 400


@dataclass(frozen=True, slots=True)
class Played:
    """What became of a scenario: the cell that was hit, None when its point was not reached."""

    scenario: Scenario
    hit: Cell | None
    in_flight: bool = False
    power_cut: bool = False
    seconds: float = 0.0
    why_missed: str = ""
    findings: list[Finding] = field(default_factory=list)


def drilled_for(scenario: Scenario) -> Drilled:
    """Return what the trader has to do in the life in which a scenario is played."""
    cell = scenario.cell
    return Drilled(side=cell.side, order_type=cell.order_type, misses=cell.answer == "rejected")


def play(stage: Stage, scenario: Scenario, following: Drilled) -> Played:
    """Play a scenario on a floor whose trader decides; it decides again afterwards.

    `following` is what the trader does after its next start.
    """
    began_s = time.monotonic()
    if stage.is_stopped:
        stage.is_stopped = not stage.watchman.resume()
    if stage.drilled != drilled_for(scenario):
        stage.kill_trader(power_cut=False)
        stage.begin(drilled_for(scenario))
    missed = _bring_about(stage, scenario)
    hit: Cell | None = None
    in_flight: list[Order] = []
    if not missed:
        hit, in_flight, missed = _kill(stage, scenario)
    else:
        _kill_missed(stage, scenario)
    _recover(stage, scenario, following)
    return Played(
        scenario=scenario,
        hit=hit,
        in_flight=bool(in_flight),
        power_cut=scenario.power_cut and hit is not None,
        seconds=time.monotonic() - began_s,
        why_missed=missed,
        findings=stage.judge(),
    )


def _bring_about(stage: Stage, scenario: Scenario) -> str:
    """Let the answer be met and the process stand still; returns what did not happen."""
    cell = scenario.cell
    own = cell.point in AT_THE_ANSWER
    if cell.side == "SELL" and not _wait(stage, lambda: _has_sold(stage, cell), MEET_S):
        return "no sale was sent"
    # Where its own answer is what matters every order gets it, elsewhere others are filled.
    every = 1 if own or cell.answer in ("425", "429") else 2
    stage.answer_with(ANSWERS[cell.answer], every=every)
    if not own and not _wait(stage, lambda: _is_met(stage, cell, every), MEET_S):
        return "no order met the answer"
    if scenario.under_a_stop:
        stage.is_stopped = stage.watchman.stop_entries()
    if cell.point in AT_A_START:
        return _at_a_start(stage, scenario)
    stage.floor.arm(scenario.process, cell.point, scenario.count)
    patience_s = RARE_S.get(cell.point, STAND_STILL_S)
    if not stage.stands_still(scenario.process, patience_s):
        return "the point was not reached"
    return ""


def _at_a_start(stage: Stage, scenario: Scenario) -> str:
    """Kill the trader, and let its next life stand still while it recovers."""
    stage.kill_trader(power_cut=False)
    stage.floor.arm(TRADER, scenario.cell.point, scenario.count)
    stage.start_trader(stage.drilled)
    if not stage.stands_still(TRADER, STAND_STILL_S):
        return "the point was not reached at a start"
    return ""


def _kill(stage: Stage, scenario: Scenario) -> tuple[Cell | None, list[Order], str]:
    """Kill the process where it stands; returns the cell that was hit and what was in flight."""
    session = stage.evidence.trader.sessions[-1].name
    if scenario.process == TRADER:
        stage.kill_trader(power_cut=scenario.power_cut)
    else:
        stage.floor.kill(scenario.process)
        if scenario.process == TRACKER:
            stage.calm()
        stage.evidence.requests.read()
        stage.look_at_the_trader()
    flying = stage.evidence.trader.in_flight(session)
    cell = scenario.cell
    if cell.point in BEFORE_THE_ANSWER | AT_THE_ANSWER:
        # A power cut may have taken the order along: that it stood there is what counts.
        kinds = {(order.side.value, order.order_type.value) for order in flying}
        if cell.kind not in kinds | stage.cut_off:
            return None, flying, "another order stood at the point"
    return cell, flying, ""


def _kill_missed(stage: Stage, scenario: Scenario) -> None:
    """Kill all the same: what did not stand still is killed wherever it is."""
    if scenario.process == TRADER:
        stage.kill_trader(power_cut=False)
    else:
        stage.floor.kill(scenario.process)
        if scenario.process == TRACKER:
            stage.calm()


def _recover(stage: Stage, scenario: Scenario, following: Drilled) -> None:
    """Start again what was killed, and let the trader decide."""
    if scenario.process == SIMULATOR:
        stage.floor.start(SIMULATOR)
        stage.floor.wait_for_exchange()
        stage.calm()
    elif scenario.process == TRACKER:
        stage.floor.start(TRACKER)
    else:
        stage.begin(following)
    if stage.is_stopped:
        stage.is_stopped = not stage.watchman.resume()


def _wait(stage: Stage, met: Any, seconds: float) -> bool:
    end = time.monotonic() + seconds * stage.floor.slowness
    while not met():
        if time.monotonic() >= end or not stage.floor.is_alive(TRADER):
            return False
        stage.look()
        time.sleep(LOOK_S)
    return True


def _has_sold(stage: Stage, cell: Cell) -> bool:
    return any(kind_of(post) == cell.kind for post in stage.posts_of_this_life())


def _is_met(stage: Stage, cell: Cell, every: int) -> bool:
    """Say whether an order of the cell's side and type met its answer since it was changed."""
    answer = ANSWERS[cell.answer]
    posts = stage.posts_since()
    for number, post in enumerate(posts, start=1):
        if kind_of(post) != cell.kind:
            continue
        status = stage.evidence.requests.status_of(post)
        if answer.fault and number % every == 0 and (number == every or not answer.once):
            return True
        if not answer.fault and status == (BAD_REQUEST if cell.answer == "rejected" else OK):
            return True
    return False


def kind_of(post: Post) -> tuple[str, str]:
    """Return side and order type of an order as it was posted."""
    return _kind_of(post.body)


@lru_cache(maxsize=512)
def _kind_of(body: str) -> tuple[str, str]:
    told = json.loads(body)
    return str(told["order"]["side"]), str(told["orderType"])
