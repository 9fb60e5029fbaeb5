"""The database as everybody but the tracker sees it: read-only, answering in typed values."""

from collections.abc import Iterable, Sequence
from datetime import tzinfo
from pathlib import Path

from peewee import SqliteDatabase

from polybot.adapters.storage.audit_extent import read_audit_point
from polybot.adapters.storage.belief import read_belief
from polybot.adapters.storage.connection import open_for_reading
from polybot.adapters.storage.domain_rows import read_orders
from polybot.adapters.storage.explain import explain
from polybot.adapters.storage.health_reads import read_alerts, read_lives, read_newest_audit
from polybot.adapters.storage.models import VenueOrderRow
from polybot.adapters.storage.newest_state import read_trading_state
from polybot.adapters.storage.refused_windows import read_not_entered, read_refused
from polybot.adapters.storage.settled_trades import read_settled_trades
from polybot.adapters.storage.source_positions import read_positions, read_witnesses
from polybot.adapters.storage.statements import execute, translated
from polybot.adapters.storage.wallet_reads import read_funds, read_open_positions
from polybot.adapters.storage.window_reports import read_pnl, read_trades, read_windows
from polybot.adapters.storage.work_lists import read_open_questions
from polybot.domain.audit import EVERYTHING, AuditExtent, AuditPoint, Belief
from polybot.domain.health import ProcessLife, StoredAlert, StoredAudit
from polybot.domain.metrics import SettledTrade
from polybot.domain.order import TERMINAL, Order
from polybot.domain.redemption import Funds
from polybot.domain.stored import (
    Explanation,
    OpenQuestion,
    PnlRow,
    RefusedWindow,
    TradeReport,
    WindowReport,
)
from polybot.messages.commands import HeldPosition, Witness
from polybot.messages.safety import TradingStateChanged

MANY = 1_000_000
_LOST = "SELECT token_id FROM settlement GROUP BY token_id HAVING MAX(won) = 0"


class LedgerReader:
    """Answers questions about the database; one thread, cheap to open, never a writer.

    Every method raises StorageError when the file cannot be read.
    """

    def __init__(self, database: SqliteDatabase, path: Path) -> None:
        self._database = database
        self._path = str(path)

    @classmethod
    def open(cls, path: Path) -> "LedgerReader":
        """Open a database; raises StorageError when it is not there or of another version."""
        return cls(open_for_reading(path), path)

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    def windows(self, *, now_ns: int, since_ns: int = 0, limit: int = MANY) -> list[WindowReport]:
        """Return windows that close at or after `since_ns`, newest first; all in market time."""
        with translated(self._path):
            return read_windows(self._database, since_ns=since_ns, now_ns=now_ns, limit=limit)

    def refused_windows(self, *, since_ns: int = 0) -> list[RefusedWindow]:
        """Return windows that were refused since a moment of market time, newest first."""
        with translated(self._path):
            return read_refused(self._database, since_ns=since_ns)

    def windows_not_entered(self, *, since_ns: int) -> list[RefusedWindow]:
        """Return windows whose newest preflight since a moment of market time objects."""
        with translated(self._path):
            return read_not_entered(self._database, since_ns=since_ns)

    def trades(self, *, since_ns: int = 0, limit: int = MANY) -> list[TradeReport]:
        """Return fills matched at or after `since_ns`, newest first."""
        with translated(self._path):
            return read_trades(self._database, since_ns=since_ns, limit=limit)

    def pnl(self, *, zone: tzinfo, since_ns: int = 0) -> list[PnlRow]:
        """Return P&L by day of `zone` and agent for windows that close at or after `since_ns`."""
        with translated(self._path):
            return read_pnl(self._database, since_ns=since_ns, zone=zone)

    def explain(self, key: str) -> Explanation | None:
        """Return what is known about a slug or an order, None when nothing is.

        `key` may be the start of an order's or an intent's id; raises InvalidValue when several
        orders fit.
        """
        with translated(self._path):
            return explain(self._database, key)

    def open_questions(self) -> list[OpenQuestion]:
        """Return the windows without an official outcome, by close."""
        with translated(self._path):
            return read_open_questions(self._database)

    def belief(self, extent: AuditExtent = EVERYTHING, also: Iterable[str] = ()) -> Belief:
        """Return what our books believe, for the audit; `also` are more orders to look at."""
        with translated(self._path):
            return read_belief(self._database, extent, also)

    def audit_point(self) -> AuditPoint | None:
        """Return how far the newest audit's row has come, None when none agreed yet."""
        with translated(self._path):
            return read_audit_point(self._database)

    def lost_tokens(self) -> frozenset[str]:
        """Return the tokens of windows that settled against them: worthless for ever."""
        with translated(self._path):
            return frozenset(row[0] for row in execute(self._database, _LOST))

    def funds(self, *, now_ns: int) -> Funds:
        """Return the wallet's dollars by our books; `now_ns` is market time."""
        with translated(self._path):
            return read_funds(self._database, now_ns=now_ns)

    def open_positions(self) -> tuple[HeldPosition, ...]:
        """Return what agents hold in windows without an outcome, without its market value."""
        with translated(self._path):
            return read_open_positions(self._database)

    def orders(self, order_ids: Sequence[str]) -> dict[str, Order]:
        """Return our orders among these ids."""
        with translated(self._path):
            chosen = VenueOrderRow.venue_order_id.in_(list(order_ids))
            return {o.venue_order_id: o for o in read_orders(self._database, chosen)}

    def open_order_ids(self) -> list[str]:
        """Return our orders that may still rest at the exchange, oldest first."""
        with translated(self._path):
            over = [status.value for status in TERMINAL]
            chosen = VenueOrderRow.status.not_in(over)
            return [order.venue_order_id for order in read_orders(self._database, chosen)]

    def process_lives(self, *, since_ns: int) -> tuple[ProcessLife, ...]:
        """Return each process's newest session, with its restarts since a wall time."""
        with translated(self._path):
            return read_lives(self._database, since_ns=since_ns)

    def alerts(self, *, since_ns: int) -> tuple[StoredAlert, ...]:
        """Return the alerts that came, ended or held since a wall time, oldest first."""
        with translated(self._path):
            return read_alerts(self._database, since_ns=since_ns)

    def newest_audit(self) -> StoredAudit | None:
        """Return the newest comparison with the exchange's books, None when there was none yet."""
        with translated(self._path):
            return read_newest_audit(self._database)

    def settled_trades(self) -> list[SettledTrade]:
        """Return every agent's window with trades and a grade, in the order of the first grades."""
        with translated(self._path):
            return read_settled_trades(self._database)

    def recorded_marks(self) -> frozenset[str]:
        """Return the marks of all recorded reflections."""
        with translated(self._path):
            return frozenset(
                row[0] for row in execute(self._database, "SELECT mark FROM reflection")
            )

    def positions(self) -> dict[str, int]:
        """Return the seq of the last stored event of each source."""
        with translated(self._path):
            return read_positions(self._database)

    def witnesses(self) -> dict[str, Witness]:
        """Return the last stored event of each source, to know its journal again by."""
        with translated(self._path):
            return read_witnesses(self._database)

    def trading_state(self) -> TradingStateChanged | None:
        """Return the trader's newest state with all its claims, None when none is known."""
        with translated(self._path):
            return read_trading_state(self._database)

    def last_commit_ns(self) -> int:
        """Return the wall time of the last stored event, 0 when there is none."""
        with translated(self._path):
            rows = execute(
                self._database, "SELECT COALESCE(MAX(stored_ns), 0) FROM source_position"
            )
        return int(rows[0][0])

    def newest_event_ns(self) -> int:
        """Return the market time of the newest window event, 0 when there is none.

        Commands use it as now when no process tells market time.
        """
        with translated(self._path):
            rows = execute(
                self._database,
                "SELECT COALESCE(MAX(ts_event), 0) FROM event WHERE slug <> ''"
                " AND id > (SELECT COALESCE(MAX(id), 0) - 1000 FROM event)",
            )
        return int(rows[0][0])
