"""The Data API's routes, version 2: what a wallet holds, traded and was paid; no key needed."""

from typing import TypeVar

from aiohttp import web

from polybot.exchange.wire_data import DataPage, Pagination
from polybot.simulator.accounts import AccountRow
from polybot.simulator.desk import Desk, answer
from polybot.simulator.views_data import (
    activity_rows,
    position_rows,
    resolution_row,
    trade_row,
)

DEFAULT_LIMIT = 100
MOST = 500

Row = TypeVar("Row")


class DataRoutes:
    """Read-only rows by wallet; an unknown wallet has none, which is not an error."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.get("/v2/positions", self.positions),
            web.get("/v2/trades", self.trades),
            web.get("/v2/activity", self.activity),
            web.get("/v2/resolutions", self.resolutions),
        ]

    async def positions(self, request: web.Request) -> web.Response:
        """List a wallet's positions, by status when one is asked for."""
        account, wallet = self._wallet(request)
        if account is None:
            return _page(request, [])
        wanted = request.query.get("status", "")
        rows = position_rows(self._desk.ledger, account, wallet)
        return _page(request, [row for row in rows if wanted in ("", row.status)])

    async def trades(self, request: web.Request) -> web.Response:
        """List a wallet's trades, newest first; maker trades only with taker_only=false."""
        account, wallet = self._wallet(request)
        if account is None:
            return _page(request, [])
        with_makers = request.query.get("taker_only", "true") == "false"
        ledger = self._desk.ledger
        rows = [
            trade_row(ledger, trade, wallet)
            for trade in reversed(ledger.state.trades.values())
            if trade.address == account.address and (with_makers or not trade.is_maker)
        ]
        return _page(request, rows)

    async def activity(self, request: web.Request) -> web.Response:
        """List what a wallet traded and what was redeemed for it, newest first."""
        account, wallet = self._wallet(request)
        if account is None:
            return _page(request, [])
        kind = request.query.get("type", "")
        rows = activity_rows(self._desk.ledger, account, wallet)
        return _page(request, [row for row in rows if kind in ("", row.type)])

    async def resolutions(self, request: web.Request) -> web.Response:
        """List how markets were resolved, newest first or those of given conditions."""
        self._desk.world.catch_up()
        ledger = self._desk.ledger
        conditions = request.query.getall("condition_id", [])
        windows = [ledger.window_of_condition(condition) for condition in conditions]
        if not conditions:
            windows = list(reversed(ledger.state.windows.values()))
        return _page(request, [resolution_row(window) for window in windows if window])

    def _wallet(self, request: web.Request) -> tuple[AccountRow | None, str]:
        self._desk.world.catch_up()
        wallet = request.query.get("user", "")
        return self._desk.ledger.account(wallet), wallet.lower()


def _page(request: web.Request, rows: list[Row]) -> web.Response:
    text, cursor = request.query.get("limit", ""), request.query.get("cursor", "")
    limit = min(int(text), MOST) if text.isdecimal() else DEFAULT_LIMIT
    start = int(cursor) if cursor.isdecimal() else 0
    end = start + limit
    has_more = end < len(rows)
    pagination = Pagination(
        limit=limit, has_more=has_more, next_cursor=str(end) if has_more else None
    )
    return answer(DataPage(data=rows[start:end], pagination=pagination))
