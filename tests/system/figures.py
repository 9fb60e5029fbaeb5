"""The table at the end: what was measured, beside what it should be."""

import statistics
import threading
from dataclasses import dataclass, field


@dataclass
class Figure:
    """One measured thing; `limit` is what it should stay within, None where nothing is asked."""

    name: str
    unit: str
    limit: float | None
    values: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        """The middle of what was measured."""
        return statistics.median(self.values)

    def row(self) -> tuple[str, ...]:
        """Return the table's row: name, median, worst, how often, limit, verdict."""
        limit = "" if self.limit is None else f"{self.limit:g} {self.unit}"
        verdict = "" if self.limit is None else "ok" if self.median <= self.limit else "MISSED"
        worst = f"{max(self.values):.2f}"
        return (self.name, f"{self.median:.2f}", worst, str(len(self.values)), limit, verdict)


class Figures:
    """Collects from several threads."""

    def __init__(self) -> None:
        self._figures: dict[str, Figure] = {}
        self._lock = threading.Lock()

    def add(self, name: str, value: float, *, unit: str = "s", limit: float | None = None) -> None:
        """Note one measurement."""
        with self._lock:
            self._figures.setdefault(name, Figure(name, unit, limit)).values.append(value)

    def table(self) -> str:
        """Return the table as text."""
        rows: list[tuple[str, ...]] = [("figure", "median", "worst", "n", "limit", "")]
        rows += [each.row() for each in self._figures.values()]
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        lines = [
            "  ".join(
                cell.ljust(width) if column in (0, 5) else cell.rjust(width)
                for column, (cell, width) in enumerate(zip(row, widths, strict=True))
            ).rstrip()
            for row in rows
        ]
        return "\n".join(lines)
