import msgspec

from polybot.adapters.storage.ledger import Ledger
from polybot.adapters.storage.statements import execute
from polybot.domain.fill import FillStatus
from polybot.domain.order import OrderStatus, OrderTrigger
from polybot.messages.trading import FillMatched, IntentDenied
from tests.story import (
    AGENT,
    CLOSE_NS,
    SHARES,
    bought,
    fill_at,
    graded,
    moved,
    opening,
    paid_out,
    records,
    reported,
    settled,
    slug_at,
    summarized,
)


def rows(ledger: Ledger, sql: str) -> list[tuple[object, ...]]:
    return execute(ledger.database, sql)


def test_a_window_takes_its_series_from_its_slug(ledger: Ledger) -> None:
    ledger.store(records(bought()[:1]))

    assert rows(ledger, "SELECT series, close_ns, asks, grade_due FROM market_window") == [
        ("btc-updown-5m", CLOSE_NS, 0, 1)
    ]


def test_a_decision_and_its_intent_are_kept_with_their_numbers(ledger: Ledger) -> None:
    denied = IntentDenied(
        intent_id="i9",
        decision_id="d9",
        agent=AGENT,
        slug=slug_at(),
        purpose="entry",
        reason="window limit",
        checks={"window_usdc": 5},
    )
    ledger.store(records([*bought()[:3], denied]))

    assert rows(ledger, "SELECT action, inputs FROM decision") == [
        ("enter", '{"confidence":0.97,"ask_bps":9500}')
    ]
    assert rows(ledger, "SELECT approved, reason, checks FROM intent ORDER BY approved") == [
        (0, "window limit", '{"window_usdc":5}'),
        (1, "", '{"window_usdc":100000000}'),
    ]


def test_the_exchanges_words_stay_until_it_says_others(ledger: Ledger) -> None:
    unknown = msgspec.structs.replace(
        moved(0, OrderStatus.UNKNOWN, OrderTrigger.LOSE_ANSWER), code="no_answer", detail="reset"
    )
    accepted = moved(0, OrderStatus.ACCEPTED, OrderTrigger.ACCEPT)
    ledger.store(records([*bought()[:4], unknown, accepted]))

    assert rows(ledger, "SELECT status, code, detail FROM venue_order") == [
        ("ACCEPTED", "no_answer", "reset")
    ]


def test_fills_add_up_in_their_order(ledger: Ledger) -> None:
    more = fill_at(trade_id="t9", size_shares=10_000, price_bps=9400, fee_usdc=10)
    ledger.store(records([*bought()[:6], FillMatched(fill=more)]))

    assert rows(ledger, "SELECT filled_shares, filled_usdc, fee_usdc FROM venue_order") == [
        (SHARES + 10_000, 23_750_000 + 9_400, 83_120 + 10)
    ]


def test_a_fill_moves_on_and_a_failed_one_counts_no_more(ledger: Ledger) -> None:
    ledger.store(records([*bought()[:6], reported(0, FillStatus.MINED)]))
    assert rows(ledger, "SELECT status FROM fill") == [("MINED",)]

    ledger.store(records([reported(0, FillStatus.FAILED)], first=8))

    assert rows(ledger, "SELECT filled_shares FROM venue_order") == [(0,)]


def test_one_trade_may_fill_two_orders(ledger: Ledger) -> None:
    other = fill_at(venue_order_id="0xother")
    ledger.store(records([FillMatched(fill=fill_at()), FillMatched(fill=other)]))

    assert rows(ledger, "SELECT COUNT(*) FROM fill") == [(2,)]


def test_shares_that_settle_late_are_paid_in_a_row_of_their_own(ledger: Ledger) -> None:
    late = msgspec.structs.replace(paid_out(), size_shares=5, payout_usdc=5)
    ledger.store(records([paid_out(), late]))

    assert rows(ledger, "SELECT SUM(payout_usdc), COUNT(*) FROM settlement") == [(SHARES + 5, 2)]


def test_the_newest_summary_and_outcome_count(ledger: Ledger) -> None:
    ledger.store(records([summarized(), summarized(entered=True)]))
    ledger.store(records([settled(), settled(outcome="Down")], source="tracker"))

    assert rows(ledger, "SELECT entered, holds FROM window_summary") == [(1, '{"price":590}')]
    assert rows(ledger, "SELECT outcome, route FROM window_outcome") == [("Down", "gamma")]


def test_a_grade_of_an_unknown_window_takes_its_own_time(ledger: Ledger) -> None:
    ledger.store(records([graded()], source="tracker"))

    assert rows(ledger, "SELECT close_ns FROM window_grade") == [(CLOSE_NS,)]


def test_news_of_an_unknown_order_changes_nothing(ledger: Ledger) -> None:
    ledger.store(records([moved(0, OrderStatus.FILLED, OrderTrigger.FILL_WHOLE), opening()]))

    assert rows(ledger, "SELECT COUNT(*) FROM venue_order") == [(0,)]
    assert rows(ledger, "SELECT amount_usdc FROM flow") == [(opening().amount_usdc,)]
