"""One worker: floors one after the other, each for some scenarios, and what came of them."""

import random
import resource
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from tests.prove.floor import Drilled, Floor, slowness_now
from tests.prove.judge import Finding, Verdict
from tests.prove.matrix import Scenario
from tests.prove.scenario import Played, drilled_for, play
from tests.prove.stage import Stage, staged

# A floor's books grow with its life: a fresh one keeps each look at them cheap.
SCENARIOS_A_FLOOR: Final = 40
MOST_TRIES: Final = 4
AT_REST: Final = Drilled(rests=True)


@dataclass(frozen=True, slots=True)
class Report:
    """What a worker tells: a scenario that was played, or a floor that was judged at rest.

    `findings` of a scenario are in `played`; `directory` is kept for a person when there are any.
    """

    played: Played | None = None
    findings: list[Finding] = field(default_factory=list)
    directory: str = ""
    recoveries_s: list[float] = field(default_factory=list)
    lost_records: int = 0
    intents: int = 0
    processor_s: float = 0.0
    slowness: float = 0.0


@dataclass(slots=True)
class Worker:
    """Plays its share of the scenarios; one that missed its point is tried again later."""

    number: int
    seed: int
    todo: list[Scenario]
    end_s: float
    say: Callable[[Report], None]
    modules: dict[str, tuple[str, ...]] = field(default_factory=dict)
    stops_at_a_finding: bool = False
    _floors: int = 0
    _found: bool = False
    _tries: dict[int, int] = field(default_factory=dict)
    _used_s: float = 0.0

    def run(self) -> None:
        """Play until all is done, time is over, or a finding is enough."""
        while self.todo and not self._is_over():
            share, self.todo = self.todo[:SCENARIOS_A_FLOOR], self.todo[SCENARIOS_A_FLOOR:]
            self._floor(share)

    def _is_over(self) -> bool:
        return time.monotonic() >= self.end_s or (self._found and self.stops_at_a_finding)

    def _floor(self, share: list[Scenario]) -> None:
        self._floors += 1
        seed = self.seed * 10_000 + self.number * 1_000 + self._floors
        floor = Floor(seed, modules=self.modules, slowness=slowness_now())
        left = list(share)
        try:
            with staged(floor, random.Random(f"floor {seed}")) as stage:
                stage.open(drilled_for(share[0]))
                for played in self._played(stage, share):
                    left.remove(played.scenario)
                    self.note(played, floor)
                    # Whatever else a floor showed after a finding would be the same thing again.
                    if played.findings or self._is_over():
                        break
                if not stage.showed_a_finding:
                    self._rest(stage)
        except Exception:  # noqa: BLE001 - a floor that falls over is a finding, the others go on
            self._found = True
            finding = Finding("the_floor_runs", Verdict.DIFFERENCE, traceback.format_exc())
            self.say(Report(findings=[finding], directory=str(floor.root)))
            # The scenario it fell over in is not tried again.
            left = left[1:]
        self.todo = left + self.todo
        # Its processes have ended, so the system has counted them.
        used_s, self._used_s = _processor_s() - self._used_s, _processor_s()
        self.say(Report(processor_s=used_s))

    def _played(self, stage: Stage, share: list[Scenario]) -> Iterator[Played]:
        for scenario, following in zip(share, [*share[1:], share[-1]], strict=True):
            yield play(stage, scenario, drilled_for(following))

    def note(self, played: Played, floor: Floor) -> None:
        """Tell of a scenario, and put it back when it missed its point."""
        number = played.scenario.number
        self._tries[number] = self._tries.get(number, 0) + 1
        if played.hit is None and not played.findings and self._tries[number] < MOST_TRIES:
            self.todo.append(played.scenario)
        self._found = self._found or bool(played.findings)
        directory = str(floor.root) if played.findings else ""
        self.say(Report(played=played, directory=directory))

    def _rest(self, stage: Stage) -> None:
        """Let everything end, and judge what then must be equal."""
        stage.kill_trader(power_cut=False)
        stage.begin(AT_REST)
        found = stage.judge_at_rest()
        self._found = self._found or bool(found)
        self.say(
            Report(
                findings=found,
                directory=str(stage.floor.root) if found else "",
                recoveries_s=stage.recoveries_s,
                lost_records=stage.lost_records,
                intents=len(stage.evidence.trader.intents),
                slowness=stage.floor.slowness,
            )
        )


def _processor_s() -> float:
    """Return the processor time of this process and of its children that have ended."""
    own, others = (
        resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return own.ru_utime + own.ru_stime + others.ru_utime + others.ru_stime
