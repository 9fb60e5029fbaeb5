"""One window of one agent as events: found, bought, confirmed, over; the material of many tests."""

from typing import Any

from polybot.domain.fill import Fill, FillStatus
from polybot.domain.market import FeeSchedule, Market, Outcome
from polybot.domain.order import Order, OrderStatus, OrderTrigger, OrderType, Side
from polybot.messages.envelope import Envelope
from polybot.messages.tracking import WindowGraded, WindowSettled
from polybot.messages.trading import (
    DecisionMade,
    ExternalFlowBooked,
    FillMatched,
    FillStatusChanged,
    IntentApproved,
    OrderStatusChanged,
    OrderSubmitted,
    PositionSettled,
    WindowDiscovered,
    WindowSummarized,
)
from tests.fakes import event_hash, make_envelope

SECOND_NS = 1_000_000_000
OPEN_S = 1_787_236_800
CLOSE_NS = (OPEN_S + 300) * SECOND_NS
AGENT = "capture"
STRATEGY = "capture_99c"
SHARES = 25_000_000
OPENING_USDC = 1_000_000_000


def slug_at(number: int = 0) -> str:
    """Return the slug of the so-many-eth 5 minute window."""
    return f"btc-updown-5m-{OPEN_S + 300 * number}"


def market_at(number: int = 0) -> Market:
    """Return the market of the so-many-eth window."""
    return Market(
        slug=slug_at(number),
        condition_id=f"0xc{number:03d}",
        token_up=f"1{number:03d}",
        token_down=f"2{number:03d}",
        asset="btc",
        open_ns=(OPEN_S + 300 * number) * SECOND_NS,
        close_ns=CLOSE_NS + 300 * number * SECOND_NS,
        fee=FeeSchedule(rate_bps=700),
    )


def order_at(number: int = 0, **changes: Any) -> Order:
    """Return a resting BUY of 25 Up shares at 0.95, as it is submitted."""
    market = market_at(number)
    values: dict[str, Any] = {
        "intent_id": f"intent-{number}",
        "venue_order_id": f"0xaaaa{number:03d}",
        "agent": AGENT,
        "slug": market.slug,
        "token_id": market.token_up,
        "outcome": Outcome.UP,
        "side": Side.BUY,
        "order_type": OrderType.GTC,
        "price_bps": 9500,
        "size_shares": SHARES,
        "created_ns": market.close_ns - 60 * SECOND_NS,
        "purpose": "entry",
        "status": OrderStatus.SUBMITTED,
    }
    return Order(**(values | changes))


def fill_at(number: int = 0, **changes: Any) -> Fill:
    """Return the fill of the whole order at its limit."""
    order = order_at(number)
    values: dict[str, Any] = {
        "trade_id": f"t{number}",
        "venue_order_id": order.venue_order_id,
        "agent": order.agent,
        "slug": order.slug,
        "token_id": order.token_id,
        "outcome": order.outcome,
        "side": order.side,
        "price_bps": order.price_bps,
        "size_shares": order.size_shares,
        "fee_usdc": 83_120,
        "is_maker": False,
        "matched_ns": order.created_ns + SECOND_NS,
    }
    return Fill(**(values | changes))


def moved(number: int, status: OrderStatus, trigger: OrderTrigger) -> OrderStatusChanged:
    """Return news of the order's status."""
    order = order_at(number)
    return OrderStatusChanged(
        venue_order_id=order.venue_order_id,
        agent=order.agent,
        slug=order.slug,
        status=status,
        trigger=trigger,
    )


def reported(number: int, status: FillStatus) -> FillStatusChanged:
    """Return news of the fill's status."""
    fill = fill_at(number)
    return FillStatusChanged(
        trade_id=fill.trade_id,
        venue_order_id=fill.venue_order_id,
        agent=fill.agent,
        slug=fill.slug,
        status=status,
    )


def opening() -> ExternalFlowBooked:
    """Return the first balance seen."""
    return ExternalFlowBooked(kind="opening_balance", amount_usdc=OPENING_USDC)


def bought(number: int = 0) -> list[Any]:
    """Return everything the trader says of a window in which it bought, up to its close."""
    order = order_at(number)
    return [
        WindowDiscovered(market=market_at(number)),
        DecisionMade(
            decision_id=f"d{number}",
            agent=AGENT,
            strategy=STRATEGY,
            slug=order.slug,
            action="enter",
            reason="confident",
            inputs={"confidence": 0.97, "ask_bps": 9500},
        ),
        IntentApproved(
            intent_id=order.intent_id,
            decision_id=f"d{number}",
            agent=AGENT,
            slug=order.slug,
            purpose="entry",
            checks={"window_usdc": 100_000_000},
        ),
        OrderSubmitted(order=order, decision_id=f"d{number}", body="{}"),
        moved(number, OrderStatus.ACCEPTED, OrderTrigger.ACCEPT),
        FillMatched(fill=fill_at(number)),
        moved(number, OrderStatus.FILLED, OrderTrigger.FILL_WHOLE),
        reported(number, FillStatus.CONFIRMED),
        summarized(number, entered=True),
    ]


def summarized(number: int = 0, *, entered: bool = False) -> WindowSummarized:
    """Return the agent's summary of a window."""
    return WindowSummarized(
        agent=AGENT,
        strategy=STRATEGY,
        slug=slug_at(number),
        looks=600,
        holds={"price": 590},
        entered=entered,
    )


def paid_out(number: int = 0, *, won: bool = True) -> PositionSettled:
    """Return what the bought shares became."""
    return PositionSettled(
        agent=AGENT,
        slug=slug_at(number),
        token_id=market_at(number).token_up,
        won=won,
        size_shares=SHARES,
        payout_usdc=SHARES if won else 0,
    )


def records(
    events: list[Any], *, source: str = "trader", first: int = 1, session: str = "s1"
) -> list[tuple[Envelope, Any, str]]:
    """Return events as the inbox hands them over, numbered from `first`."""
    wrapped = [
        make_envelope(
            event,
            source=source,
            seq=first + index,
            session=session,
            ts_event=CLOSE_NS + index,
        )
        for index, event in enumerate(events)
    ]
    return [
        (envelope, event, event_hash(envelope))
        for envelope, event in zip(wrapped, events, strict=True)
    ]


def settled(number: int = 0, outcome: str = "Up") -> WindowSettled:
    """Return the tracker's news of an official outcome."""
    return WindowSettled(
        slug=slug_at(number),
        condition_id=market_at(number).condition_id,
        outcome=outcome,
        source="gamma",
    )


def graded(
    number: int = 0, pnl_usdc: int = 1_166_880, *, grade: str = "WIN", trades: int = 1
) -> WindowGraded:
    """Return the tracker's grade of the agent's window."""
    return WindowGraded(
        slug=slug_at(number),
        agent=AGENT,
        strategy=STRATEGY,
        grade=grade,
        pnl_usdc=pnl_usdc,
        fees_usdc=83_120,
        cost_usdc=23_750_000,
        trades=trades,
    )
