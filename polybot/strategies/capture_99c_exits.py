"""How the 99c capture holds and leaves a position: profit lock, exits to the last second, dust."""

from polybot.domain.danger import DangerLook, DangerResult, measure_danger
from polybot.domain.exits import ExitDecision, ExitLook, ExitReason, check_exits
from polybot.domain.money import PRICE_ONE_BPS, ceil_to_tick
from polybot.domain.order import Order, OrderStatus, OrderType, Side
from polybot.domain.position import Position
from polybot.domain.purpose import ENTRY, PROFIT_LOCK
from polybot.domain.window import SECOND_NS
from polybot.strategies.base import Decision, Intent
from polybot.strategies.capture_99c_entry import entry_cancel_reason
from polybot.strategies.capture_99c_look import AMOUNT_STEP, Look, has_book, sellable_shares

# A lock is refused while the bought shares are still on their way; more often is no coincidence.
MAX_LOCK_TRIES = 10


def decide_holding(look: Look, position: Position) -> Decision:
    """Decide on a window in which shares are held."""
    danger = _measure(look, position)
    verdict = _judge(look, position, danger)
    reason = look.memory.exit_reason
    if reason is not None:
        return decide_leaving(look, position, reason)
    open_orders = look.open_on(position.outcome)
    locks = [order for order in open_orders if order.purpose == PROFIT_LOCK]
    if verdict.cancel_profit_lock:
        look.remember(lock_dropped=True)
        if cancelable := look.cancelable(locks):
            return look.cancel("profit_lock_cancel", cancelable)
    return (
        _cancel_rest_of_entry(look, open_orders)
        or _lock_profit(look, position, open_orders)
        or look.hold("holding")
    )


def decide_leaving(look: Look, position: Position, reason: ExitReason) -> Decision:
    """Leave a position: cancel our own orders on its token, and once they are gone sell it."""
    open_orders = look.open_on(position.outcome)
    if cancelable := look.cancelable(open_orders):
        return look.cancel(reason.value, cancelable)
    # An unknown SELL may never be heard of again: what it may have sold is taken off instead.
    if any(o.status is not OrderStatus.UNKNOWN or o.side is Side.BUY for o in open_orders):
        return look.hold("leaving")
    shares = sellable_shares(position, open_orders)
    obstacle = _obstacle(look, position, shares, open_orders)
    if obstacle:
        return look.hold(obstacle)
    look.remember(last_exit_ns=look.view.now_ns)
    return look.act("exit", reason.value, _sale(look, position, shares, reason.value))


def _obstacle(look: Look, position: Position, shares: int, open_orders: list[Order]) -> str:
    bid = look.view.token(position.outcome).bid_bps
    if position.shares < AMOUNT_STEP:
        return "dust_left_to_settlement"
    if shares == 0:
        return "unknown_order" if open_orders else "shares_not_settled"
    if bid is None:
        return "no_bids"
    if bid < _floor_bps(look):
        return "bid_below_floor"
    # Once a market second: a look that follows at once sees the book from before the last sale.
    too_soon = look.view.now_ns - look.memory.last_exit_ns < SECOND_NS
    return "leaving" if too_soon else ""


def _floor_bps(look: Look) -> int:
    tick = look.view.market.tick_bps
    return max(ceil_to_tick(look.rules.exit_floor_bps, tick), tick)


def _sale(look: Look, position: Position, shares: int, purpose: str) -> Intent:
    return Intent(
        outcome=position.outcome,
        side=Side.SELL,
        order_type=OrderType.FAK,
        price_bps=_floor_bps(look),
        size_shares=shares,
        purpose=purpose,
    )


def _measure(look: Look, position: Position) -> DangerResult:
    view, held = look.view, position.outcome
    token = view.token(held)
    if has_book(token):
        look.remember(peak=look.memory.peak.raised(token.ask_bps, view.remaining_s()))
    danger = measure_danger(
        DangerLook(
            held=held,
            ask_bps=token.ask_bps,
            opponent_ask_bps=view.token(held.opposite).ask_bps,
            imbalance=token.imbalance,
            remaining_s=view.remaining_s(),
            now_ns=view.now_ns,
            samples=view.reference.samples,
        ),
        look.memory.peak,
        look.rules.danger,
    )
    look.note(
        held=held.value,
        shares=position.shares,
        settled_shares=position.settled_shares,
        peak_price_bps=look.memory.peak.price_bps,
        peak_confidence_bps=look.memory.peak.confidence_bps,
        confidence_bps=look.confidence_bps(held),
        danger_score=round(danger.score, 6),
        danger_confidence=round(danger.confidence_weighted, 6),
        danger_imbalance=round(danger.imbalance_weighted, 6),
        danger_velocity=round(danger.velocity_weighted, 6),
        danger_opponent=round(danger.opponent_weighted, 6),
        danger_time=round(danger.time_weighted, 6),
        danger_confidence_raw=round(danger.confidence_raw, 6),
        danger_imbalance_raw=round(danger.imbalance_raw, 6),
        danger_velocity_raw=round(danger.velocity_raw, 6),
        danger_opponent_raw=round(danger.opponent_raw, 6),
        danger_time_raw=round(danger.time_raw, 6),
    )
    return danger


def _judge(look: Look, position: Position, danger: DangerResult) -> ExitDecision:
    view, held = look.view, position.outcome
    decision = check_exits(
        ExitLook(
            bid_bps=view.token(held).bid_bps,
            opponent_ask_bps=view.token(held.opposite).ask_bps,
            danger_score=danger.score,
            remaining_s=view.remaining_s(),
            new_tick=view.new_second,
        ),
        look.memory.counters,
        look.rules.exits,
    )
    look.remember(
        counters=decision.counters, exit_reason=look.memory.exit_reason or decision.reason
    )
    look.note(hard_stop_ticks=decision.counters.hard_stop, danger_ticks=decision.counters.danger)
    return decision


def _cancel_rest_of_entry(look: Look, open_orders: list[Order]) -> Decision | None:
    for order in look.cancelable(open_orders):
        if order.purpose == ENTRY and (reason := entry_cancel_reason(look, order)):
            return look.cancel(reason, [order])
    return None


def _lock_profit(look: Look, position: Position, open_orders: list[Order]) -> Decision | None:
    rules, memory, market = look.rules, look.memory, look.view.market
    tick = market.tick_bps
    on_tick = rules.profit_lock_bps % tick == 0 and rules.profit_lock_bps <= PRICE_ONE_BPS - tick
    too_soon = look.view.now_ns - memory.last_lock_ns < SECOND_NS
    waits = too_soon or memory.lock_tries >= MAX_LOCK_TRIES
    if not rules.profit_lock or memory.lock_dropped or not on_tick or waits:
        return None
    shares = sellable_shares(position, open_orders)
    basis = position.fifo().cost_basis_usdc
    gains = rules.profit_lock_bps * position.shares > basis * PRICE_ONE_BPS
    if shares < market.min_size_shares or not gains:
        return None
    look.remember(lock_tries=memory.lock_tries + 1, last_lock_ns=look.view.now_ns)
    lock = Intent(
        outcome=position.outcome,
        side=Side.SELL,
        order_type=OrderType.GTC,
        price_bps=rules.profit_lock_bps,
        size_shares=shares,
        purpose=PROFIT_LOCK,
    )
    return look.act("exit", PROFIT_LOCK, lock)
