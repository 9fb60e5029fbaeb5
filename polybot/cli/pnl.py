"""`polybot pnl`: what was won and lost, by trading day and agent."""

from typing import Any
from zoneinfo import ZoneInfo

from polybot.cli.books import open_books
from polybot.cli.options import Days, Json
from polybot.cli.output import dollars, say, show_json, show_table
from polybot.domain.money import format_usdc
from polybot.domain.stored import PnlRow


def pnl(days: Days = None, as_json: Json = False) -> None:
    """Show profit and loss by trading day and agent, from graded windows with trades.

    P&L of a simulated market that runs faster than real time is no evidence of anything.
    """
    with open_books() as books:
        zone = ZoneInfo(books.loaded.config.trading_zone)
        found = books.reader.pnl(zone=zone, since_ns=books.since_ns(days))
    if as_json:
        show_json([as_document(row) for row in found])
        return
    if not found:
        say("no graded window with a trade yet")
        return
    show_table(
        ("day", "agent", "windows", "trades", "won", "lost", "fees", "P&L"),
        map(_row, found),
        right="windows trades won lost fees P&L",
    )
    say(_totals(found))


def as_document(row: PnlRow) -> dict[str, Any]:
    """Return a day of an agent as JSON values; amounts are decimal strings in dollars."""
    return {
        "day": row.day,
        "agent": row.agent,
        "strategy": row.strategy,
        "windows": row.windows,
        "trades": row.trades,
        "wins": row.wins,
        "losses": row.losses,
        "win_rate": row.win_rate,
        "pnl_usdc": format_usdc(row.pnl_usdc),
        "fees_usdc": format_usdc(row.fees_usdc),
        "cost_usdc": format_usdc(row.cost_usdc),
    }


def _row(row: PnlRow) -> tuple[str, ...]:
    return (
        row.day,
        row.agent,
        str(row.windows),
        str(row.trades),
        str(row.wins),
        str(row.losses),
        dollars(row.fees_usdc),
        dollars(row.pnl_usdc, signed=True),
    )


def _totals(rows: list[PnlRow]) -> str:
    wins, losses = sum(row.wins for row in rows), sum(row.losses for row in rows)
    decided = wins + losses
    rate = f", {100 * wins / decided:.1f} % of {decided} won" if decided else ""
    total = dollars(sum(row.pnl_usdc for row in rows), signed=True)
    return f"total {total} after {dollars(sum(row.fees_usdc for row in rows))} of fees{rate}"
