"""Tests of telling events as sentences."""

import msgspec
import pytest

from polybot.cli.story import figures, sentence, short_id
from polybot.domain.fill import FillStatus
from polybot.messages import safety, tracking, trading
from polybot.messages.codec import EVENT_TYPES
from tests.unit.cli.history import OPEN, entered, graded, reduced, settled

ALL_EVENTS = [
    event
    for events in (entered(OPEN), settled(OPEN, "Down"), graded(OPEN, "Down"))
    for event, _ in events
]


def told(event: msgspec.Struct) -> str:
    return sentence(type(event).__name__, msgspec.to_builtins(event))


def test_figures_are_written_in_the_unit_their_name_says() -> None:
    assert figures(
        {
            "up_ask_bps": 9500,
            "needed_usdc": 23_833_125,
            "held_shares": 25_000_000,
            "strike_e8": 7_148_523_965_784,
            "remaining_s": 12.5,
            "imbalance": 0.25,
            "entries_allowed": False,
            "candidate": "Up",
            "missing_bps": None,
        }
    ) == (
        "up ask 0.95, needed $23.833125, held 25 shares, strike 71485.23965784, remaining 12.5 s, "
        "imbalance 0.25, entries allowed no, candidate Up"
    )


@pytest.mark.parametrize("event", ALL_EVENTS, ids=lambda event: type(event).__name__)
def test_every_event_of_a_window_is_a_sentence_and_not_a_list_of_fields(
    event: msgspec.Struct,
) -> None:
    text = told(event)
    assert not text.startswith(type(event).__name__)
    assert "{" not in text


@pytest.mark.parametrize(
    ("event", "text"),
    [
        (
            trading.WindowRefused(slug=OPEN, code="tokens_swapped", reason="expected Up first"),
            "not traded (tokens swapped): expected Up first",
        ),
        (
            trading.PreflightFinished(
                slug=OPEN, may_enter=True, reasons=(), figures={"version": 2, "balance_usdc": 5}
            ),
            (
                "the exchange was asked before the window: it may be entered; version 2, "
                "balance $0.000005"
            ),
        ),
        (
            trading.PreflightFinished(
                slug=OPEN, may_enter=False, reasons=("clock: a", "fee: b"), figures={"skew_s": 61.0}
            ),
            (
                "the exchange was asked before the window: no entries because of clock: a; fee: b; "
                "skew 61 s"
            ),
        ),
        (
            trading.IntentDenied(
                intent_id="i",
                decision_id="d",
                agent="capture",
                slug=OPEN,
                purpose="entry",
                reason="window_cap",
                checks={"max_window_usdc": 100_000_000},
            ),
            "risk denied the entry of capture: window cap; max window $100.00",
        ),
        (
            trading.FillStatusChanged(
                trade_id="trade-1",
                venue_order_id="o",
                agent="capture",
                slug=OPEN,
                status=FillStatus.FAILED,
            ),
            "trade trade-1 FAILED: position and money are put back",
        ),
        (
            trading.CancelRequested(
                venue_order_id="0xabc", agent="capture", slug=OPEN, reason="too_late"
            ),
            "capture asks to cancel order 0xabc: too late",
        ),
        (
            trading.DriftFound(kind="foreign_order", subject="0xabc", detail="not ours"),
            "drift: foreign order of 0xabc: not ours",
        ),
        (
            trading.ExternalFlowBooked(kind="opening_balance", amount_usdc=1_000_000_000),
            "booked as external: opening balance $1,000.00 ",
        ),
        (
            tracking.WindowRedeemed(
                key="k", slug=OPEN, condition_id="0xc", amount_usdc=25_500_000, redeemed_ns=1
            ),
            "the exchange paid $25.50 out",
        ),
        (
            tracking.ExternalFlowSeen(
                key="k",
                kind="SPLIT",
                amount_usdc=-5_000_000,
                stated_usdc=5_000_000,
                set_shares=5_000_000,
                at_ns=1,
                slug=OPEN,
            ),
            "not ours: SPLIT of $5.00",
        ),
        (
            tracking.WindowSettled(
                slug=OPEN, condition_id="c", outcome="Up", source="clob", provisional="Down"
            ),
            "the official outcome is Up (told by clob); our own reckoning said Down",
        ),
        (
            trading.AgentResult(
                agent="capture", slug=OPEN, pnl_usdc=-215_700, day="2026-11-21", wall_ns=1
            ),
            "the trader books -$0.2157 for capture on the trading day 2026-11-21",
        ),
        (
            trading.PositionSettled(
                agent="capture", slug=OPEN, token_id="7", won=True, size_shares=0, payout_usdc=0
            ),
            "capture held nothing any more when the window was settled",
        ),
        (
            trading.DecisionMade(
                decision_id="d",
                agent="capture",
                strategy="capture_99c",
                slug=OPEN,
                action="hold",
                reason="holding",
                inputs={"shares": 25_000_000, "danger_time": 0.03, "danger_time_raw": 0.1}
                | {"danger_velocity": 0.0, "confidence": 0.0},
            ),
            "capture (capture_99c) holds: holding; 25 shares, danger time 0.03, confidence 0",
        ),
        (
            reduced(),
            "trading went from ACTIVE to REDUCING (watchdog: the market feed is 61 s old)",
        ),
        (
            safety.AlertRaised(key="disk", severity="warning", text="200 MiB left"),
            "AlertRaised: key disk, severity warning, text 200 MiB left",
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_event_is_told_with_its_numbers(event: msgspec.Struct, text: str) -> None:
    assert type(event).__name__ in EVENT_TYPES
    assert told(event) == text


def test_an_event_of_another_version_is_told_by_its_fields() -> None:
    assert sentence("WindowGraded", {"slug": OPEN, "grade": 7}) == (
        f"WindowGraded: slug {OPEN}, grade 7"
    )
    assert sentence("InventedLater", {"a_bps": 100, "b": [1]}) == "InventedLater: a 0.01, b [1]"


def test_a_long_id_is_cut_and_a_short_one_is_not() -> None:
    assert short_id("0x" + "a" * 64) == "0xaaaaaaaaaa..."
    assert short_id("intent-1") == "intent-1"
