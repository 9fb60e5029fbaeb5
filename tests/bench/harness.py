"""How measurements are taken and shown: interleaved rounds, medians of ratios, budgets, a table."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

# One step of a side: does its work once and returns the nanoseconds that count.
Step = Callable[[], int]


@dataclass(frozen=True, slots=True)
class Rounds:
    """The median nanoseconds of each side, round by round."""

    by_side: Mapping[str, Sequence[float]]

    def median_ns(self, side: str) -> float:
        """Return a side's median over all rounds."""
        return median(self.by_side[side])

    def ratio(self, slow: str, fast: str) -> float:
        """Return the median, over the rounds, of how often `fast` fits into `slow`.

        Both sides of a round met the same weather on a shared machine, so this repeats where
        the quotient of two medians does not.
        """
        pairs = zip(self.by_side[slow], self.by_side[fast], strict=True)
        return median(one / other for one, other in pairs)


def interleave(sides: Mapping[str, Step], *, rounds: int, burst: int) -> Rounds:
    """Run every side `burst` times a round, in the opposite order every other round.

    A round before the first is thrown away: it fills caches and connections.
    """
    taken: dict[str, list[float]] = {side: [] for side in sides}
    order = list(sides)
    for number in range(rounds + 1):
        for side in order:
            figure = median([sides[side]() for _ in range(burst)])
            if number:
                taken[side].append(figure)
        order.reverse()
    return Rounds(taken)


@dataclass(frozen=True, slots=True)
class Budget:
    """A bound on a row's ratio, or on our own figure where `unit` names one."""

    bound: float
    at_least: bool = False
    unit: str = ""

    def allows(self, figure: float) -> bool:
        """Return whether a figure keeps to the bound."""
        return figure >= self.bound if self.at_least else figure <= self.bound

    def __str__(self) -> str:
        sign = ">=" if self.at_least else "<="
        return f"{sign} {self.bound:g}{' ' + self.unit if self.unit else 'x'}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table: figures in `unit`, the peer's None where there is no peer.

    `ratio` is how much better we are where the budget is a least, how much worse where it is a
    most. `beside` are figures worth knowing that nobody is held to.
    """

    name: str
    unit: str
    ours: float
    peer: float | None = None
    ratio: float | None = None
    budget: Budget | None = None
    beside: str = ""

    @property
    def verdict(self) -> str:
        """Return ok or missed, or nothing for a row without a budget."""
        if self.budget is None:
            return ""
        figure = self.ours if self.budget.unit else self.ratio
        assert figure is not None, f"{self.name}: a budget without a figure to hold against it"
        return "ok" if self.budget.allows(figure) else "missed"

    def cells(self) -> tuple[str, ...]:
        """Return the row as the table shows it."""
        return (
            self.name,
            f"{self.ours:.1f} {self.unit}",
            "" if self.peer is None else f"{self.peer:.1f} {self.unit}",
            "" if self.ratio is None else f"{self.ratio:.2f}x",
            "" if self.budget is None else str(self.budget),
            self.verdict,
        )

    def as_dict(self) -> dict[str, object]:
        """Return the row for a program to read."""
        return {
            "name": self.name,
            "unit": self.unit,
            "ours": round(self.ours, 3),
            "peer": None if self.peer is None else round(self.peer, 3),
            "ratio": None if self.ratio is None else round(self.ratio, 3),
            "budget": None if self.budget is None else str(self.budget),
            "verdict": self.verdict,
            "beside": self.beside,
        }


HEADINGS = ("name", "ours", "peer", "ratio", "budget", "verdict")


def table(rows: Sequence[Row]) -> str:
    """Return the rows as aligned text, each with what stands beside it on a line of its own."""
    cells = [HEADINGS, *(row.cells() for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(HEADINGS))]
    notes = ["", *(row.beside for row in rows)]
    lines: list[str] = []
    for line, note in zip(cells, notes, strict=True):
        padded = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        lines.append(" | ".join(padded).rstrip())
        if note:
            lines.append(f"    {note}")
    return "\n".join(lines)


def microseconds(nanoseconds: float) -> float:
    """Return nanoseconds as microseconds."""
    return nanoseconds / 1000
