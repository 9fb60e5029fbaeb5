"""The tally of a run: hits per cell, kills in flight, findings, and whether that is a proof."""

import statistics
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

from polybot.ports.crash_points import POINTS
from tests.prove.judge import Finding, Verdict
from tests.prove.matrix import ANSWERS, ORDER_TYPES, SIDES, Cell, why_impossible
from tests.prove.worker import Report

LEAST_IN_FLIGHT: Final = 0.30


@dataclass(slots=True)
class Tally:
    """Adds up what the workers report; `planned` are the cells that must be hit."""

    planned: frozenset[Cell]
    scenarios: int = 0
    missed: int = 0
    in_flight: int = 0
    power_cuts: int = 0
    lost_records: int = 0
    intents: int = 0
    floors: int = 0
    processor_s: float = 0.0
    slowness: float = 0.0
    hits: Counter[Cell] = field(default_factory=Counter)
    misses: Counter[str] = field(default_factory=Counter)
    found: list[tuple[Finding, str, str]] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    recoveries_s: list[float] = field(default_factory=list)

    def add(self, report: Report) -> None:
        """Take one report of a worker."""
        played = report.played
        if played is not None:
            where = f"scenario {played.scenario.number} {played.scenario.cell}"
            self.found += [(each, where, report.directory) for each in played.findings]
            self.seconds.append(played.seconds)
            if played.hit is None:
                self.missed += 1
                self.misses[f"{played.scenario.cell.point}: {played.why_missed}"] += 1
                return
            self.scenarios += 1
            self.hits[played.hit] += 1
            self.in_flight += played.in_flight
            self.power_cuts += played.power_cut
            return
        self.found += [(each, "at rest", report.directory) for each in report.findings]
        self.floors += bool(report.recoveries_s)
        self.processor_s += report.processor_s
        self.slowness = max(self.slowness, report.slowness)
        self.recoveries_s += report.recoveries_s
        self.lost_records += report.lost_records
        self.intents += report.intents

    @property
    def never_hit(self) -> list[Cell]:
        """The planned cells that no kill hit."""
        return sorted(self.planned - self.hits.keys())

    @property
    def in_flight_share(self) -> float:
        """The share of kills with an order in flight."""
        return self.in_flight / self.scenarios if self.scenarios else 0.0

    def of(self, verdict: Verdict) -> int:
        """Count the findings of a kind."""
        return sum(each.verdict is verdict for each, _, _ in self.found)

    @property
    def shortcomings(self) -> list[str]:
        """Why this run proves nothing, though it may have found nothing either."""
        short = []
        if self.never_hit:
            named = "; ".join(_named(cell) for cell in self.never_hit[:20])
            short.append(f"{len(self.never_hit)} reachable cells were never hit: {named}")
        if self.in_flight_share < LEAST_IN_FLIGHT:
            short.append(
                f"expected an order in flight at {LEAST_IN_FLIGHT:.0%} of the kills, was "
                f"{self.in_flight_share:.0%}"
            )
        return short

    @property
    def is_proof(self) -> bool:
        """Whether nothing was found and everything was tried."""
        return not self.found and not self.shortcomings

    def lines(self) -> list[str]:
        """Return the report, its verdict last."""
        lines = [*_table(self.hits), ""]
        lines += [
            f"{each.verdict.value[:-1]}: {each.check}: {each.detail} ({where}; {directory})"
            for each, where, directory in self.found
        ]
        lines += [f"missed {count} times, {why}" for why, count in self.misses.most_common()]
        lines += [f"not proved: {each}" for each in self.shortcomings]
        lines += [self._figures(), self.last_line]
        return lines

    @property
    def last_line(self) -> str:
        """The verdict in one line."""
        kinds = ", ".join(f"{verdict.value} {self.of(verdict)}" for verdict in Verdict)
        return f"scenarios {self.scenarios}, {kinds}"

    def _figures(self) -> str:
        return ", ".join(
            [
                f"kills with an order in flight {self.in_flight_share:.0%}",
                f"power cuts {self.power_cuts} ({self.lost_records} unsynced records lost)",
                f"floors {self.floors}",
                f"orders {self.intents}",
                f"points missed {self.missed}",
                f"a scenario {_spread(self.seconds)}",
                f"from start to deciding {_spread(self.recoveries_s)}",
                f"processor time a scenario {self.processor_s / max(self.scenarios, 1):.2f} s",
                f"the machine was up to {self.slowness:.1f} times slower than idle",
            ]
        )

    def as_json(self) -> dict[str, Any]:
        """Return everything for a script."""
        return {
            "scenarios": self.scenarios,
            **{verdict.value: self.of(verdict) for verdict in Verdict},
            "in_flight_share": round(self.in_flight_share, 4),
            "power_cuts": self.power_cuts,
            "missed": self.missed,
            "floors": self.floors,
            "orders": self.intents,
            "processor_s": round(self.processor_s, 1),
            "never_hit": [_named(cell) for cell in self.never_hit],
            "proved": self.is_proof,
            "findings": [
                {"check": f.check, "detail": f.detail, "where": where, "directory": directory}
                for f, where, directory in self.found
            ],
            "hits": {_named(cell): count for cell, count in sorted(self.hits.items())},
        }


def _named(cell: Cell) -> str:
    return f"{cell.point} {cell.answer} {cell.side} {cell.order_type}"


def _spread(seconds: list[float]) -> str:
    if not seconds:
        return "-"
    ordered = sorted(seconds)
    return f"{statistics.median(ordered):.2f} s (p95 {ordered[int(len(ordered) * 0.95)]:.2f} s)"


def _table(hits: Counter[Cell]) -> list[str]:
    """Return hits per point and answer, then per side and order type; - where nothing can be."""
    rows = [["point", *ANSWERS]]
    for point in POINTS:
        row = [point]
        for answer in ANSWERS:
            cells = [Cell(point, answer, side, kind) for side in SIDES for kind in ORDER_TYPES]
            possible = [cell for cell in cells if not why_impossible(cell)]
            row.append(str(sum(hits[cell] for cell in possible)) if possible else "-")
        rows.append(row)
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "  ".join(
            [row[0].ljust(widths[0])]
            + [text.rjust(width) for text, width in zip(row[1:], widths[1:], strict=True)]
        )
        for row in rows
    ]
    kinds = Counter[str]()
    for cell, count in hits.items():
        kinds[f"{cell.side} {cell.order_type}"] += count
    return [*lines, "", ", ".join(f"{kind} {count}" for kind, count in sorted(kinds.items()))]
