"""A database with the history of three windows: one won, one lost, one still open."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from polybot.adapters.storage.ledger import Ledger
from polybot.adapters.storage.reader import LedgerReader
from polybot.domain.fill import Fill, FillStatus
from polybot.domain.market import FeeSchedule, Market, Outcome, SettlementRule
from polybot.domain.order import Order, OrderStatus, OrderTrigger, OrderType, Side
from polybot.domain.trading_state import Claim, TradingState
from polybot.messages.safety import TradingStateChanged
from polybot.messages.tracking import WindowGraded, WindowSettled
from polybot.messages.trading import (
    DecisionMade,
    FillMatched,
    FillStatusChanged,
    IntentApproved,
    OrderStatusChanged,
    OrderSubmitted,
    PositionSettled,
    WindowDiscovered,
    WindowSummarized,
)
from tests.fakes import FakeClock, event_hash, make_envelope

SECOND_NS = 1_000_000_000
OPEN_S = 1_776_082_500
OPEN_NS = OPEN_S * SECOND_NS
WON, LOST, OPEN = (f"btc-updown-5m-{OPEN_S + 300 * index}" for index in range(3))
# A minute before the close of the open window.
NOW_NS = OPEN_NS + (900 - 60) * SECOND_NS
ORDER_IDS = {WON: "0x" + "aa" * 32, LOST: "0x" + "bb" * 32, OPEN: "0x" + "cc" * 32}


def market(slug: str) -> Market:
    open_ns = int(slug.rpartition("-")[2]) * SECOND_NS
    return Market(
        slug=slug,
        condition_id=f"0xcondition-{slug}",
        token_up=f"1{open_ns}",
        token_down=f"2{open_ns}",
        asset="btc",
        open_ns=open_ns,
        close_ns=open_ns + 300 * SECOND_NS,
        fee=FeeSchedule(rate_bps=700),
        rule=SettlementRule.INSTANT,
    )


def order(slug: str) -> Order:
    return Order(
        intent_id=f"intent-{slug}",
        venue_order_id=ORDER_IDS[slug],
        agent="capture",
        slug=slug,
        token_id=market(slug).token_up,
        outcome=Outcome.UP,
        side=Side.BUY,
        order_type=OrderType.GTC,
        price_bps=9500,
        size_shares=25_000_000,
        created_ns=market(slug).close_ns - 120 * SECOND_NS,
        purpose="entry",
        status=OrderStatus.SUBMITTED,
    )


def fill(slug: str) -> Fill:
    return Fill(
        trade_id=f"trade-{slug}",
        venue_order_id=ORDER_IDS[slug],
        agent="capture",
        slug=slug,
        token_id=market(slug).token_up,
        outcome=Outcome.UP,
        side=Side.BUY,
        price_bps=9500,
        size_shares=25_000_000,
        fee_usdc=83_125,
        is_maker=False,
        matched_ns=market(slug).close_ns - 119 * SECOND_NS,
    )


def entered(slug: str) -> Iterator[tuple[Any, int]]:
    close_ns = market(slug).close_ns
    yield WindowDiscovered(market=market(slug)), market(slug).open_ns
    yield (
        DecisionMade(
            decision_id=f"decision-{slug}",
            agent="capture",
            strategy="capture_99c",
            slug=slug,
            action="enter",
            reason="confident",
            inputs={"up_ask_bps": 9500, "confidence_bps": 9600, "remaining_s": 120.5, "late": True},
        ),
        close_ns - 121 * SECOND_NS,
    )
    yield (
        IntentApproved(
            intent_id=f"intent-{slug}",
            decision_id=f"decision-{slug}",
            agent="capture",
            slug=slug,
            purpose="entry",
            checks={"needed_usdc": 23_833_125, "max_order_usdc": 50_000_000},
        ),
        close_ns - 121 * SECOND_NS,
    )
    yield (
        OrderSubmitted(order=order(slug), decision_id=f"decision-{slug}", body="{}"),
        close_ns - 120 * SECOND_NS,
    )
    yield (
        OrderStatusChanged(
            venue_order_id=ORDER_IDS[slug],
            agent="capture",
            slug=slug,
            status=OrderStatus.FILLED,
            trigger=OrderTrigger.FILL_WHOLE,
        ),
        close_ns - 119 * SECOND_NS,
    )
    yield FillMatched(fill=fill(slug)), close_ns - 119 * SECOND_NS
    yield (
        FillStatusChanged(
            trade_id=f"trade-{slug}",
            venue_order_id=ORDER_IDS[slug],
            agent="capture",
            slug=slug,
            status=FillStatus.CONFIRMED,
        ),
        close_ns - 117 * SECOND_NS,
    )


def settled(slug: str, outcome: str) -> Iterator[tuple[Any, int]]:
    after_ns = market(slug).close_ns + 30 * SECOND_NS
    won = outcome == "Up"
    yield (
        PositionSettled(
            agent="capture",
            slug=slug,
            token_id=market(slug).token_up,
            won=won,
            size_shares=25_000_000,
            payout_usdc=25_000_000 if won else 0,
        ),
        after_ns,
    )
    yield (
        WindowSummarized(
            agent="capture",
            strategy="capture_99c",
            slug=slug,
            looks=300,
            holds={"not_confident": 170, "entered": 119},
            entered=True,
        ),
        after_ns,
    )


def graded(slug: str, outcome: str) -> Iterator[tuple[Any, int]]:
    after_ns = market(slug).close_ns + 31 * SECOND_NS
    yield (
        WindowSettled(
            slug=slug, condition_id=market(slug).condition_id, outcome=outcome, source="gamma"
        ),
        after_ns,
    )
    won = outcome == "Up"
    yield (
        WindowGraded(
            slug=slug,
            agent="capture",
            strategy="capture_99c",
            grade="WIN" if won else "LOSS",
            pnl_usdc=1_166_875 if won else -23_833_125,
            fees_usdc=83_125,
            cost_usdc=23_750_000,
            trades=1,
        ),
        after_ns,
    )


def reduced() -> TradingStateChanged:
    return TradingStateChanged(
        state="REDUCING",
        was="ACTIVE",
        claims=(
            Claim(
                source="watchdog",
                state=TradingState.REDUCING,
                reason="the market feed is 61 s old",
                since_ns=NOW_NS,
            ),
        ),
    )


def write_history(path: Path) -> None:
    """Write the history into a new database."""
    trader = [*entered(WON), *settled(WON, "Up"), *entered(LOST), *settled(LOST, "Down")]
    trader += [*entered(OPEN), (reduced(), NOW_NS)]
    tracker = [*graded(WON, "Up"), *graded(LOST, "Down")]
    ledger = Ledger.open(path, FakeClock())
    for source, events in (("trader", trader), ("tracker", tracker)):
        records = []
        for seq, (event, ts_event) in enumerate(events, start=1):
            envelope = make_envelope(event, source=source, seq=seq, ts_event=ts_event)
            records.append((envelope, event, event_hash(envelope)))
        ledger.store(records)
    ledger.close()


def store_more(path: Path, source: str, *events: Any, ts_ns: int = NOW_NS) -> None:
    """Store what a source says after all it has said."""
    reader = LedgerReader.open(path)
    seq = reader.positions().get(source, 0)
    reader.close()
    envelopes = [
        make_envelope(event, source=source, seq=seq + number, ts_event=ts_ns)
        for number, event in enumerate(events, start=1)
    ]
    ledger = Ledger.open(path, FakeClock())
    told = zip(envelopes, events, strict=True)
    ledger.store([(envelope, event, event_hash(envelope)) for envelope, event in told])
    ledger.close()
