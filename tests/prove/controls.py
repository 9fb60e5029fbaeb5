"""The negative controls: a proof that cannot fail proves nothing, so three broken traders must."""

import random
from dataclasses import dataclass
from typing import Final

from tests.prove.judge import (
    every_order_has_one_intent,
    nothing_is_posted_twice,
    nothing_is_posted_unwritten,
    the_database_holds_each_event_once,
)
from tests.prove.matrix import Cell, Scenario, why_impossible
from tests.prove.worker import Report

MOST_SCENARIOS: Final = 16


@dataclass(frozen=True, slots=True)
class Control:
    """A broken promise: where it shows, and by which checks it must be found."""

    name: str
    points: tuple[str, ...]
    answers: tuple[str, ...]
    power_cut: bool
    checks: frozenset[str]

    @property
    def modules(self) -> dict[str, tuple[str, ...]]:
        """What is started in place of the trader."""
        return {"trader": ("tests.prove.sabotaged", self.name)}


CONTROLS: Final = (
    Control(
        "post-before-journal",
        ("journal.unsynced", "order.recorded"),
        ("accepted", "5xx-accepted", "timeout-accepted"),
        True,
        frozenset({every_order_has_one_intent.__name__, nothing_is_posted_unwritten.__name__}),
    ),
    Control(
        "retry-on-timeout",
        ("snapshot.applied", "reconcile.finished"),
        ("timeout-accepted", "timeout-lost", "reset"),
        False,
        frozenset({nothing_is_posted_twice.__name__}),
    ),
    Control(
        "publish-before-sync",
        ("journal.unsynced",),
        ("accepted", "5xx-accepted", "429"),
        True,
        frozenset({the_database_holds_each_event_once.__name__}),
    ),
)


def scenarios_of(control: Control, seed: int) -> list[Scenario]:
    """Return the scenarios in which a control must be caught, in an order by seed."""
    draw = random.Random(f"control {control.name} {seed}")
    cells = [
        Cell(point, answer, "BUY", order_type)
        for point in control.points
        for answer in control.answers
        for order_type in ("GTC", "FAK", "FOK")
    ]
    cells = [cell for cell in cells if not why_impossible(cell)] * MOST_SCENARIOS
    chosen = sorted(cells[:MOST_SCENARIOS], key=lambda _: draw.random())
    return [
        Scenario(number, cell, "trader", draw.randint(1, 3), power_cut=control.power_cut)
        for number, cell in enumerate(chosen)
    ]


def is_caught(control: Control, reports: list[Report]) -> bool:
    """Say whether the checks that are there for it found a control."""
    found = {
        finding.check
        for report in reports
        for finding in [*report.findings, *(report.played.findings if report.played else [])]
    }
    return bool(found & control.checks)
