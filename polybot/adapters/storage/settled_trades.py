"""The settled trades, as metrics and reflections count them."""

from peewee import SqliteDatabase

from polybot.adapters.storage.statements import execute
from polybot.domain.grading import Grade
from polybot.domain.metrics import SettledTrade

_SETTLED = """
    SELECT g.slug, g.agent, g.strategy, g.grade, g.pnl_usdc, g.fees_usdc, g.cost_usdc, g.settled_ns,
        COALESCE(SUM(f.size_shares), 0), COALESCE(MIN(f.matched_ns), g.close_ns)
    FROM window_grade g LEFT JOIN fill f
        ON f.slug = g.slug AND f.agent = g.agent AND f.side = 'BUY' AND f.status <> 'FAILED'
    WHERE g.trades > 0 GROUP BY g.id ORDER BY g.id"""


def read_settled_trades(database: SqliteDatabase) -> list[SettledTrade]:
    """Return all of them, in the order in which they were graded first.

    A regraded trade keeps its place, so what was counted before is counted the same again.
    """
    return [
        SettledTrade(
            trade_id=f"{row[1]}:{row[0]}",
            slug=row[0],
            agent=row[1],
            strategy=row[2],
            grade=Grade(row[3]),
            pnl_usdc=row[4],
            fees_usdc=row[5],
            cost_usdc=row[6],
            settled_ns=row[7],
            bought_shares=row[8],
            entered_ns=row[9],
        )
        for row in execute(database, _SETTLED)
    ]
