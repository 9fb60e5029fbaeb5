"""Requests for what happens to an account from outside: POST /simulator/flows."""

from typing import Final

import msgspec

from polybot.domain.order import Side
from polybot.errors import InvalidValue
from polybot.simulator.books.accounts import AccountRow
from polybot.simulator.books.records import FlowKind
from polybot.simulator.engine.engine import SimulatedExchange
from polybot.simulator.engine.flows import Conversion, ManualTrade

KINDS: Final = (
    "deposit",
    "withdrawal",
    "trade",
    "split",
    "merge",
    "reward",
    "taker_rebate",
    "maker_rebates",
)


class FlowBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to happen to an account; amounts in micro-dollars or micro-shares.

    A trade names `token_id`, `side`, `amount` and the worst price `limit_bps`; split and merge name
    `slug` and the shares as `amount`; everything else `amount` alone.
    """

    address: str
    kind: str
    amount: int = 0
    token_id: str = ""
    side: str = "BUY"
    limit_bps: int = 9900
    slug: str = ""


def let_flow(
    exchange: SimulatedExchange, account: AccountRow, wanted: FlowBody, now_ns: int
) -> str:
    """Let it happen; return "" or why not."""
    try:
        return _let_flow(exchange, account, wanted, now_ns)
    except (InvalidValue, ValueError) as error:
        return str(error)


def _let_flow(
    exchange: SimulatedExchange, account: AccountRow, wanted: FlowBody, now_ns: int
) -> str:
    kind = wanted.kind
    if kind == "deposit":
        exchange.external_deposit(account, wanted.amount, now_ns)
    elif kind == "withdrawal":
        exchange.external_withdrawal(account, wanted.amount, now_ns)
    elif kind == "trade":
        trade = ManualTrade(
            token_id=wanted.token_id,
            side=Side(wanted.side),
            amount=wanted.amount,
            limit_bps=wanted.limit_bps,
        )
        return exchange.external_trade(account, trade, now_ns)
    elif kind in ("split", "merge"):
        conversion = Conversion(
            slug=wanted.slug, kind=FlowKind[kind.upper()], size_shares=wanted.amount
        )
        exchange.external_conversion(account, conversion, now_ns)
    elif kind in ("reward", "taker_rebate"):
        exchange.external_reward(account, FlowKind[kind.upper()], wanted.amount, now_ns)
    elif kind == "maker_rebates":
        exchange.pay_rebates(now_ns)
    else:
        return f"expected kind as one of {', '.join(KINDS)}, was {kind!r}"
    return ""
