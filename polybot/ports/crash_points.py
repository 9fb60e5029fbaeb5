"""Crash points: the named moments between a decision and its settlement at which a test may kill.

`reach` does nothing in production. A test tells a process by its environment where to stand still
(`bootstrap/crash_stop.py`), and kills it there from outside: what a power cut would do just then.
"""

from collections.abc import Callable
from typing import Final

POINTS: Final[dict[str, str]] = {
    # trader: from the decision to the request
    "decision.made": "the strategy decided, nothing is written down",
    "order.recorded": "the signed order is in the journal's file, not synced",
    "journal.unsynced": "everything of a turn is written, its sync has not begun",
    "journal.synced": "a turn is durable, nothing of it was told or sent",
    "journal.segment": "a new segment of the journal was taken into use",
    "outbox.publishing": "the first of a turn's events was published, the others were not",
    "outbox.published": "a turn's events were published",
    "order.unsent": "an order is durable and off the list, its request was not handed over",
    "order.handed": "an order's request was handed to the connection's thread",
    "cancel.recorded": "a cancel is in the journal's file, not synced",
    "cancel.handed": "a cancel's request was handed to the connection's thread",
    # the connection of orders and cancels
    "orders.sending": "a request of the order connection begins to leave",
    "orders.sent": "its last byte left, no answer was read",
    "orders.answered": "its answer was read, nobody has it yet",
    # trader: what comes back
    "answer.applied": "an order's answer is in the books, not synced",
    "fill.booked": "a fill is in the books, not synced",
    "snapshot.asked": "the account's state was asked for",
    "snapshot.applied": "its fills and orders are in the books, the reconcile has not ended",
    "reconcile.finished": "a reconcile ended, not synced",
    "window.settled": "a window's payout is in the books, not synced",
    "start.restored": "checkpoint and journal were read, nothing was asked of the exchange",
    # every process: its checkpoints
    "checkpoint.begun": "a checkpoint is about to be written",
    "checkpoint.unnamed": "it is written and synced under its unfinished name",
    "checkpoint.named": "it has its name, old ones are still there",
    "checkpoint.done": "old ones were deleted",
    "journal.trimmed": "segments nobody needs any more were deleted",
    # tracker
    "ingest.taken": "events arrived, none is stored",
    "ingest.storing": "events are in the database's transaction, not committed",
    "ingest.stored": "they are committed, their source does not know",
    "ingest.acknowledged": "their source was told",
    # simulator
    "exchange.unsynced": "the exchange decided, its journal is not synced, nobody was answered",
    "exchange.synced": "its journal is synced, nobody was answered",
}

_stop: Callable[[str], None] | None = None


def reach(point: str) -> None:
    """Say that a crash point is reached; a test that waits for it stops the process here."""
    if _stop is not None:
        _stop(point)


def on_reach(stop: Callable[[str], None] | None) -> None:
    """Call `stop` with the name of each point from now on; None: nothing any more."""
    global _stop  # noqa: PLW0603 - one for the process, and None but in a test's process
    _stop = stop
