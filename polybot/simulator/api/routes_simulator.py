"""The simulator's own routes: market time, health, the books for tests, and deposits."""

from typing import Any

import msgspec
from aiohttp import web

from polybot.errors import ConfigError
from polybot.simulator.api.desk import BAD_REQUEST, NOT_FOUND, Desk, Refused, answer, body_of
from polybot.simulator.api.flow_requests import FlowBody, let_flow
from polybot.simulator.books.accounts import AccountRow, OrderRow, TradeRow, WindowRow
from polybot.simulator.books.records import Deposited
from polybot.simulator.faults.plan import make_plan

UNKNOWN_ACCOUNT = "expected the address of an account, was an unknown one; log in by L1 first"
TOO_MUCH = "expected to withdraw no more than what no open order reserves"


class DepositBody(msgspec.Struct, frozen=True, kw_only=True):
    """Money from outside for an account in micro-dollars; negative to withdraw."""

    address: str
    amount_usdc: int


class SimulatorRoutes:
    """What no real exchange has: used by tests and by the command line."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.get("/simulator/time", self.time),
            web.get("/simulator/health", self.health),
            web.get("/simulator/ledger", self.ledger),
            web.post("/simulator/deposit", self.deposit),
            web.post("/simulator/flows", self.flow),
            web.get("/simulator/faults", self.faults),
            web.post("/simulator/faults", self.change_faults),
        ]

    async def time(self, request: web.Request) -> web.Response:
        """Tell market time with the monotonic moment it belongs to, and how fast it runs."""
        del request
        world = self._desk.world
        market_ns = world.catch_up()
        segment = world.clock.segment()
        return answer(
            {
                "market_ns": market_ns,
                "mono_ns": self._desk.clock.monotonic_ns(),
                "speed": segment.speed,
                "idle": world.idle,
            }
        )

    async def health(self, request: web.Request) -> web.Response:
        """Say in a few numbers how the simulator is doing."""
        del request
        world = self._desk.world
        market_ns = world.catch_up()
        state = self._desk.ledger.state
        return answer(
            {
                "ok": world.failure is None,
                "market_ns": market_ns,
                "source": world.driver.source,
                "idle": world.idle,
                "windows": len(state.windows),
                "open_windows": len(self._desk.exchange.core.books),
                "orders": len(state.orders),
                "trades": len(state.trades),
                "journal_seq": world.last_seq,
                "congested": self._desk.hub.congested,
            }
        )

    async def ledger(self, request: web.Request) -> web.Response:
        """Tell the books: every amount a whole number of micro-units or of 1e-4 dollars."""
        del request
        self._desk.world.catch_up()
        state = self._desk.ledger.state
        return answer(
            {
                "market_ns": self._desk.exchange.now_ns,
                "accounts": [self._account(row) for row in state.accounts.values()],
                "orders": [_order(row) for row in state.orders.values()],
                "executions": [_execution(row) for row in state.trades.values()],
                "windows": [_window(row) for row in state.windows.values()],
                "flows": state.flows,
            }
        )

    async def deposit(self, request: web.Request) -> web.Response:
        """Move money into or out of an account from outside."""
        wanted = body_of(await request.read(), DepositBody)
        now_ns = self._desk.world.catch_up()
        account = self._desk.ledger.account(wanted.address)
        if account is None:
            raise Refused(NOT_FOUND, UNKNOWN_ACCOUNT)
        if wanted.amount_usdc + self._desk.ledger.free_usdc(account) < 0:
            raise Refused(BAD_REQUEST, TOO_MUCH)
        self._desk.exchange.core.emit(
            Deposited(ts_ns=now_ns, address=account.address, amount_usdc=wanted.amount_usdc)
        )
        return answer({"cash_usdc": account.cash_usdc})

    async def flow(self, request: web.Request) -> web.Response:
        """Let something happen to an account that its client did not do."""
        wanted = body_of(await request.read(), FlowBody)
        now_ns = self._desk.world.catch_up()
        account = self._desk.ledger.account(wanted.address)
        if account is None:
            raise Refused(NOT_FOUND, UNKNOWN_ACCOUNT)
        refusal = let_flow(self._desk.exchange, account, wanted, now_ns)
        if refusal:
            raise Refused(BAD_REQUEST, refusal)
        self._desk.poke()
        return answer({"cash_usdc": account.cash_usdc, "shares": account.shares})

    async def faults(self, request: web.Request) -> web.Response:
        """Tell the rules in force, how often each struck, and every fault that was injected."""
        del request
        return answer(self._desk.faults.report())

    async def change_faults(self, request: web.Request) -> web.Response:
        """Replace the rules; their calls are counted from here on, as is their market time."""
        told = body_of(await request.read(), dict[str, Any])
        try:
            plan = make_plan(told)
        except ConfigError as error:
            raise Refused(BAD_REQUEST, "; ".join(error.problems)) from error
        now_ns = self._desk.world.catch_up()
        self._desk.faults.use(plan, now_ns)
        self._desk.timed.run(now_ns)
        return answer(self._desk.faults.report())

    def _account(self, row: AccountRow) -> dict[str, Any]:
        return {
            "address": row.address,
            "funders": row.funders,
            "cash_usdc": row.cash_usdc,
            "free_usdc": self._desk.ledger.free_usdc(row),
            "deposited_usdc": row.deposited_usdc,
            "pending_usdc": row.pending_usdc,
            "shares": row.shares,
            "pending": row.pending,
        }


def _order(row: OrderRow) -> dict[str, Any]:
    return {
        "order_id": row.order_id,
        "address": row.address,
        "owner": row.owner,
        "slug": row.slug,
        "token_id": row.token_id,
        "outcome": row.outcome,
        "side": row.side,
        "order_type": row.order_type,
        "limit_bps": row.limit_bps,
        "size_shares": row.size_shares,
        "maker_amount": row.maker_amount,
        "taker_amount": row.taker_amount,
        "filled_shares": row.filled_shares,
        "filled_usdc": row.filled_usdc,
        "failed_shares": row.failed_shares,
        "fee_usdc": row.fee_usdc,
        "queue_ahead_shares": row.queue_ahead_shares,
        "state": row.state,
        "reason": row.reason,
        "created_ns": row.created_ns,
        "updated_ns": row.updated_ns,
        "trade_ids": row.trade_ids,
    }


def _execution(row: TradeRow) -> dict[str, Any]:
    return {
        "trade_id": row.trade_id,
        "order_id": row.order_id,
        "address": row.address,
        "slug": row.slug,
        "token_id": row.token_id,
        "outcome": row.outcome,
        "side": row.side,
        "price_bps": row.price_bps,
        "size_shares": row.size_shares,
        "notional_usdc": row.notional_usdc,
        "fee_usdc": row.fee_usdc,
        "is_maker": row.is_maker,
        "status": row.status,
        "matched_ns": row.matched_ns,
    }


def _window(row: WindowRow) -> dict[str, Any]:
    return {
        "slug": row.slug,
        "condition_id": row.market.condition_id,
        "token_up": row.market.token_up,
        "token_down": row.market.token_down,
        "open_ns": row.market.open_ns,
        "close_ns": row.market.close_ns,
        "outcome": row.outcome,
        "strike_e8": row.strike_e8,
        "close_e8": row.close_e8,
        "listed_ns": row.listed_ns,
        "closed_ns": row.closed_ns,
        "resolved_ns": row.resolved_ns,
        "redeemed_ns": row.redeemed_ns,
        "payouts": row.payouts,
    }
