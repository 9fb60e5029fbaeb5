"""Positions, trades and resolutions as the Data API, version 2, tells them: money in dollars."""

import hashlib
from decimal import Decimal
from typing import Final

import msgspec

from polybot.domain.market import Market, Outcome
from polybot.domain.money import DOLLAR_USDC, PRICE_ONE_BPS, SHARE
from polybot.domain.order import Side
from polybot.exchange.wire_data import PositionRow, ResolutionRow, UserTradeRow
from polybot.simulator.books.accounts import AccountRow, FlowRow, TradeRow, WindowRow
from polybot.simulator.books.ledger import Ledger
from polybot.simulator.books.records import FlowKind
from polybot.simulator.views.account import outcome_index, transaction_hash
from polybot.simulator.views.gamma import iso_time

OPEN: Final = "OPEN"
REDEEMABLE: Final = "REDEEMABLE"
CLOSED: Final = "CLOSED"
# These two are asked for, and are never in a row: it says REDEEMABLE and OPEN, and has flags.
REDEEMABLE_LOST: Final = "REDEEMABLE_LOST"
MERGEABLE: Final = "MERGEABLE"
# What the Data API writes where an activity is about no one outcome.
NO_OUTCOME: Final = 999


class ActivityRow(msgspec.Struct, frozen=True, kw_only=True):
    """One row of GET /v2/activity: TRADE, SPLIT, MERGE, REDEEM, REWARD or a rebate.

    Trades that failed leave no row, and deposits are none of the exchange's activities. What
    belongs to no one token (SPLIT, MERGE) or market (REWARD, rebates) has those fields empty.
    """

    proxy_wallet: str
    timestamp: int
    condition_id: str
    type: str
    size: Decimal
    usdc_size: Decimal
    price: Decimal
    token_id: str
    side: str
    outcome_index: int
    slug: str
    outcome: str
    transaction_hash: str


def position_rows(ledger: Ledger, account: AccountRow, wallet: str) -> list[PositionRow]:
    """Return an account's positions, one for each token it ever traded or got by a split."""
    by_token: dict[str, list[TradeRow]] = {}
    for flow in ledger.state.flows:
        if flow.address == account.address and flow.slug:
            market = ledger.state.windows[flow.slug].market
            for token_id in (market.token_up, market.token_down):
                by_token.setdefault(token_id, [])
    for trade in ledger.state.trades.values():
        if trade.address == account.address and trade.counts:
            by_token.setdefault(trade.token_id, []).append(trade)
    rows = []
    for token_id, trades in by_token.items():
        window = ledger.window_of_token(token_id)
        if window is not None:
            rows.append(_position(window, account, wallet, (token_id, trades)))
    return rows


def has_status(row: PositionRow, wanted: str) -> bool:
    """Say whether a position is among those of a status that is asked for; OPEN is all held."""
    if wanted == OPEN:
        return row.status != CLOSED
    if wanted == MERGEABLE:
        return row.mergeable
    if wanted in (REDEEMABLE, REDEEMABLE_LOST):
        return row.redeemable and bool(row.current_value) is (wanted == REDEEMABLE)
    return row.status == wanted


def trade_row(ledger: Ledger, trade: TradeRow, wallet: str) -> UserTradeRow:
    """Return one trade."""
    market = ledger.state.windows[trade.slug].market
    return UserTradeRow(
        proxy_wallet=wallet,
        side=trade.side.value,
        token_id=trade.token_id,
        condition_id=market.condition_id,
        size=_shares(trade.size_shares),
        price=_price(trade.price_bps),
        timestamp=trade.matched_ns // 1_000_000_000,
        slug=trade.slug,
        outcome=trade.outcome.value,
        outcome_index=outcome_index(trade.outcome),
        transaction_hash=transaction_hash(trade),
    )


def activity_rows(ledger: Ledger, account: AccountRow, wallet: str) -> list[ActivityRow]:
    """Return what an account did and what was done for it, newest first."""
    rows = [
        _traded(ledger, trade, wallet)
        for trade in ledger.state.trades.values()
        if trade.address == account.address and trade.counts
    ]
    rows += [
        _flowed(ledger, flow, wallet)
        for flow in ledger.state.flows
        if flow.address == account.address and flow.kind is not FlowKind.DEPOSIT
    ]
    for window in ledger.state.windows.values():
        rows += [
            _redeemed(window, payout.token_id, payout.size_shares, payout.payout_usdc, wallet)
            for payout in window.payouts
            if payout.address == account.address
        ]
    return sorted(rows, key=lambda row: row.timestamp, reverse=True)


def resolution_row(window: WindowRow) -> ResolutionRow:
    """Return how a market was resolved, or that it is not yet."""
    price = {None: "69", Outcome.UP: "1", Outcome.DOWN: "0"}[window.outcome]
    return ResolutionRow(
        condition_id=window.market.condition_id,
        status="resolved" if window.resolved_ns else "posed",
        proposed_price=price,
        price=price,
        last_update_timestamp=str((window.resolved_ns or window.listed_ns) // 1_000_000_000),
    )


def _position(
    window: WindowRow, account: AccountRow, wallet: str, traded: tuple[str, list[TradeRow]]
) -> PositionRow:
    token_id, trades = traded
    outcome = window.market.outcome_of(token_id)
    bought = [trade for trade in trades if trade.side is Side.BUY]
    bought_shares = sum(trade.size_shares for trade in bought)
    cost = sum(trade.notional_usdc for trade in bought)
    cash = sum(trade.cash_usdc for trade in trades)
    cash += sum(
        payout.payout_usdc
        for payout in window.payouts
        if payout.token_id == token_id and payout.address == account.address
    )
    held = account.shares.get(token_id, 0)
    status = _status(window, held)
    has_won = window.outcome is outcome
    value = held if has_won else 0
    other = account.shares.get(window.market.token(outcome.opposite), 0)
    return PositionRow(
        proxy_wallet=wallet,
        token_id=token_id,
        condition_id=window.market.condition_id,
        current_size=_shares(held),
        avg_price=_ratio(cost, bought_shares),
        entry_cost_usdc=_dollars(cost),
        entry_fees_usdc=_dollars(sum(trade.fee_usdc for trade in bought)),
        current_price=Decimal(int(has_won and held > 0)),
        current_value=_dollars(value),
        realized_pnl=_dollars(cash) if status == CLOSED else Decimal(0),
        unrealized_pnl=Decimal(0) if status == CLOSED else _dollars(cash + value),
        status=status,
        redeemable=status == REDEEMABLE,
        mergeable=status == OPEN and other > 0,
        slug=window.slug,
        outcome=outcome.value,
        outcome_index=outcome_index(outcome),
        end_date=iso_time(window.market.close_ns)[:10],
        last_event_at=max((trade.matched_ns for trade in trades), default=window.listed_ns)
        // 1_000_000_000,
    )


def _status(window: WindowRow, held: int) -> str:
    if not held:
        return CLOSED
    return OPEN if window.outcome is None else REDEEMABLE


def _traded(ledger: Ledger, trade: TradeRow, wallet: str) -> ActivityRow:
    market = ledger.state.windows[trade.slug].market
    return _activity(
        market,
        trade.outcome,
        wallet=wallet,
        timestamp=trade.matched_ns // 1_000_000_000,
        type="TRADE",
        size=_shares(trade.size_shares),
        usdc_size=_dollars(trade.notional_usdc),
        price=_price(trade.price_bps),
        side=trade.side.value,
        transaction_hash=transaction_hash(trade),
    )


def _redeemed(
    window: WindowRow, token_id: str, shares: int, payout_usdc: int, wallet: str
) -> ActivityRow:
    outcome = window.market.outcome_of(token_id)
    return _activity(
        window.market,
        outcome,
        wallet=wallet,
        timestamp=window.redeemed_ns // 1_000_000_000,
        type="REDEEM",
        size=_shares(shares),
        usdc_size=_dollars(payout_usdc),
        price=Decimal(int(payout_usdc > 0)),
        side="",
        transaction_hash="",
    )


def _flowed(ledger: Ledger, flow: FlowRow, wallet: str) -> ActivityRow:
    market = ledger.state.windows[flow.slug].market if flow.slug else None
    return ActivityRow(
        proxy_wallet=wallet,
        timestamp=flow.ts_ns // 1_000_000_000,
        condition_id=market.condition_id if market else "",
        type=flow.kind.value,
        size=_shares(flow.size_shares or flow.amount_usdc),
        usdc_size=_dollars(abs(flow.amount_usdc)),
        price=Decimal(0),
        token_id="",
        side="",
        outcome_index=NO_OUTCOME,
        slug=flow.slug,
        outcome="",
        transaction_hash=_flow_hash(flow),
    )


def _flow_hash(flow: FlowRow) -> str:
    name = f"flow {flow.ts_ns} {flow.address} {flow.kind.value} {flow.amount_usdc}"
    return "0x" + hashlib.sha256(name.encode()).hexdigest()


def _activity(market: Market, outcome: Outcome, *, wallet: str, **fields: object) -> ActivityRow:
    row = {
        "proxy_wallet": wallet,
        "condition_id": market.condition_id,
        "token_id": market.token(outcome),
        "outcome_index": outcome_index(outcome),
        "slug": market.slug,
        "outcome": outcome.value,
        **fields,
    }
    return msgspec.convert(row, ActivityRow)


def _shares(shares: int) -> Decimal:
    return Decimal(shares) / SHARE


def _dollars(usdc: int) -> Decimal:
    return Decimal(usdc) / DOLLAR_USDC


def _price(price_bps: int) -> Decimal:
    return Decimal(price_bps) / PRICE_ONE_BPS


def _ratio(cost_usdc: int, shares: int) -> Decimal:
    return Decimal(0) if not shares else (Decimal(cost_usdc) / shares).quantize(Decimal("1e-6"))
