"""Evidence for the judge's tests: one bought order on both sides, and what happened to it."""

from typing import Any

from polybot.domain.order import OrderStatus, OrderTrigger
from polybot.domain.trading_state import OPERATOR, Claim, TradingState
from polybot.messages.safety import TradingStateChanged
from polybot.messages.trading import OrderSubmitted, ReconcileFinished
from tests.prove.evidence import Evidence, Post, event_of
from tests.story import (
    CLOSE_NS,
    OPENING_USDC,
    bought,
    fill_at,
    moved,
    opening,
    order_at,
    records,
)

BODY = '{"order": {"side": "BUY"}, "orderType": "GTC"}'
STOP = Claim(source=OPERATOR, state=TradingState.REDUCING, reason="looking", since_ns=77)


def reconciled() -> ReconcileFinished:
    return ReconcileFinished(
        trigger="start", open_orders=0, fills_seen=0, balance_usdc=OPENING_USDC, differences=()
    )


def submitted(number: int = 0, body: str = BODY) -> OrderSubmitted:
    return OrderSubmitted(order=order_at(number), decision_id=f"d{number}", body=body)


def with_body(events: list[Any]) -> list[Any]:
    """Give the order of a story the bytes that were posted."""
    return [submitted() if isinstance(event, OrderSubmitted) else event for event in events]


def stopped(*claims: Claim) -> TradingStateChanged:
    return TradingStateChanged(state="REDUCING", was="ACTIVE", claims=claims)


def a_row(**changes: Any) -> dict[str, Any]:
    """Return the order as the exchange shows it."""
    order = order_at()
    row = {
        "order_id": order.venue_order_id,
        "state": "MATCHED",
        "size_shares": order.size_shares,
        "filled_shares": order.size_shares,
        "limit_bps": order.price_bps,
    }
    return {**row, **changes}


def an_execution(**changes: Any) -> dict[str, Any]:
    """Return the trade as the exchange shows it."""
    fill = fill_at()
    row = {
        "trade_id": fill.trade_id,
        "order_id": fill.venue_order_id,
        "side": fill.side.value,
        "price_bps": fill.price_bps,
        "size_shares": fill.size_shares,
        "fee_usdc": fill.fee_usdc,
        "status": "CONFIRMED",
    }
    return {**row, **changes}


def take(evidence: Evidence, events: list[Any], *, session: str = "s1") -> None:
    """Let the journal, and the database, hold more events."""
    journal = evidence.journals["trader"]
    for envelope, body, _ in records(events, first=journal.last_seq + 1, session=session):
        journal.last_seq = envelope.seq
        journal.events[envelope.seq] = event_of(envelope)
        evidence.database.events.setdefault("trader", {})[envelope.seq] = event_of(envelope)
        evidence.trader.take(envelope, body)


def evidence_of(tmp_path: Any, events: list[Any] | None = None) -> Evidence:
    """Return a floor on which one order was bought, and everything is as it should be."""
    evidence = Evidence.of(tmp_path)
    story = [opening(), reconciled(), *with_body(bought())] if events is None else events
    take(evidence, story)
    fill = fill_at()
    evidence.requests.posts.append(Post(CLOSE_NS, BODY, number=1, life=1))
    evidence.exchange = {
        "accounts": [
            {
                "cash_usdc": OPENING_USDC - fill.notional_usdc - fill.fee_usdc,
                "shares": {fill.token_id: fill.size_shares},
            }
        ],
        "orders": [a_row()],
        "executions": [an_execution()],
    }
    return evidence


def unanswered() -> list[Any]:
    """Return a story whose order was written down and never answered."""
    story = with_body(bought())
    return [opening(), reconciled(), *story[: story.index(submitted()) + 1]]


def ended(status: OrderStatus, trigger: OrderTrigger) -> list[Any]:
    """Return a story whose order ended without a fill."""
    return [*unanswered(), moved(0, status, trigger)]
