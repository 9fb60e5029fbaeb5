"""Every rule of risk denies what it must, names it, and leaves ways out open."""

from typing import Any

import pytest
from msgspec.structs import replace

from polybot.domain.market import FeeSchedule, Outcome
from polybot.domain.order import OrderStatus, OrderType, Side
from polybot.domain.risk import RULES, Approved, Denied, check
from polybot.domain.risk_limits import Commitment, ForeignOrder, RiskLimits, RiskState
from polybot.domain.trading_state import TradingState
from tests.unit.domain.test_market import a_market
from tests.unit.domain.test_order import an_order
from tests.unit.domain.test_worst_case import Wish, a_position, bought

MARKET = a_market(fee=FeeSchedule(rate_bps=700))
OPEN_NS = MARKET.open_ns
MINUTE_NS = 60_000_000_000
LIMITS = RiskLimits()

EXIT = Wish(side=Side.SELL, order_type=OrderType.FAK, price_bps=100, purpose="hard_stop")
LOCK = Wish(side=Side.SELL, price_bps=9900, purpose="profit_lock")
TAKE = Wish(order_type=OrderType.FAK, price_bps=9800, size_shares=0, budget_usdc=24_250_000)
HEDGE = Wish(outcome=Outcome.DOWN, price_bps=1000, purpose="hedge")


def a_state(**changes: Any) -> RiskState:
    fields: dict[str, Any] = {
        "agent": "capture",
        "market": MARKET,
        "now_ns": OPEN_NS + 1,
        "wall_ns": 50 * MINUTE_NS,
        "trading_state": TradingState.ACTIVE,
        "balance_usdc": 1_000_000_000,
        "best_ask_bps": 9700,
    }
    return RiskState(**(fields | changes))


def reason_of(wish: Wish, *, limits: RiskLimits = LIMITS, **state: Any) -> str:
    verdict = check(wish, a_state(**state), limits)
    assert verdict.checks["price_bps"] == wish.price_bps
    return verdict.reason if isinstance(verdict, Denied) else ""


HELD: dict[str, Any] = {"positions": (bought(Outcome.UP),)}


def resting(**changes: Any) -> dict[str, Any]:
    return {"orders": (an_order(**({"agent": "other", "purpose": "quote"} | changes)),)}


def foreign(**changes: Any) -> dict[str, Any]:
    fields = {"outcome": Outcome.UP, "side": Side.BUY, "price_bps": 9500}
    return {"foreign_orders": (ForeignOrder(**(fields | changes)),)}


def committed(usdc: int, *, agent: str = "other", slug: str = MARKET.slug) -> dict[str, Any]:
    return {"commitments": (Commitment(agent=agent, slug=slug, usdc=usdc),)}


@pytest.mark.parametrize("wish", [Wish(), TAKE, HEDGE])
def test_a_modest_buy_passes(wish: Wish) -> None:
    assert isinstance(check(wish, a_state(), LIMITS), Approved)


@pytest.mark.parametrize("wish", [EXIT, LOCK])
def test_what_is_held_may_be_sold(wish: Wish) -> None:
    assert isinstance(check(wish, a_state(**HELD), LIMITS), Approved)


@pytest.mark.parametrize(
    ("wish", "state", "reason"),
    [
        (Wish(price_bps=9550), {}, "off_tick"),
        (Wish(price_bps=10_000), {}, "off_tick"),
        (Wish(price_bps=0), {}, "off_tick"),
        (replace(TAKE, price_bps=0), {}, "off_tick"),
        (Wish(size_shares=25_000_001), {}, "bad_precision"),
        (Wish(size_shares=0), {}, "bad_precision"),
        (replace(TAKE, budget_usdc=24_250_001), {}, "bad_precision"),
        (Wish(size_shares=4_990_000), {}, "below_min_size"),
        (replace(TAKE, budget_usdc=990_000), {}, "below_min_value"),
        (Wish(price_bps=1000, size_shares=9_000_000), {"best_ask_bps": 1000}, "below_min_value"),
        (Wish(price_bps=1000, size_shares=9_000_000), {"best_ask_bps": 1100}, ""),
        (Wish(price_bps=400), {}, "price_too_low"),
        (LOCK, {}, "not_enough_shares"),
        (replace(LOCK, size_shares=25_010_000), HELD, "not_enough_shares"),
        (EXIT, HELD | resting(agent="capture", side=Side.SELL, price_bps=9900),
         "not_enough_shares"),
        (Wish(), resting(status=OrderStatus.UNKNOWN, price_bps=100), "unknown_order"),
        (Wish(), resting(agent="capture", purpose="entry", price_bps=100), "duplicate_entry"),
        (Wish(), resting(agent="other", purpose="entry", price_bps=100), ""),
        (Wish(), resting(side=Side.SELL, price_bps=9500), "self_cross"),
        (Wish(), resting(side=Side.SELL, price_bps=9600), ""),
        (Wish(), resting(outcome=Outcome.DOWN, price_bps=500), "self_cross"),
        (Wish(), resting(outcome=Outcome.DOWN, price_bps=400), ""),
        (Wish(), resting(outcome=Outcome.DOWN, price_bps=500, status=OrderStatus.CANCELED), ""),
        (EXIT, HELD | resting(price_bps=9400), "self_cross"),
        (LOCK, HELD | resting(side=Side.SELL, outcome=Outcome.DOWN, price_bps=100), "self_cross"),
        (Wish(), resting(side=Side.SELL, order_type=OrderType.FAK, price_bps=9500), "self_cross"),
        (TAKE, resting(side=Side.SELL, order_type=OrderType.FAK, price_bps=9500), ""),
        (Wish(), foreign(side=Side.SELL, price_bps=9500), "self_cross"),
        (Wish(), foreign(side=Side.SELL, price_bps=9600), ""),
        (EXIT, HELD | foreign(outcome=Outcome.DOWN, side=Side.SELL, price_bps=9900), "self_cross"),
        (Wish(), {"day_pnl_usdc": -100_000_000}, "daily_loss"),
        (Wish(), {"day_pnl_usdc": -99_999_999}, ""),
        (Wish(), {"consecutive_losses": 5, "last_loss_ns": 0}, "paused"),
        (Wish(), {"consecutive_losses": 4, "last_loss_ns": 0}, ""),
        (Wish(), {"consecutive_losses": 5, "last_loss_ns": -10 * MINUTE_NS}, ""),
        (Wish(), {"open_orders": 50}, "open_orders"),
        (Wish(), {"orders_last_minute": 60}, "orders_per_minute"),
        (Wish(size_shares=53_000_000), {}, "order_too_big"),
        (Wish(), committed(76_300_000), "window_cap"),
        (Wish(), committed(76_100_000), ""),
        (Wish(), committed(176_300_000, agent="capture", slug="elsewhere"), "capital"),
        (Wish(), committed(176_300_000, slug="elsewhere"), ""),
        (Wish(), committed(376_300_000, slug="elsewhere"), "deployed_cap"),
        (Wish(), {"balance_usdc": 23_833_119}, "balance"),
        (Wish(), {"balance_usdc": 23_833_120}, ""),
        (Wish(), {"balance_usdc": 30_000_000, "reserved_usdc": 7_000_000}, "balance"),
        (Wish(), {"now_ns": MARKET.close_ns}, "market_closed"),
        (EXIT, HELD | {"now_ns": MARKET.close_ns}, "market_closed"),
        (Wish(), {"waits_for": "the exchange restarts"}, "exchange_waits"),
        (EXIT, HELD | {"waits_for": "the exchange restarts"}, "exchange_waits"),
        (Wish(), {"spare_orders": 0}, "rate_limit"),
        (EXIT, HELD | {"spare_orders": -1}, "rate_limit"),
    ],
)  # fmt: skip
def test_each_limit_denies_by_its_own_name(wish: Wish, state: dict[str, Any], reason: str) -> None:
    assert reason_of(wish, **state) == reason


NEEDED = 23_833_120


@pytest.mark.parametrize(
    ("wish", "limits", "state"),
    [
        (Wish(size_shares=5_000_000), LIMITS, {}),
        (replace(TAKE, budget_usdc=1_000_000), LIMITS, {}),
        (Wish(), RiskLimits(min_buy_bps=9500, max_buy_bps=9500), {}),
        (Wish(), RiskLimits(max_order_usdc=23_750_000), {}),
        (Wish(), RiskLimits(max_window_usdc=NEEDED + 7), committed(7)),
        (Wish(), RiskLimits(agent_capital_usdc=NEEDED + 7), committed(7, agent="capture")),
        (Wish(), RiskLimits(max_deployed_usdc=NEEDED + 7), committed(7, slug="elsewhere")),
        (Wish(), LIMITS, {"open_orders": 49, "orders_last_minute": 59}),
    ],
)
def test_what_just_meets_a_limit_passes(
    wish: Wish, limits: RiskLimits, state: dict[str, Any]
) -> None:
    assert reason_of(wish, limits=limits, **state) == ""


@pytest.mark.parametrize(
    ("wish", "limits", "reason"),
    [
        (Wish(), RiskLimits(max_buy_bps=9400), "price_too_high"),
        (Wish(), RiskLimits(max_order_usdc=23_749_999), "order_too_big"),
        (Wish(), RiskLimits(max_window_usdc=NEEDED - 1), "window_cap"),
        (Wish(), RiskLimits(agent_capital_usdc=NEEDED - 1), "capital"),
        (Wish(), RiskLimits(max_deployed_usdc=NEEDED - 1), "deployed_cap"),
    ],
)
def test_what_just_misses_a_limit_is_denied(wish: Wish, limits: RiskLimits, reason: str) -> None:
    assert reason_of(wish, limits=limits) == reason


@pytest.mark.parametrize("wish", [Wish(), EXIT, LOCK, HEDGE])
@pytest.mark.parametrize(
    ("state", "reason"),
    [(TradingState.HALTED, "halted"), (TradingState.RECONCILING, "reconciling")],
)
def test_halted_and_reconciling_let_nothing_new_out(
    wish: Wish, state: TradingState, reason: str
) -> None:
    assert reason_of(wish, trading_state=state, **HELD) == reason


@pytest.mark.parametrize(
    ("wish", "reason"),
    [
        (EXIT, ""),
        (LOCK, ""),
        (HEDGE, ""),
        (replace(HEDGE, size_shares=300_000_000), "raises_worst_case"),
        (Wish(purpose="quote"), "raises_worst_case"),
        (Wish(), "raises_worst_case"),
    ],
)
def test_reducing_lets_through_only_what_does_not_raise_the_worst_case(
    wish: Wish, reason: str
) -> None:
    assert reason_of(wish, trading_state=TradingState.REDUCING, **HELD) == reason


def test_reducing_counts_an_unknown_order_as_filled() -> None:
    unknown = resting(status=OrderStatus.UNKNOWN, size_shares=25_000_000)
    state = {"trading_state": TradingState.REDUCING, **unknown}
    assert reason_of(replace(HEDGE, price_bps=400), **state) == "price_too_low"
    low = RiskLimits(min_buy_bps=100)
    assert reason_of(replace(HEDGE, price_bps=400), limits=low, **state) == ""


def test_no_money_limit_keeps_a_position_from_being_left() -> None:
    state = HELD | {
        "day_pnl_usdc": -500_000_000,
        "consecutive_losses": 9,
        "open_orders": 500,
        "orders_last_minute": 119,
        "balance_usdc": 0,
        "trading_state": TradingState.REDUCING,
        **committed(10**12, agent="capture"),
    }
    assert reason_of(EXIT, **state) == ""
    assert reason_of(EXIT, **(state | {"orders_last_minute": 120})) == "orders_per_minute"


def test_dust_may_be_sold_though_it_is_below_the_resting_minimum() -> None:
    held: dict[str, Any] = {"positions": (a_position(Outcome.UP, (Side.BUY, 9500, 1_230_000)),)}
    assert reason_of(replace(EXIT, size_shares=1_230_000), **held) == ""


def test_every_rule_is_shown_by_a_case_above() -> None:
    shown = {
        "halted", "reconciling", "market_closed", "off_tick", "bad_precision", "below_min_size",
        "below_min_value", "price_too_low", "price_too_high", "not_enough_shares",
        "raises_worst_case", "unknown_order", "duplicate_entry", "self_cross", "daily_loss",
        "paused", "open_orders", "orders_per_minute", "order_too_big", "window_cap", "capital",
        "deployed_cap", "balance", "exchange_waits", "rate_limit",
    }  # fmt: skip
    assert {reason for reason, _ in RULES} == shown
