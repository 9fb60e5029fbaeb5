"""What happens to an account without an order of its own client: money, shares and payments."""

import hashlib

import msgspec

from polybot.domain.fees import taker_fee_usdc
from polybot.domain.money import notional_usdc
from polybot.domain.order import OrderType, Side
from polybot.errors import InvalidValue
from polybot.exchange import error_texts as texts
from polybot.simulator.books.accounts import AccountRow, OrderRow
from polybot.simulator.books.records import (
    Converted,
    Deposited,
    FlowKind,
    OrderEnded,
    OrderState,
    RebatesPaid,
    RewardPaid,
    SharesArrived,
)
from polybot.simulator.engine.core import ExchangeCore
from polybot.simulator.engine.orders import NewOrder, submit

# What makers get of the fees of the trades they were in, and the least that is paid out (the
# exchange's documentation: maker rebates).
REBATE_PERCENT = 20
LEAST_REBATE_USDC = 1_000_000

_CONVERSIONS = (FlowKind.SPLIT, FlowKind.MERGE)
_REWARDS = (FlowKind.REWARD, FlowKind.TAKER_REBATE)
_SHARE_STEP = 10_000


class ManualTrade(msgspec.Struct, frozen=True, kw_only=True):
    """An order that a person gave by hand, in the same wallet: it takes what it finds at once.

    `amount` is micro-dollars for a BUY, micro-shares for a SELL; `limit_bps` is the worst price.
    """

    token_id: str
    side: Side
    amount: int
    limit_bps: int


class Conversion(msgspec.Struct, frozen=True, kw_only=True):
    """Dollars to be SPLIT into as many shares of both outcomes of a window, or shares to MERGE."""

    slug: str
    kind: FlowKind
    size_shares: int


def move_money(core: ExchangeCore, account: AccountRow, amount_usdc: int, ts_ns: int) -> None:
    """Let money come in, or leave when negative; orders it leaves without funds are removed.

    Raises InvalidValue when more is to leave than is there and settled.
    """
    if amount_usdc + account.cash_usdc - account.pending_usdc < 0:
        raise InvalidValue(
            f"expected to withdraw at most {account.cash_usdc - account.pending_usdc} "
            f"micro-dollars, was {-amount_usdc}"
        )
    core.emit(Deposited(ts_ns=ts_ns, address=account.address, amount_usdc=amount_usdc))
    remove_unfunded(core, account, ts_ns)


def convert(core: ExchangeCore, account: AccountRow, wanted: Conversion, ts_ns: int) -> None:
    """Split dollars into shares, or merge shares into dollars.

    Raises InvalidValue for another kind, an unknown or resolved window, or too little to convert.
    """
    window = core.ledger.state.windows.get(wanted.slug)
    is_possible = wanted.kind in _CONVERSIONS and wanted.size_shares > 0
    if not is_possible or window is None or window.resolved_ns:
        raise InvalidValue(f"expected a SPLIT or MERGE in an unresolved market, was {wanted}")
    tokens = (window.market.token_up, window.market.token_down)
    at_most = account.cash_usdc - account.pending_usdc
    if wanted.kind is FlowKind.MERGE:
        at_most = min(account.settled_shares(token) for token in tokens)
    if wanted.size_shares > at_most:
        raise InvalidValue(f"expected at most {at_most} micro-units, was {wanted}")
    core.emit(
        Converted(
            ts_ns=ts_ns,
            address=account.address,
            slug=wanted.slug,
            kind=wanted.kind,
            size_shares=wanted.size_shares,
        )
    )
    remove_unfunded(core, account, ts_ns)


def reward(
    core: ExchangeCore, account: AccountRow, kind: FlowKind, amount_usdc: int, ts_ns: int
) -> None:
    """Pay an account a REWARD or a TAKER_REBATE; raise InvalidValue for anything else."""
    if kind not in _REWARDS or amount_usdc <= 0:
        raise InvalidValue(
            f"expected a REWARD or TAKER_REBATE above 0, was {kind.value} of {amount_usdc}"
        )
    core.emit(RewardPaid(ts_ns=ts_ns, address=account.address, kind=kind, amount_usdc=amount_usdc))


def pay_rebates(core: ExchangeCore, ts_ns: int) -> None:
    """Pay makers their part of the fees of their trades since the last time.

    A trade counts with the fee its taker paid, or would have; less than a dollar is not paid out.
    """
    since_ns = core.ledger.state.rebated_ns
    earned: dict[str, int] = {}
    for trade in core.ledger.state.trades.values():
        if not trade.is_maker or not trade.counts or not since_ns <= trade.matched_ns < ts_ns:
            continue
        schedule = core.ledger.state.windows[trade.slug].market.fee
        fee = taker_fee_usdc(schedule, trade.price_bps, trade.size_shares)
        earned[trade.address] = earned.get(trade.address, 0) + fee
    amounts = [(address, fees * REBATE_PERCENT // 100) for address, fees in earned.items()]
    paid = tuple(row for row in amounts if row[1] >= LEAST_REBATE_USDC)
    core.emit(RebatesPaid(ts_ns=ts_ns, amounts=paid))


def trade_by_hand(core: ExchangeCore, account: AccountRow, trade: ManualTrade, ts_ns: int) -> str:
    """Trade in an account's name, under a key its client does not know.

    Returns "" or the exchange's refusal; the order takes after the taker delay, like any other.
    """
    number = len(core.ledger.state.orders)
    name = hashlib.sha256(f"by hand {account.address} {number}".encode()).hexdigest()
    maker, taker = _amounts(trade)
    if not maker or not taker:
        return texts.INVALID_ORDER_PAYLOAD
    new = NewOrder(
        order_id="0x" + name,
        account=account,
        owner=f"{name[:8]}-0000-4000-8000-{name[8:20]}",
        maker=account.funders[0] if account.funders else account.address,
        signature_type=0,
        token_id=trade.token_id,
        side=trade.side,
        order_type=OrderType.FAK,
        maker_amount=maker,
        taker_amount=taker,
    )
    return submit(core, new, ts_ns)


def refresh_balance(core: ExchangeCore, account: AccountRow, token_id: str, ts_ns: int) -> None:
    """Let the exchange see an account's mined shares of a token now."""
    window = core.ledger.window_of_token(token_id)
    rows = () if window is None else core.ledger.pending_rows(window.slug)
    seen = tuple(
        row.key
        for row in rows
        if row.mined_ns and row.address == account.address and row.token_id == token_id
    )
    if seen:
        core.emit(SharesArrived(ts_ns=ts_ns, rows=seen))


def remove_unfunded(core: ExchangeCore, account: AccountRow, ts_ns: int) -> None:
    """Cancel resting orders that nothing covers any more, the newest first.

    A held order keeps nothing from them: it is looked at again when its delay is over.
    """
    for order in reversed(core.ledger.open_orders_of(account)):
        if order.state is OrderState.LIVE and not _is_funded(core, account, order):
            core.emit(
                OrderEnded(
                    ts_ns=ts_ns,
                    order_id=order.order_id,
                    state=OrderState.CANCELED,
                    reason=texts.NOT_ENOUGH_BALANCE,
                )
            )


def _is_funded(core: ExchangeCore, account: AccountRow, order: OrderRow) -> bool:
    held = [row for row in core.ledger.open_orders_of(account) if row.state is OrderState.HELD]
    if order.side is Side.BUY:
        kept = sum(row.reserved_usdc for row in held)
        return core.ledger.free_usdc(account) + kept >= 0
    kept = sum(row.reservation_shares() for row in held if row.token_id == order.token_id)
    return core.ledger.free_shares(account, order.token_id) + kept >= 0


def _amounts(trade: ManualTrade) -> tuple[int, int]:
    """Return maker and taker amounts with the decimals that a market order may have."""
    if trade.side is Side.SELL:
        shares = trade.amount - trade.amount % _SHARE_STEP
        return shares, notional_usdc(trade.limit_bps, shares)
    dollars = trade.amount - trade.amount % _SHARE_STEP
    shares = dollars * 10_000 // trade.limit_bps if trade.limit_bps else 0
    return dollars, shares - shares % 100
