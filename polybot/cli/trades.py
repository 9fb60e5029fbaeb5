"""`polybot trades`: every fill of our orders."""

from typing import Any

from polybot.cli.books import open_books
from polybot.cli.options import Days, Json
from polybot.cli.output import exact_dollars, moment, plural, say, show_json, show_table
from polybot.cli.story import short_id
from polybot.cli.windows import Limit, rows
from polybot.domain.money import format_price, format_shares, format_usdc
from polybot.domain.stored import TradeReport


def trades(days: Days = None, limit: Limit = None, as_json: Json = False) -> None:
    """List the fills of our orders, newest first."""
    with open_books() as books:
        found = books.reader.trades(
            since_ns=books.since_ns(days), limit=rows(limit, all_of_them=as_json)
        )
    if as_json:
        show_json([as_document(trade) for trade in found])
        return
    if not found:
        say("no trade yet")
        return
    show_table(
        ("time", "window", "agent", "trade", "price", "size", "fee", "status", "order"),
        map(_row, found),
        right="price size fee",
    )
    say(plural(len(found), "trade"))


def as_document(trade: TradeReport) -> dict[str, Any]:
    """Return a fill as JSON values; amounts are decimal strings in dollars and shares."""
    return {
        "ts_ns": trade.ts_ns,
        "slug": trade.slug,
        "agent": trade.agent,
        "outcome": trade.outcome,
        "side": trade.side,
        "price": format_price(trade.price_bps),
        "size": format_shares(trade.size_shares),
        "fee_usdc": format_usdc(trade.fee_usdc),
        "status": trade.status,
        "order_id": trade.order_id,
        "trade_id": trade.trade_id,
        "purpose": trade.purpose,
        "is_maker": trade.is_maker,
    }


def _row(trade: TradeReport) -> tuple[str, ...]:
    return (
        moment(trade.ts_ns),
        trade.slug,
        trade.agent,
        f"{trade.side} {trade.outcome} {trade.purpose}".rstrip(),
        format_price(trade.price_bps),
        format_shares(trade.size_shares),
        exact_dollars(trade.fee_usdc),
        trade.status,
        short_id(trade.order_id),
    )
