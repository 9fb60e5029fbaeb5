"""The Data API's routes, version 2: what a wallet holds, traded and was paid; no key needed."""

from decimal import Decimal
from typing import TypeVar

import msgspec
from aiohttp import web

from polybot.domain.money import PRICE_ONE_BPS
from polybot.exchange.wire_data import DataPage, Pagination, PositionRow
from polybot.simulator.api.desk import Desk, Refused, answer
from polybot.simulator.books.accounts import AccountRow
from polybot.simulator.books.ledger import Ledger
from polybot.simulator.views.data import (
    OPEN,
    activity_rows,
    has_status,
    position_rows,
    resolution_row,
    trade_row,
)

GONE = 410
GONE_TEXT = "This API version was retired on 2026-10-24, use /v2"
RETIRED = (
    *("/positions", "/activity", "/trades", "/value"),
    *("/v1/positions", "/v1/activity", "/v1/trades", "/v1/value"),
)
_MICRO = Decimal("0.000001")
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
            web.get("/v2/value", self.value),
            *(web.get(path, self.retired) for path in RETIRED),
        ]

    async def positions(self, request: web.Request) -> web.Response:
        """List a wallet's positions of a status: what it holds when none is asked for."""
        account, wallet = self._wallet(request)
        if account is None:
            return _page(request, [])
        wanted = request.query.get("status", OPEN)
        rows = self._positions(account, wallet)
        return _page(request, [row for row in rows if has_status(row, wanted)])

    async def trades(self, request: web.Request) -> web.Response:
        """List a wallet's trades, newest first; maker trades only with taker_only=false."""
        account, wallet = self._wallet(request)
        if account is None:
            return _page(request, [])
        with_makers = request.query.get("taker_only", "true") == "false"
        ledger = self._ledger
        rows = [
            trade_row(ledger, trade, wallet)
            for trade in reversed(ledger.state.trades.values())
            if trade.address == account.address
            and trade.counts
            and (with_makers or not trade.is_maker)
        ]
        return _page(request, rows)

    async def activity(self, request: web.Request) -> web.Response:
        """List what a wallet traded and what was redeemed for it, newest first."""
        account, wallet = self._wallet(request)
        if account is None:
            return _page(request, [])
        kind = request.query.get("type", "")
        rows = activity_rows(self._ledger, account, wallet)
        return _page(request, [row for row in rows if kind in ("", row.type)])

    async def resolutions(self, request: web.Request) -> web.Response:
        """List how markets were resolved, newest first or those of given conditions."""
        self._desk.world.catch_up()
        ledger = self._ledger
        conditions = request.query.getall("condition_id", [])
        windows = [ledger.window_of_condition(condition) for condition in conditions]
        if not conditions:
            windows = list(reversed(ledger.state.windows.values()))
        return _page(request, [resolution_row(window) for window in windows if window])

    async def value(self, request: web.Request) -> web.Response:
        """Tell what a wallet's positions are worth."""
        account, wallet = self._wallet(request)
        rows = [] if account is None else self._positions(account, wallet)
        worth = sum((row.current_value for row in rows), Decimal(0))
        return answer({"data": {"proxy_wallet": wallet, "value": worth}})

    async def retired(self, request: web.Request) -> web.Response:
        """Say that the first version of this API is gone."""
        del request
        raise Refused(GONE, GONE_TEXT)

    def _positions(self, account: AccountRow, wallet: str) -> list[PositionRow]:
        """Return a wallet's positions, the open ones at the middle of their books."""
        return [self._priced(row) for row in position_rows(self._ledger, account, wallet)]

    def _priced(self, row: PositionRow) -> PositionRow:
        window = self._desk.ledger.window_of_token(row.token_id)
        book = self._desk.exchange.book(window.slug) if window else None
        if window is None or book is None or not row.current_size:
            return row
        bid, ask = book.best(window.market.outcome_of(row.token_id))
        if bid is None or ask is None:
            return row
        price = Decimal(bid + ask) / (2 * PRICE_ONE_BPS)
        value = (price * row.current_size).quantize(_MICRO)
        return msgspec.structs.replace(
            row,
            current_price=price,
            current_value=value,
            unrealized_pnl=row.unrealized_pnl + value,
        )

    @property
    def _ledger(self) -> Ledger:
        """The books as this API knows them, which may be late."""
        return self._desk.hub.late.at(self._desk.exchange.now_ns)

    def _wallet(self, request: web.Request) -> tuple[AccountRow | None, str]:
        """Return the account whose wallet is asked for.

        Who trades through a wallet of another address holds nothing under the own one.
        """
        self._desk.world.catch_up()
        wallet = request.query.get("user", "").lower()
        account = self._ledger.account(wallet)
        if account is not None and account.funders and account.address.lower() == wallet:
            return None, wallet
        return account, wallet


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
