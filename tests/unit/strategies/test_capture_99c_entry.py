"""When the 99c capture enters, at what price and size, and why it does not."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from polybot.domain.entry_filter import AskHistory
from polybot.domain.market import Outcome
from polybot.domain.money import REFERENCE_ONE_E8
from polybot.domain.order import OrderStatus, OrderType, Side
from polybot.strategies.base import Decision, ReferenceView, View
from polybot.strategies.capture_99c import Capture99c
from polybot.strategies.capture_99c_memory import CaptureMemory
from polybot.strategies.capture_99c_parameters import CaptureParameters
from tests.unit.domain.test_order import an_order
from tests.unit.strategies.test_base import MARKET, S, a_token, a_view

RESTING = CaptureParameters(entry_style="resting")
TAKING = CaptureParameters(entry_style="marketable")
STEADY = AskHistory(up=(9700,) * 12, down=(400,) * 12)
DOLLAR = REFERENCE_ONE_E8


def remembering(**changes: Any) -> CaptureMemory:
    fields: dict[str, Any] = {"slug": MARKET.slug, "asks": STEADY}
    return CaptureMemory(**(fields | changes))


def decide(view: View, parameters: CaptureParameters = TAKING) -> Decision:
    return Capture99c(parameters).decide(view)


def an_entry(**changes: Any) -> Any:
    return an_order(slug=MARKET.slug, size_shares=25_000_000, **changes)


def test_a_marketable_entry_spends_the_budget_of_its_shares_up_to_its_limit() -> None:
    decision = decide(a_view(memory=remembering()))
    (intent,) = decision.intents
    assert (decision.action, decision.reason) == ("enter", "entry")
    assert (intent.outcome, intent.side, intent.order_type) == (
        Outcome.UP, Side.BUY, OrderType.FAK,
    )  # fmt: skip
    assert (intent.price_bps, intent.budget_usdc, intent.size_shares) == (9800, 24_250_000, 0)
    assert intent.purpose == "entry"


def test_a_resting_entry_bids_for_its_shares_at_its_price() -> None:
    (intent,) = decide(a_view(memory=remembering()), RESTING).intents
    assert (intent.order_type, intent.price_bps) == (OrderType.GTC, 9500)
    assert (intent.size_shares, intent.budget_usdc) == (25_000_000, 0)


def test_the_down_side_is_bought_when_it_is_the_favorite() -> None:
    view = a_view(up_bid=300, up_ask=400, memory=remembering(asks=AskHistory()))
    (intent,) = decide(view).intents
    assert intent.outcome is Outcome.DOWN
    assert intent.budget_usdc == 24_250_000


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"now_ns": MARKET.open_ns - 1}, "too_early"),
        ({"remaining_s": 9.9}, "too_late"),
        ({"remaining_s": 10}, "entry"),
        ({"now_ns": MARKET.open_ns, "up_bid": 9800, "up_ask": None}, "low_confidence"),
        ({"up_bid": 9200, "up_ask": 9700}, "entry"),
        ({"remaining_s": 0}, "closed"),
        ({"entries_allowed": False}, "entries_stopped"),
        ({"unknown": True}, "unknown_order"),
        ({"up_bid": None, "up_ask": None}, "waiting_for_book"),
        ({"up_bid": 9300, "up_ask": 9400}, "low_confidence"),
        ({"remaining_s": 61}, "low_confidence"),
        ({"remaining_s": 61, "up_bid": 9700, "up_ask": 9800}, "entry"),
        ({"up_bid": 9100, "up_ask": 9700}, "wide_spread"),
        ({"up_bid": 9200, "up_ask": None}, "wide_spread"),
        ({"up_bid": 9800, "up_ask": None}, "no_ask"),
        ({"up_bid": 9800, "up_ask": 9900}, "too_expensive"),
        ({"capital_usdc": 999_999}, "no_capital"),
    ],
)
def test_each_hold_has_its_own_word(changes: dict[str, Any], reason: str) -> None:
    assert decide(a_view(**({"memory": remembering()} | changes))).reason == reason


@pytest.mark.parametrize(
    ("asks", "reason"),
    [
        (AskHistory(up=(9600, 8000) * 6, down=(400,) * 12), "volatile"),
        (AskHistory(up=(9600,) * 12, down=(2000,) * 12), "opp_high"),
        (AskHistory(up=(9600, 8000) * 6, down=(2000,) * 12), "unstable"),
    ],
)
def test_the_entry_filter_names_its_refusal(asks: AskHistory, reason: str) -> None:
    decision = decide(a_view(up_bid=9500, up_ask=9600, memory=remembering(asks=asks)))
    assert (decision.action, decision.reason) == ("hold", reason)
    assert decision.inputs["filter"] == reason


def test_a_vanished_ask_alone_is_no_confidence_and_a_standing_bid_is() -> None:
    assert decide(a_view(up_bid=4000, up_ask=None), RESTING).reason == "wide_spread"
    assert decide(a_view(up_bid=9800, up_ask=None), RESTING).action == "enter"


def test_the_trend_blocks_the_window_for_good() -> None:
    falling = ReferenceView(window_opens_e8=(70_000 * DOLLAR, 1, 69_749 * DOLLAR))
    blocked = decide(a_view(memory=remembering(), reference=falling))
    assert (blocked.reason, blocked.inputs["trend_e8"]) == ("trend_block", -251 * DOLLAR)
    again = decide(a_view(memory=blocked.memory))
    assert again.reason == "trend_block"


def test_a_missing_price_feed_is_neutral() -> None:
    assert decide(a_view(memory=remembering(), reference=ReferenceView())).action == "enter"


def test_the_entry_shrinks_to_the_capital_left_with_its_fee() -> None:
    view = a_view(memory=remembering(), capital_usdc=10_000_000)
    (taking,) = decide(view).intents
    assert 9_900_000 < taking.budget_usdc < 10_000_000
    assert taking.budget_usdc % 10_000 == 0
    (resting,) = decide(view, RESTING).intents
    assert resting.size_shares == 10_480_000
    least = decide(a_view(memory=remembering(), capital_usdc=4_766_624), RESTING)
    assert least.intents[0].size_shares == MARKET.min_size_shares
    assert decide(a_view(memory=remembering(), capital_usdc=4_700_000), RESTING).reason == (
        "no_capital"
    )


def test_prices_follow_the_market_s_own_tick() -> None:
    fine = msgspec.structs.replace(MARKET, tick_bps=10)
    odd = CaptureParameters(
        entry_style="resting", entry_price=msgspec.convert("0.9555", type=Decimal)
    )
    for market, price in ((MARKET, 9500), (fine, 9550)):
        (intent,) = decide(a_view(market=market, memory=remembering()), odd).intents
        assert intent.price_bps == price


def test_a_wish_that_came_to_nothing_is_repeated_after_a_while_and_not_for_ever() -> None:
    memory: Any = remembering()
    reasons = []
    for remaining_s in (59, 58, 53, 48, 40):
        decision = decide(a_view(remaining_s=remaining_s, memory=memory))
        memory = decision.memory
        reasons.append(decision.reason)
    assert reasons == ["entry", "waiting_to_retry", "entry", "entry", "out_of_tries"]


def test_there_is_one_entry_a_window() -> None:
    done = an_entry(status=OrderStatus.CANCELED)
    assert decide(a_view(orders=(done,), memory=remembering())).reason == "entry_unfilled"
    lost = an_entry(status=OrderStatus.NOT_PLACED)
    assert decide(a_view(orders=(lost,), memory=remembering())).reason == "entry_lost"
    undone = an_entry(status=OrderStatus.FILLED, filled_shares=25_000_000)
    assert decide(a_view(orders=(undone,), memory=remembering())).reason == "entry_unfilled"
    refused = an_entry(status=OrderStatus.REJECTED)
    assert decide(a_view(orders=(refused,), memory=remembering())).action == "enter"


@pytest.mark.parametrize(
    ("changes", "action", "reason"),
    [
        ({}, "hold", "entered"),
        ({"remaining_s": 10}, "cancel", "entry_deadline"),
        ({"up_bid": 8800, "up_ask": 8900}, "cancel", "confidence_fell"),
        ({"up_bid": 8900, "up_ask": 9000}, "hold", "entered"),
        ({"up_bid": None, "up_ask": None}, "hold", "entered"),
        ({"entries_allowed": False}, "cancel", "entries_stopped"),
    ],
)
def test_a_resting_entry_is_taken_back_in_time(
    changes: dict[str, Any], action: str, reason: str
) -> None:
    order = an_entry(status=OrderStatus.ACCEPTED)
    view = a_view(orders=(order,), memory=remembering(), **changes)
    decision = decide(view, RESTING)
    assert (decision.action, decision.reason) == (action, reason)
    assert [cancel.venue_order_id for cancel in decision.cancels] == (
        ["0xaa"] if action == "cancel" else []
    )


def test_an_entry_in_doubt_is_waited_for() -> None:
    unknown = an_entry(status=OrderStatus.UNKNOWN)
    assert decide(a_view(orders=(unknown,), unknown=True)).reason == "unknown_order"
    leaving = an_entry(status=OrderStatus.PENDING_CANCEL)
    assert decide(a_view(orders=(leaving,), remaining_s=5)).reason == "canceling"
    taking = an_entry(
        status=OrderStatus.SUBMITTED, order_type=OrderType.FAK, budget_usdc=24_250_000
    )
    assert decide(a_view(orders=(taking,), remaining_s=5)).reason == "entered"


def test_asks_are_sampled_once_a_second_and_from_the_open_on() -> None:
    memory = decide(a_view(up_ask=9400)).memory
    assert memory.asks == AskHistory(up=(9400,), down=(400,))
    again = decide(a_view(up_ask=9300, memory=memory, new_second=False)).memory
    assert again.asks == memory.asks
    assert decide(a_view(now_ns=MARKET.open_ns - S)).memory.asks == AskHistory()
    assert decide(a_view(now_ns=MARKET.open_ns)).memory.asks.up == (9700,)
    assert decide(a_view(9800, None)).memory.asks == AskHistory(up=(10_000,), down=(200,))
    assert decide(a_view(None, None)).memory.asks == AskHistory()


def test_the_memory_of_another_window_is_forgotten() -> None:
    old = remembering(slug="btc-updown-5m-1", trend_blocked=True, entry_tries=9)
    decision = decide(a_view(memory=old))
    assert decision.action == "enter"
    assert decision.memory.slug == MARKET.slug


def test_one_sided_books_of_both_tokens_do_not_confuse_the_sides() -> None:
    view = a_view(
        up=a_token(Outcome.UP, None, None),
        down=a_token(Outcome.DOWN, 9600, 9700),
        memory=remembering(asks=AskHistory()),
    )
    (intent,) = decide(view).intents
    assert intent.outcome is Outcome.DOWN
