"""How the trader's and the tracker's events change the tables of windows, orders, fills and grades.

Each handler runs inside the transaction that stores its event, once, in the order of its source.
Rows that another source's events should have made are not required to be there.
"""

from peewee import SqliteDatabase

from polybot.adapters.storage import models
from polybot.adapters.storage.json_text import to_text
from polybot.domain.fill import FillStatus
from polybot.domain.money import notional_usdc
from polybot.messages.envelope import Envelope
from polybot.messages.tracking import WindowGraded, WindowSettled
from polybot.messages.trading import (
    DecisionMade,
    ExternalFlowBooked,
    FillMatched,
    FillStatusChanged,
    IntentApproved,
    IntentDenied,
    OrderStatusChanged,
    OrderSubmitted,
    PositionSettled,
    WindowDiscovered,
    WindowSummarized,
)


def window_discovered(database: SqliteDatabase, _: Envelope, event: WindowDiscovered) -> None:
    """Add a window, or take its newer metadata."""
    market = event.market
    table = models.MarketWindowRow
    table.insert(
        slug=market.slug,
        condition_id=market.condition_id,
        series=market.slug.rpartition("-")[0],
        token_up=market.token_up,
        token_down=market.token_down,
        open_ns=market.open_ns,
        close_ns=market.close_ns,
        market=to_text(market),
        asks=0,
        next_ask_ns=0,
        grade_due=True,
    ).on_conflict(
        conflict_target=[table.slug],
        preserve=[
            table.condition_id,
            table.token_up,
            table.token_down,
            table.open_ns,
            table.close_ns,
            table.market,
        ],
    ).execute(database)


def window_settled(database: SqliteDatabase, envelope: Envelope, event: WindowSettled) -> None:
    """Keep the official outcome; a second one for the same window replaces the first."""
    models.WindowOutcomeRow.insert(
        slug=event.slug,
        condition_id=event.condition_id,
        outcome=event.outcome,
        route=event.source,
        provisional=event.provisional,
        settled_ns=envelope.ts_event,
    ).on_conflict_replace().execute(database)


def window_graded(database: SqliteDatabase, envelope: Envelope, event: WindowGraded) -> None:
    """Keep the newest grade of an agent's window."""
    window = models.MarketWindowRow.select(models.MarketWindowRow.close_ns).where(
        models.MarketWindowRow.slug == event.slug
    )
    close_ns = [row[0] for row in window.tuples().execute(database)]
    table = models.WindowGradeRow
    # Not a replacement: id and `settled_ns` of the first grade stay, so trades keep their order.
    table.insert(
        slug=event.slug,
        agent=event.agent,
        strategy=event.strategy,
        grade=event.grade,
        pnl_usdc=event.pnl_usdc,
        fees_usdc=event.fees_usdc,
        cost_usdc=event.cost_usdc,
        trades=event.trades,
        close_ns=close_ns[0] if close_ns else envelope.ts_event,
        settled_ns=envelope.ts_event,
        graded_ns=envelope.ts_event,
    ).on_conflict(
        conflict_target=[table.slug, table.agent],
        preserve=[
            table.strategy,
            table.grade,
            table.pnl_usdc,
            table.fees_usdc,
            table.cost_usdc,
            table.trades,
            table.graded_ns,
        ],
    ).execute(database)


def window_summarized(database: SqliteDatabase, _: Envelope, event: WindowSummarized) -> None:
    """Keep why an agent held in a window."""
    models.WindowSummaryRow.insert(
        slug=event.slug,
        agent=event.agent,
        strategy=event.strategy,
        looks=event.looks,
        holds=to_text(event.holds),
        entered=event.entered,
    ).on_conflict_replace().execute(database)


def decision_made(database: SqliteDatabase, envelope: Envelope, event: DecisionMade) -> None:
    """Keep a decision."""
    models.DecisionRow.insert(
        decision_id=event.decision_id,
        agent=event.agent,
        strategy=event.strategy,
        slug=event.slug,
        action=event.action,
        reason=event.reason,
        inputs=to_text(event.inputs),
        decided_ns=envelope.ts_event,
    ).on_conflict_replace().execute(database)


def intent_checked(
    database: SqliteDatabase, envelope: Envelope, event: IntentApproved | IntentDenied
) -> None:
    """Keep what risk said of an intent."""
    denied = isinstance(event, IntentDenied)
    models.IntentRow.insert(
        intent_id=event.intent_id,
        decision_id=event.decision_id,
        agent=event.agent,
        slug=event.slug,
        purpose=event.purpose,
        approved=not denied,
        reason=event.reason if isinstance(event, IntentDenied) else "",
        checks=to_text(event.checks),
        checked_ns=envelope.ts_event,
    ).on_conflict_replace().execute(database)


def order_submitted(database: SqliteDatabase, envelope: Envelope, event: OrderSubmitted) -> None:
    """Add an order as it was about to be sent."""
    order = event.order
    models.VenueOrderRow.insert(
        venue_order_id=order.venue_order_id,
        intent_id=order.intent_id,
        decision_id=event.decision_id,
        agent=order.agent,
        slug=order.slug,
        token_id=order.token_id,
        outcome=order.outcome.value,
        side=order.side.value,
        order_type=order.order_type.value,
        purpose=order.purpose,
        price_bps=order.price_bps,
        size_shares=order.size_shares,
        budget_usdc=order.budget_usdc,
        created_ns=order.created_ns,
        expires_ns=order.expires_ns,
        status=order.status.value,
        code="",
        detail="",
        filled_shares=order.filled_shares,
        filled_usdc=order.filled_usdc,
        fee_usdc=order.fee_usdc,
        updated_ns=envelope.ts_event,
    ).on_conflict_replace().execute(database)


def order_status_changed(
    database: SqliteDatabase, envelope: Envelope, event: OrderStatusChanged
) -> None:
    """Move an order; the exchange's last words stay when the news has none."""
    table = models.VenueOrderRow
    changes = {table.status: event.status.value, table.updated_ns: envelope.ts_event}
    if event.code or event.detail:
        changes |= {table.code: event.code, table.detail: event.detail}
    table.update(changes).where(table.venue_order_id == event.venue_order_id).execute(database)


def fill_matched(database: SqliteDatabase, envelope: Envelope, event: FillMatched) -> None:
    """Add a fill, and count it in its order."""
    fill = event.fill
    models.FillRow.insert(
        trade_id=fill.trade_id,
        venue_order_id=fill.venue_order_id,
        agent=fill.agent,
        slug=fill.slug,
        token_id=fill.token_id,
        outcome=fill.outcome.value,
        side=fill.side.value,
        price_bps=fill.price_bps,
        size_shares=fill.size_shares,
        fee_usdc=fill.fee_usdc,
        is_maker=fill.is_maker,
        matched_ns=fill.matched_ns,
        status=fill.status.value,
    ).on_conflict_ignore().execute(database)
    if fill.counts:
        _count_fill(database, fill.venue_order_id, envelope.ts_event)


def fill_status_changed(
    database: SqliteDatabase, envelope: Envelope, event: FillStatusChanged
) -> None:
    """Move a fill; one that FAILED no longer counts in its order."""
    table = models.FillRow
    table.update(status=event.status.value).where(
        (table.trade_id == event.trade_id) & (table.venue_order_id == event.venue_order_id)
    ).execute(database)
    if event.status is FillStatus.FAILED:
        _count_fill(database, event.venue_order_id, envelope.ts_event)


def _count_fill(database: SqliteDatabase, venue_order_id: str, now_ns: int) -> None:
    """Set an order's sums to those of its fills that count."""
    table = models.FillRow
    counted = table.select(table.price_bps, table.size_shares, table.fee_usdc).where(
        (table.venue_order_id == venue_order_id) & (table.status != FillStatus.FAILED.value)
    )
    shares = dollars = fees = 0
    for price_bps, size_shares, fee_usdc in counted.tuples().execute(database):
        shares += size_shares
        dollars += notional_usdc(price_bps, size_shares)
        fees += fee_usdc
    order = models.VenueOrderRow
    order.update(filled_shares=shares, filled_usdc=dollars, fee_usdc=fees, updated_ns=now_ns).where(
        order.venue_order_id == venue_order_id
    ).execute(database)


def position_settled(database: SqliteDatabase, envelope: Envelope, event: PositionSettled) -> None:
    """Keep what a position became; shares that arrive late settle in a row of their own."""
    models.SettlementRow.insert(
        agent=event.agent,
        token_id=event.token_id,
        slug=event.slug,
        won=event.won,
        size_shares=event.size_shares,
        payout_usdc=event.payout_usdc,
        settled_ns=envelope.ts_event,
    ).execute(database)


def flow_booked(database: SqliteDatabase, envelope: Envelope, event: ExternalFlowBooked) -> None:
    """Keep a flow that no order of ours made."""
    models.FlowRow.insert(
        kind=event.kind,
        amount_usdc=event.amount_usdc,
        token_id=event.token_id,
        size_shares=event.size_shares,
        detail=event.detail,
        booked_ns=envelope.ts_event,
    ).execute(database)
