"""Which event changes which table."""

from collections.abc import Callable
from typing import Any

from peewee import SqliteDatabase

from polybot.adapters.storage import activity_projections as activity
from polybot.adapters.storage import operations_projections as operations
from polybot.adapters.storage import trading_projections as trading
from polybot.messages.envelope import Envelope

Projection = Callable[[SqliteDatabase, Envelope, Any], None]

PROJECTIONS: dict[str, Projection] = {
    "WindowDiscovered": trading.window_discovered,
    "WindowSummarized": trading.window_summarized,
    "WindowSettled": trading.window_settled,
    "WindowGraded": trading.window_graded,
    "WindowRedeemed": activity.window_redeemed,
    "ExternalFlowSeen": activity.external_flow_seen,
    "DecisionMade": trading.decision_made,
    "IntentApproved": trading.intent_checked,
    "IntentDenied": trading.intent_checked,
    "OrderSubmitted": trading.order_submitted,
    "OrderStatusChanged": trading.order_status_changed,
    "FillMatched": trading.fill_matched,
    "FillStatusChanged": trading.fill_status_changed,
    "PositionSettled": trading.position_settled,
    "ExternalFlowBooked": trading.flow_booked,
    "ProcessStarted": operations.process_started,
    "ProcessStopped": operations.process_stopped,
    "VerdictChanged": operations.verdict_changed,
    "AlertRaised": operations.alert_raised,
    "AlertCleared": operations.alert_cleared,
    "AuditCompleted": operations.audit_completed,
    "ReflectionRecorded": operations.reflection_recorded,
    "FeedStateChanged": operations.feed_changed,
}


def project(database: SqliteDatabase, envelope: Envelope, body: Any) -> None:
    """Change the tables by one event, inside the caller's transaction.

    Events without a projection live in the event table alone.
    """
    projection = PROJECTIONS.get(envelope.type)
    if projection is not None:
        projection(database, envelope, body)
