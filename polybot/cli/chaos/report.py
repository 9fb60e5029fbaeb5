"""What a run of chaos came to: a verdict of each scenario, the checks at the end, and the total."""

from collections.abc import Iterator
from statistics import median
from typing import Any

import msgspec

from polybot.cli.output import plural, say, say_hanging, show_table

PASS, FAIL, SKIPPED, CUT = "PASS", "FAIL", "SKIPPED", "CUT"


class Struck(msgspec.Struct, frozen=True, kw_only=True):
    """One strike: after how many wall seconds everything was well again, None if it never was."""

    what: str
    recovered_s: float | None
    problem: str = ""


class Played(msgspec.Struct, frozen=True, kw_only=True):
    """One scenario: its strikes, or why there were none; `cut` if the run ended before its time."""

    scenario: str
    struck: tuple[Struck, ...] = ()
    skipped: str = ""
    cut: bool = False

    @property
    def verdict(self) -> str:
        """PASS when every strike took hold and was recovered from."""
        if self.skipped:
            return SKIPPED
        if any(each.problem for each in self.struck):
            return FAIL
        return CUT if self.cut or not self.struck else PASS

    @property
    def recoveries_s(self) -> list[float]:
        """How long each recovery took."""
        return [each.recovered_s for each in self.struck if each.recovered_s is not None]


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """What must hold when everything has settled, and what was found."""

    name: str
    ok: bool
    detail: str


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """A whole run; `kept` is where its files are, "" when they were removed."""

    seed: int
    minutes: float
    played: tuple[Played, ...]
    checks: tuple[Check, ...]
    interrupted: bool = False
    kept: str = ""
    error: str = ""

    @property
    def passed(self) -> bool:
        """Whether every scenario that could be played, and every check, passed; and some did."""
        verdicts = [each.verdict for each in self.played]
        return (
            not self.interrupted
            and not self.error
            and PASS in verdicts
            and all(verdict in (PASS, SKIPPED) for verdict in verdicts)
            and bool(self.checks)
            and all(check.ok for check in self.checks)
        )


def as_document(report: Report) -> dict[str, Any]:
    """Return a report as JSON values."""
    return {
        "passed": report.passed,
        "interrupted": report.interrupted,
        "error": report.error or None,
        "seed": report.seed,
        "minutes": report.minutes,
        "scenarios": [
            {
                "scenario": each.scenario,
                "result": each.verdict.lower(),
                "reason": each.skipped or None,
                "strikes": [msgspec.to_builtins(struck) for struck in each.struck],
                "slowest_s": max(each.recoveries_s, default=None),
                "median_s": round(median(each.recoveries_s), 1) if each.recoveries_s else None,
            }
            for each in report.played
        ],
        "checks": [msgspec.to_builtins(check) for check in report.checks],
        "directory": report.kept or None,
    }


def say_report(report: Report) -> None:
    """Print a report: two tables, the reasons of what did not pass, and the total."""
    say()
    show_table(
        ("scenario", "strikes", "recovered", "median", "slowest", "result"),
        [_row(each) for each in report.played],
        right="strikes recovered median slowest",
    )
    say()
    if report.checks:
        rows = [(check.name, PASS if check.ok else FAIL) for check in report.checks]
        show_table(("afterwards", "result"), rows)
        say()
    for head, text in _remarks(report):
        say_hanging(f"{head}: ", text)
    say(f"chaos: {_total(report)} (seed {report.seed})")
    for line in _why(report):
        say_hanging("  ", line)


def _row(played: Played) -> tuple[str, ...]:
    times = played.recoveries_s
    return (
        played.scenario,
        str(len(played.struck)),
        str(len(times)),
        f"{median(times):.1f} s" if times else "",
        f"{max(times):.1f} s" if times else "",
        played.verdict,
    )


def _remarks(report: Report) -> Iterator[tuple[str, str]]:
    for played in report.played:
        if played.skipped:
            yield f"{played.scenario} skipped", played.skipped
        for struck in played.struck:
            if struck.problem:
                yield f"{played.scenario} ({struck.what})", struck.problem
    for check in report.checks:
        yield check.name, check.detail
    if report.error:
        yield "the run broke off", report.error
    if report.kept:
        yield "kept", report.kept


def _total(report: Report) -> str:
    if report.interrupted:
        return "INTERRUPTED"
    return PASS if report.passed else FAIL


def _why(report: Report) -> Iterator[str]:
    verdicts = [each.verdict for each in report.played]
    skipped = [each.scenario for each in report.played if each.verdict == SKIPPED]
    also = f", {len(skipped)} skipped ({', '.join(skipped)})" if skipped else ""
    yield f"{verdicts.count(PASS)} of {plural(len(verdicts), 'scenario')} passed{also}"
    if report.checks:
        held = sum(check.ok for check in report.checks)
        yield f"{held} of {plural(len(report.checks), 'check')} held"
    else:
        yield "nothing was checked afterwards"
