"""How the 99c capture enters a window: once, when an outcome is all but decided and looks it."""

from polybot.domain.entry_filter import check_entry_filter
from polybot.domain.fees import (
    affordable_budget_usdc,
    affordable_shares,
    budget_cost_usdc,
)
from polybot.domain.market import Outcome
from polybot.domain.money import floor_to_tick, notional_usdc
from polybot.domain.order import Order, OrderStatus, OrderType, Side
from polybot.domain.purpose import ENTRY
from polybot.domain.trend_guard import blocks, trend_e8
from polybot.strategies.base import Decision, Intent
from polybot.strategies.capture_99c_look import AMOUNT_STEP, Look, has_book
from polybot.strategies.capture_99c_parameters import RESTING

MIN_MARKETABLE_USDC = 1_000_000


def decide_entry(look: Look) -> Decision:
    """Decide whether to enter a window in which nothing was bought and nothing is ordered."""
    _note_entry(look)
    gate = _gate(look)
    if gate:
        return look.hold(gate)
    outcome, reason = _candidate(look)
    if outcome is None:
        return look.hold(reason)
    look.note(candidate=outcome.value)
    objection = _filtered(look, outcome) or _trend_blocked(look, outcome)
    if objection:
        return look.hold(objection)
    intent, reason = _resting(look, outcome) if _rests(look) else _marketable(look, outcome)
    if intent is None:
        return look.hold(reason)
    look.remember(entry_tries=look.memory.entry_tries + 1, last_entry_ns=look.view.now_ns)
    return look.act("enter", "entry", intent)


def decide_waiting(look: Look, entry: Order) -> Decision:
    """Decide on an entry order that is still open and has bought nothing yet."""
    _note_entry(look)
    look.note(entry_status=entry.status.value)
    if entry.order_type.rests and (reason := entry_cancel_reason(look, entry)):
        orders = look.cancelable([entry])
        return look.cancel(reason, orders) if orders else look.hold("canceling")
    return look.hold("unknown_order" if entry.status is OrderStatus.UNKNOWN else "entered")


def entry_cancel_reason(look: Look, entry: Order) -> str:
    """Return why an open entry must go now, "" while it may stay.

    A resting entry would otherwise be filled exactly when the market knows better.
    """
    if look.view.remaining_s() <= look.rules.cancel_remaining_s:
        return "entry_deadline"
    if not look.view.entries_allowed:
        return "entries_stopped"
    known = has_book(look.view.token(entry.outcome))
    fell = look.confidence_bps(entry.outcome) < look.rules.cancel_confidence_bps
    return "confidence_fell" if known and fell else ""


def _rests(look: Look) -> bool:
    return look.rules.entry_style == RESTING


def _note_entry(look: Look) -> None:
    rules = look.rules
    look.note(
        entry_style=rules.entry_style,
        up_confidence_bps=look.confidence_bps(Outcome.UP),
        down_confidence_bps=look.confidence_bps(Outcome.DOWN),
        min_confidence_bps=rules.min_confidence_bps,
        entry_tries=look.memory.entry_tries,
        entries_allowed=look.view.entries_allowed,
        capital_usdc=look.view.capital_usdc,
        samples=len(look.memory.asks.up),
        trend_e8=trend_e8(look.view.reference.window_opens_e8, rules.trend_guard.lookback_windows),
    )


def _gate(look: Look) -> str:
    """Return what keeps this look from even considering an entry, "" when nothing does."""
    view, rules, memory = look.view, look.rules, look.memory
    waits = view.now_ns - memory.last_entry_ns < rules.entry_retry_ns
    gates = (
        ("too_early", view.now_ns < view.market.open_ns),
        ("too_late", view.remaining_s() < rules.min_remaining_s),
        ("trend_block", memory.trend_blocked),
        ("entries_stopped", not view.entries_allowed),
        ("unknown_order", view.unknown),
        ("waiting_for_book", not (has_book(view.up) or has_book(view.down))),
        ("out_of_tries", memory.entry_tries >= rules.max_entry_tries),
        ("waiting_to_retry", memory.entry_tries > 0 and waits),
    )
    return next((reason for reason, closed in gates if closed), "")


def _candidate(look: Look) -> tuple[Outcome | None, str]:
    """Return the outcome to buy, Up first; else the reason why neither will do."""
    reason = "low_confidence"
    for outcome in Outcome:
        confident = look.confidence_bps(outcome) >= look.rules.min_confidence_bps
        if not confident or not has_book(look.view.token(outcome)):
            continue
        # A vanished ask proves nothing by itself: the bid must stand behind the price.
        if look.spread_bps(outcome) <= look.rules.max_spread_bps:
            return outcome, ""
        reason = "wide_spread"
    return None, reason


def _filtered(look: Look, outcome: Outcome) -> str:
    asks = look.memory.asks
    own, opponent = (asks.up, asks.down) if outcome is Outcome.UP else (asks.down, asks.up)
    result = check_entry_filter(own, opponent, look.rules.entry_filter)
    look.note(
        filter=result.reason,
        filter_lowest_bps=result.lowest_recent_bps,
        filter_jump_bps=result.largest_jump_bps,
        filter_opponent_bps=result.highest_opponent_bps,
    )
    return "" if result.passes else result.reason


def _trend_blocked(look: Look, outcome: Outcome) -> str:
    if not blocks(outcome, look.view.reference.window_opens_e8, look.rules.trend_guard):
        return ""
    # A blocked window is spent: the other outcome is not bought in it either.
    look.remember(trend_blocked=True)
    return "trend_block"


def _resting(look: Look, outcome: Outcome) -> tuple[Intent | None, str]:
    market = look.view.market
    price = floor_to_tick(look.rules.entry_bps, market.tick_bps)
    affordable = affordable_shares(market.fee, price, look.view.capital_usdc) if price else 0
    shares = min(look.rules.size_shares, affordable)
    shares -= shares % AMOUNT_STEP
    if shares < market.min_size_shares:
        return None, "no_capital"
    return (
        Intent(
            outcome=outcome,
            side=Side.BUY,
            order_type=OrderType.GTC,
            price_bps=price,
            size_shares=shares,
            purpose=ENTRY,
        ),
        "",
    )


def _marketable(look: Look, outcome: Outcome) -> tuple[Intent | None, str]:
    market = look.view.market
    ask = look.view.token(outcome).ask_bps
    limit = floor_to_tick(look.rules.max_entry_bps, market.tick_bps)
    if ask is None or ask > limit:
        return None, "no_ask" if ask is None else "too_expensive"
    budget = notional_usdc(ask, look.rules.size_shares)
    # Searching for the affordable budget takes long: only where the wanted one is too much.
    if budget_cost_usdc(market.fee, ask, budget) > look.view.capital_usdc:
        budget = affordable_budget_usdc(market.fee, ask, look.view.capital_usdc)
    budget -= budget % AMOUNT_STEP
    if budget < MIN_MARKETABLE_USDC:
        return None, "no_capital"
    return (
        Intent(
            outcome=outcome,
            side=Side.BUY,
            order_type=OrderType.FAK,
            price_bps=limit,
            budget_usdc=budget,
            purpose=ENTRY,
        ),
        "",
    )
