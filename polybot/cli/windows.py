"""`polybot windows`: the windows of the market with their outcome, grades and P&L."""

from typing import Annotated, Any

import typer

from polybot.adapters.storage.reader import MANY
from polybot.cli.books import open_books
from polybot.cli.options import Days, Json
from polybot.cli.output import dollars, moment, plural, say, show_json, show_table
from polybot.domain.money import format_usdc
from polybot.domain.stored import RefusedWindow, WindowReport
from polybot.domain.window import parse_slug

SCREENFUL = 50

Limit = Annotated[
    int | None,
    typer.Option("--limit", "-n", help=f"At most so many rows; {SCREENFUL} on a screen.", min=1),
]


def windows(days: Days = None, limit: Limit = None, as_json: Json = False) -> None:
    """List windows, newest first: status, official outcome, grade and P&L of each.

    Windows that are not traded because of how the exchange lists them come last, with the reason.
    """
    with open_books() as books:
        refused = books.reader.refused_windows(since_ns=books.since_ns(days))
        found = books.reader.windows(
            now_ns=books.now_ns,
            since_ns=books.since_ns(days),
            limit=rows(limit, all_of_them=as_json),
        )
    if as_json:
        show_json([*map(as_document, found), *map(_refused_document, refused)])
        return
    if found:
        _show(found)
    elif not refused:
        say("no window yet")
    for window in refused[:SCREENFUL]:
        say(f"not traded ({window.code}): {window.reason}")


def _show(found: list[WindowReport]) -> None:
    show_table(
        ("window", "opens", "status", "outcome", "grade", "P&L"), map(_row, found), right="P&L"
    )
    graded = [window for window in found if window.grades]
    total = sum(window.pnl_usdc for window in graded)
    say(f"{plural(len(found), 'window')}, {len(graded)} graded, P&L {dollars(total, signed=True)}")


def rows(limit: int | None, *, all_of_them: bool) -> int:
    """Return how many rows to read: a script gets all of them, a person a screenful."""
    return limit or (MANY if all_of_them else SCREENFUL)


def as_document(window: WindowReport) -> dict[str, Any]:
    """Return a window as JSON values; amounts are decimal strings in dollars."""
    return {
        "slug": window.slug,
        "open_ns": window.open_ns,
        "close_ns": window.close_ns,
        "status": window.status.value,
        "outcome": window.outcome,
        "grades": [
            {
                "agent": grade.agent,
                "strategy": grade.strategy,
                "grade": grade.grade,
                "pnl_usdc": format_usdc(grade.pnl_usdc),
                "fees_usdc": format_usdc(grade.fees_usdc),
                "cost_usdc": format_usdc(grade.cost_usdc),
                "trades": grade.trades,
            }
            for grade in window.grades
        ],
        "pnl_usdc": format_usdc(window.pnl_usdc),
        "series": window.series,
        "provisional_outcome": window.provisional or None,
        "refusal": None,
    }


def _refused_document(window: RefusedWindow) -> dict[str, Any]:
    # Only windows of followed series are ever looked up, so each slug says its own times.
    named = parse_slug(window.slug)
    return {
        "slug": window.slug,
        "open_ns": named.open_ns,
        "close_ns": named.close_ns,
        "status": "refused",
        "outcome": None,
        "grades": [],
        "pnl_usdc": "0",
        "series": named.series.name,
        "provisional_outcome": None,
        "refusal": {"code": window.code, "reason": window.reason},
    }


def _row(window: WindowReport) -> tuple[str, ...]:
    grades = ", ".join(grade.grade for grade in window.grades)
    traded = any(grade.trades for grade in window.grades)
    pnl = dollars(window.pnl_usdc, signed=True) if traded else "-"
    return (
        window.slug,
        moment(window.open_ns)[:16],
        window.status.value,
        window.outcome or "-",
        grades or "-",
        pnl,
    )
