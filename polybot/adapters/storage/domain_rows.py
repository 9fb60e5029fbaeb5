"""Orders and fills as rows, turned back into domain values."""

from typing import Any

from peewee import SqliteDatabase

from polybot.adapters.storage.models import FillRow, VenueOrderRow
from polybot.domain.fill import Fill, FillStatus
from polybot.domain.market import Outcome
from polybot.domain.order import Order, OrderStatus, OrderType, Side


def read_fills(database: SqliteDatabase, where: Any = None) -> tuple[Fill, ...]:
    """Return the fills a condition selects (all without one), oldest first."""
    query = FillRow.select().order_by(FillRow.matched_ns, FillRow.id)
    chosen = query if where is None else query.where(where)
    return tuple(
        Fill(
            trade_id=row["trade_id"],
            venue_order_id=row["venue_order_id"],
            agent=row["agent"],
            slug=row["slug"],
            token_id=row["token_id"],
            outcome=Outcome(row["outcome"]),
            side=Side(row["side"]),
            price_bps=row["price_bps"],
            size_shares=row["size_shares"],
            fee_usdc=row["fee_usdc"],
            is_maker=bool(row["is_maker"]),
            matched_ns=row["matched_ns"],
            status=FillStatus(row["status"]),
        )
        for row in chosen.dicts().execute(database)
    )


def read_orders(database: SqliteDatabase, where: Any = None) -> tuple[Order, ...]:
    """Return the orders a condition selects (all without one), oldest first."""
    query = VenueOrderRow.select().order_by(VenueOrderRow.created_ns, VenueOrderRow.venue_order_id)
    chosen = query if where is None else query.where(where)
    return tuple(
        Order(
            intent_id=row["intent_id"],
            venue_order_id=row["venue_order_id"],
            agent=row["agent"],
            slug=row["slug"],
            token_id=row["token_id"],
            outcome=Outcome(row["outcome"]),
            side=Side(row["side"]),
            order_type=OrderType(row["order_type"]),
            price_bps=row["price_bps"],
            size_shares=row["size_shares"],
            created_ns=row["created_ns"],
            purpose=row["purpose"],
            budget_usdc=row["budget_usdc"],
            status=OrderStatus(row["status"]),
            filled_shares=row["filled_shares"],
            filled_usdc=row["filled_usdc"],
            fee_usdc=row["fee_usdc"],
            expires_ns=row["expires_ns"],
        )
        for row in chosen.dicts().execute(database)
    )
