"""What is proved: every crash point x answer x side x order type, and which of them cannot be."""

import random
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from polybot.ports.crash_points import POINTS

TRADER, TRACKER, SIMULATOR = "trader", "tracker", "simulator"
SIDES: Final = ("BUY", "SELL")
ORDER_TYPES: Final = ("GTC", "FAK", "FOK")


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer of the exchange: the fault that shows it, "" when it is the exchange's own.

    `is_read` says whether its sender reads an answer at all, `seconds` how long the fault lasts.
    `once`: whoever gets it waits before sending more, so only one order meets it.
    """

    name: str
    fault: str = ""
    is_read: bool = True
    seconds: float = 0.0
    once: bool = False


ANSWERS: Final[dict[str, Answer]] = {
    answer.name: answer
    for answer in (
        Answer("accepted"),
        Answer("rejected"),
        Answer("timeout-accepted", "withheld_after", is_read=False, seconds=0.8),
        Answer("timeout-lost", "withheld_before", is_read=False, seconds=0.8),
        # The bytes of a sender that gave up, or is dead, are delivered all the same.
        Answer("late", "delivered_late", is_read=False, seconds=4.0),
        Answer("reset", "reset_during", is_read=False),
        Answer("5xx-accepted", "error_500_after"),
        Answer("5xx-lost", "error_500_before"),
        Answer("duplicate", "delivered_twice"),
        Answer("425", "too_early", once=True),
        Answer("429", "too_many_requests", once=True),
    )
}

TRACKER_POINTS: Final = frozenset(point for point in POINTS if point.startswith("ingest."))
SIMULATOR_POINTS: Final = frozenset(point for point in POINTS if point.startswith("exchange."))
# Met by every process with a journal, and by the trader far more often than by the others.
COMMON_POINTS: Final = frozenset(
    point for point in POINTS if point.startswith(("journal.", "outbox.", "checkpoint."))
)
# An order stands at them: it is the one whose side and type are counted.
BEFORE_THE_ANSWER: Final = frozenset(
    {"order.recorded", "order.unsent", "order.handed", "orders.sending"}
)
AT_THE_ANSWER: Final = frozenset({"orders.sent", "orders.answered"})
# A start passes them, and nothing else does: they are met by a second kill while it recovers.
AT_A_START: Final = frozenset({"start.restored"})
# Reached without any order being sent: a stop may be in force, and must keep its original time.
UNDER_A_STOP: Final = frozenset(
    {"checkpoint.begun", "checkpoint.unnamed", "checkpoint.named", "checkpoint.done"}
    | {"snapshot.asked", "snapshot.applied", "reconcile.finished", "start.restored"}
)
# Points that only a test of its own can reach: no order of a drill passes them.
ELSEWHERE: Final[dict[str, str]] = {}


@dataclass(frozen=True, slots=True)
class Impossible:
    """Cells that cannot exist, on either side, and why."""

    point: str
    answers: frozenset[str]
    order_types: frozenset[str]
    reason: str


_UNREAD: Final = frozenset(name for name, answer in ANSWERS.items() if not answer.is_read)

IMPOSSIBLE: Final = (
    Impossible(
        "orders.answered",
        _UNREAD,
        frozenset(ORDER_TYPES),
        "no answer of this order is ever read, so nobody can stand behind having read it",
    ),
    *(
        Impossible(
            point,
            frozenset(ANSWERS),
            frozenset({"FAK", "FOK"}),
            "only an order that rests is canceled",
        )
        for point in ("cancel.recorded", "cancel.handed")
    ),
)


@dataclass(frozen=True, slots=True, order=True)
class Cell:
    """One case to prove."""

    point: str
    answer: str
    side: str
    order_type: str

    @property
    def kind(self) -> tuple[str, str]:
        """Side and order type: what a trader's whole life is about."""
        return self.side, self.order_type


@dataclass(frozen=True, slots=True)
class Scenario:
    """A cell with what the seed drew for it: which process, which time, and what else happens."""

    number: int
    cell: Cell
    process: str
    count: int
    power_cut: bool = False
    under_a_stop: bool = False


def why_impossible(cell: Cell) -> str:
    """Return why a cell cannot exist, "" when it can."""
    if cell.point in ELSEWHERE:
        return ELSEWHERE[cell.point]
    for row in IMPOSSIBLE:
        is_meant = row.point == cell.point and cell.answer in row.answers
        if is_meant and cell.order_type in row.order_types:
            return row.reason
    return ""


def reachable_cells() -> list[Cell]:
    """Return every cell that can exist, in the table's order."""
    cells = (
        Cell(point, answer, side, order_type)
        for point in POINTS
        for answer in ANSWERS
        for side in SIDES
        for order_type in ORDER_TYPES
    )
    return [cell for cell in cells if not why_impossible(cell)]


BLOCK: Final = 15
# Enough of a shuffled list to find every point among them.
CANDIDATES: Final = 300


def plan(seed: int, count: int) -> list[Scenario]:
    """Return `count` scenarios: every reachable cell once, then again, in an order by seed.

    Fewer than there are cells are chosen so that every point, answer, side and type is among them.
    Scenarios of one side and type come in blocks, because a trader's life is about one of them.
    """
    draw = random.Random(f"plan {seed}")
    cells: list[Cell] = []
    while len(cells) < count:
        more = reachable_cells()
        draw.shuffle(more)
        left = count - len(cells)
        cells += more if left >= len(more) else _spread(more, left)
    return [scenario_of(cell, number, draw) for number, cell in enumerate(_in_blocks(cells, draw))]


def scenario_of(cell: Cell, number: int, draw: random.Random) -> Scenario:
    """Draw what a cell leaves open."""
    process = TRADER
    if cell.point in TRACKER_POINTS:
        process = TRACKER
    elif cell.point in SIMULATOR_POINTS:
        process = SIMULATOR
    many = cell.point in COMMON_POINTS | SIMULATOR_POINTS and not cell.point.startswith("check")
    rare = cell.point in {"journal.segment", "journal.trimmed", "window.settled"}
    return Scenario(
        number=number,
        cell=cell,
        process=process,
        count=1 if rare or cell.point in AT_A_START else draw.randint(1, 6 if many else 2),
        power_cut=process == TRADER and draw.random() < 0.35,
        under_a_stop=cell.point in UNDER_A_STOP and draw.random() < 0.3,
    )


def _spread(cells: list[Cell], count: int) -> list[Cell]:
    """Choose cells so that what was chosen least comes next."""
    chosen: list[Cell] = []
    used: dict[str, int] = {}
    left = list(cells)
    while len(chosen) < count:
        best = min(left[:CANDIDATES], key=lambda cell: _uses(cell, used))
        left.remove(best)
        chosen.append(best)
        for name in _names(best):
            used[name] = used.get(name, 0) + 1
    return chosen


def _names(cell: Cell) -> tuple[str, ...]:
    return cell.point, cell.answer, f"{cell.side} {cell.order_type}"


def _uses(cell: Cell, used: dict[str, int]) -> tuple[int, ...]:
    # There are most points, so they are the scarcest: a point not seen yet comes first.
    point, answer, kind = (used.get(name, 0) for name in _names(cell))
    return point, answer, kind


def _in_blocks(cells: Iterable[Cell], draw: random.Random) -> list[Cell]:
    kinds: dict[tuple[str, str], list[Cell]] = {}
    for cell in cells:
        kinds.setdefault(cell.kind, []).append(cell)
    blocks = [
        group[start : start + BLOCK]
        for group in kinds.values()
        for start in range(0, len(group), BLOCK)
    ]
    draw.shuffle(blocks)
    return [cell for block in blocks for cell in block]
