"""Routes that place, cancel and list orders, and tell trades and balances (L2)."""

from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Mapping
from typing import TypeVar

from aiohttp import web

from polybot.exchange import error_texts as texts
from polybot.exchange.contracts import EXCHANGE_V2, EXCHANGE_V3, NEG_RISK_EXCHANGE_V2
from polybot.exchange.wire_account import (
    COLLATERAL,
    CONDITIONAL_PROTOCOL,
    FIRST_CURSOR,
    LAST_CURSOR,
    BalanceAllowance,
    OrdersPage,
    TradesPage,
)
from polybot.exchange.wire_cancels import CancelAnswer, CancelMarketBody, CancelOrderBody
from polybot.exchange.wire_gamma import MARKET_VERSION_CTF, MARKET_VERSION_PROTOCOL
from polybot.exchange.wire_orders import PostOrderAnswer, PostOrderBody
from polybot.simulator.api.desk import (
    BAD_REQUEST,
    EARLY_STATUS,
    NOT_FOUND,
    Desk,
    Refused,
    answer,
    body_of,
)
from polybot.simulator.api.order_intake import read_order
from polybot.simulator.api.rate_limits import CANCELS, ORDERS
from polybot.simulator.api.restrictions import refuse_opening, refuse_phase, refuse_region
from polybot.simulator.books.accounts import AccountRow, OrderRow, TradeRow
from polybot.simulator.books.records import OrderState
from polybot.simulator.views.account import (
    early_answer,
    open_order,
    post_answer,
    refused_row,
    wire_trade,
)

MOST_ORDERS = 15
MOST_CANCELS = 1000
PAGE = 500
UNLIMITED = str(2**256 - 1)

Row = TypeVar("Row", OrderRow, TradeRow)


class OrderRoutes:
    """Orders, cancels, trades and balances of one account at a time."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.post("/order", self.post),
            web.post("/orders", self.post_many),
            web.delete("/order", self.cancel),
            web.delete("/orders", self.cancel_many),
            web.delete("/cancel-all", self.cancel_all),
            web.delete("/cancel-market-orders", self.cancel_market),
            web.get("/data/orders", self.orders),
            web.get("/data/order/{order_id}", self.order),
            web.get("/data/trades", self.trades),
            web.get("/balance-allowance", self.balance),
            web.get("/balance-allowance/update", self.update_balance),
        ]

    async def post(self, request: web.Request) -> web.Response:
        """Place one order; an order that takes is answered when its delay is over."""
        refuse_region(self._desk)
        account = await self._desk.signed_by(request)
        posted = body_of(await request.read(), PostOrderBody)
        self._desk.limit(request, account.address, ORDERS, 1)
        return answer(await self._place(account, posted, request.get(EARLY_STATUS, "")))

    async def post_many(self, request: web.Request) -> web.Response:
        """Place up to 15 orders; a refused one has success true and no id, as on the exchange."""
        refuse_region(self._desk)
        account = await self._desk.signed_by(request)
        batch = body_of(await request.read(), list[PostOrderBody])
        if len(batch) > MOST_ORDERS:
            raise Refused(BAD_REQUEST, texts.too_many_orders(len(batch), MOST_ORDERS))
        self._desk.limit(request, account.address, ORDERS, len(batch))
        answers, early = [], request.get(EARLY_STATUS, "")
        for posted in batch:
            try:
                answers.append(await self._place(account, posted, early))
            except Refused as refusal:
                if refusal.status != BAD_REQUEST:
                    raise
                answers.append(refused_row(refusal.text))
        return answer(answers)

    async def cancel(self, request: web.Request) -> web.Response:
        """Cancel one order."""
        account = await self._desk.signed_by(request)
        wanted = body_of(await request.read(), CancelOrderBody)
        if not wanted.order_id:
            raise Refused(BAD_REQUEST, texts.INVALID_ORDER_ID)
        return self._cancel(request, account, [wanted.order_id])

    async def cancel_many(self, request: web.Request) -> web.Response:
        """Cancel orders by their ids."""
        account = await self._desk.signed_by(request)
        order_ids = body_of(await request.read(), list[str])
        if len(order_ids) > MOST_CANCELS:
            raise Refused(BAD_REQUEST, texts.too_many_orders(len(order_ids), MOST_CANCELS))
        return self._cancel(request, account, order_ids)

    async def cancel_all(self, request: web.Request) -> web.Response:
        """Cancel every open order of an account."""
        account = await self._desk.signed_by(request)
        self._desk.world.catch_up()
        order_ids = [order.order_id for order in self._open(account)]
        return self._cancel(request, account, order_ids, cost=1 + len(order_ids))

    async def cancel_market(self, request: web.Request) -> web.Response:
        """Cancel the open orders of one market, one token, or both."""
        account = await self._desk.signed_by(request)
        wanted = body_of(await request.read(), CancelMarketBody)
        self._desk.world.catch_up()
        chosen = self._filtered(self._open(account), wanted.market, wanted.asset_id)
        order_ids = [order.order_id for order in chosen]
        return self._cancel(request, account, order_ids, cost=1 + len(order_ids))

    async def orders(self, request: web.Request) -> web.Response:
        """List live orders; by id, ended ones too."""
        account = await self._desk.signed_by(request)
        self._desk.world.catch_up()
        query = request.query
        if query.get("id"):
            order = self._own(account, query["id"])
            rows = [order] if order else []
        else:
            rows = [row for row in self._open(account) if row.state is OrderState.LIVE]
        rows = self._filtered(rows, query.get("market", ""), query.get("asset_id", ""))
        page, cursor = _page(rows, query.get("next_cursor", ""))
        data = [open_order(self._desk.ledger, row) for row in page]
        return answer(OrdersPage(limit=PAGE, count=len(data), next_cursor=cursor, data=data))

    async def order(self, request: web.Request) -> web.Response:
        """Tell one order, open or ended."""
        account = await self._desk.signed_by(request)
        self._desk.world.catch_up()
        order = self._own(account, request.match_info["order_id"])
        if order is None:
            raise Refused(NOT_FOUND, texts.ORDER_NOT_FOUND)
        return answer(open_order(self._desk.ledger, order))

    async def trades(self, request: web.Request) -> web.Response:
        """List an account's trades, newest first; `before` and `after` are UTC seconds."""
        account = await self._desk.signed_by(request)
        self._desk.world.catch_up()
        query = request.query
        rows = [
            trade
            for trade in reversed(self._desk.ledger.state.trades.values())
            if trade.address == account.address and _is_asked_for(trade, query)
        ]
        rows = self._filtered(rows, query.get("market", ""), query.get("asset_id", ""))
        maker = query.get("maker_address", "")
        if maker and self._desk.ledger.account(maker) is not account:
            rows = []
        page, cursor = _page(rows, query.get("next_cursor", ""))
        data = [wire_trade(self._desk.ledger, row) for row in page]
        return answer(TradesPage(limit=PAGE, count=len(data), next_cursor=cursor, data=data))

    async def balance(self, request: web.Request) -> web.Response:
        """Tell what an account holds of the collateral or of a token, in micro-units."""
        account = await self._desk.signed_by(request)
        self._desk.world.catch_up()
        held = self._held(account, request.query)
        spenders = (EXCHANGE_V2, NEG_RISK_EXCHANGE_V2, EXCHANGE_V3)
        allowances = dict.fromkeys(spenders, UNLIMITED)
        return answer(BalanceAllowance(balance=str(held), allowances=allowances))

    async def update_balance(self, request: web.Request) -> web.Response:
        """Let the cached balance of a token catch up with what was mined."""
        account = await self._desk.signed_by(request)
        now_ns = self._desk.world.catch_up()
        token_id = request.query.get("token_id", "")
        self._desk.exchange.refresh_balance(account, token_id, now_ns)
        return answer({})

    async def _place(
        self, account: AccountRow, posted: PostOrderBody, early: str
    ) -> PostOrderAnswer:
        """Place an order; an `early` status is answered before its delay is over."""
        desk = self._desk
        now_ns = desk.world.catch_up()
        refuse_phase(desk, now_ns, post_only=posted.post_only)
        refuse_opening(desk, account, posted.order.side, now_ns)
        new = read_order(desk, account, posted, now_ns)
        refusal = desk.exchange.submit(new, now_ns)
        if refusal:
            raise Refused(BAD_REQUEST, refusal)
        order = desk.ledger.state.orders[new.order_id]
        if order.state is OrderState.HELD and early:
            desk.poke()
            return early_answer(order.order_id, early)
        if order.state is OrderState.HELD:
            waiting = desk.hub.when_released(order.order_id)
            desk.poke()
            await waiting
        if order.state is OrderState.KILLED:
            raise Refused(BAD_REQUEST, order.reason)
        if order.state is OrderState.INVALID:
            raise Refused(BAD_REQUEST, texts.MARKET_NOT_READY)
        return post_answer(order)

    def _cancel(
        self,
        request: web.Request,
        account: AccountRow,
        order_ids: list[str],
        *,
        cost: int | None = None,
    ) -> web.Response:
        desk = self._desk
        desk.limit(request, account.address, CANCELS, len(order_ids) if cost is None else cost)
        now_ns = desk.world.catch_up()
        refuse_phase(desk, now_ns, is_cancel=True)
        canceled, refused = desk.exchange.cancel(account, order_ids, now_ns)
        return answer(CancelAnswer(canceled=canceled, not_canceled=refused))

    def _held(self, account: AccountRow, query: Mapping[str, str]) -> int:
        """Return a balance; a token is looked for in the ledger of its market's version only."""
        asset, token_id = query.get("asset_type", COLLATERAL), query.get("token_id", "")
        if asset == COLLATERAL:
            return account.cash_usdc
        window = self._desk.ledger.window_of_token(token_id)
        version = MARKET_VERSION_PROTOCOL if asset == CONDITIONAL_PROTOCOL else MARKET_VERSION_CTF
        is_there = window is not None and window.market.version == version
        return account.settled_shares(token_id) if is_there else 0

    def _own(self, account: AccountRow, order_id: str) -> OrderRow | None:
        order = self._desk.ledger.state.orders.get(order_id)
        return order if order is not None and order.address == account.address else None

    def _open(self, account: AccountRow) -> list[OrderRow]:
        return self._desk.ledger.open_orders_of(account)

    def _filtered(self, rows: list[Row], market: str, token_id: str) -> list[Row]:
        """Keep the rows (orders or trades) of a condition id and of a token; "" keeps all."""
        kept: list[Row] = []
        for row in rows:
            window = self._desk.ledger.state.windows[row.slug]
            if market and window.market.condition_id != market:
                continue
            if not token_id or row.token_id == token_id:
                kept.append(row)
        return kept


def _is_asked_for(trade: TradeRow, query: Mapping[str, str]) -> bool:
    matched_s = trade.matched_ns // 1_000_000_000
    before, after = query.get("before", ""), query.get("after", "")
    if query.get("id") and query["id"] != trade.trade_id:
        return False
    if before.isdecimal() and matched_s >= int(before):
        return False
    return not after.isdecimal() or matched_s >= int(after)


def _page(rows: list[Row], cursor: str) -> tuple[list[Row], str]:
    """Return one page and the cursor of the next, which is the row it starts at in base64."""
    start = 0
    if cursor not in ("", FIRST_CURSOR):
        try:
            start = int(b64decode(cursor))
        except (Base64Error, ValueError) as error:
            raise Refused(BAD_REQUEST, "invalid next_cursor") from error
    end = start + PAGE
    if start < 0 or end >= len(rows):
        return rows[max(start, 0) :], LAST_CURSOR
    return rows[start:end], b64encode(str(end).encode()).decode()
