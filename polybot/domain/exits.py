"""When a held favorite is sold before its window resolves, and when its profit lock is taken back.

Exits are judged to the very close. Every trigger looks at bids that exist: a side of the book that
is missing says nothing.
"""

from enum import Enum

import msgspec


class ExitReason(Enum):
    """Why a position is sold early; the value is also the purpose of the sell order."""

    HARD_STOP = "hard_stop"
    DANGER_EXIT = "danger_exit"
    SAFETY_EXIT = "safety_exit"


class ExitRules(msgspec.Struct, frozen=True, kw_only=True):
    """Triggers of the exits; prices in 1e-4 dollars, ticks are market seconds."""

    hard_stop_bid_bps: int = 6500
    hard_stop_ticks: int = 2
    danger_score: float = 0.40
    danger_opponent_ask_bps: int = 1500
    danger_ticks: int = 2
    safety_remaining_s: float = 10.0
    safety_bid_bps: int = 8000
    lock_cancel_bid_bps: int = 7000


class ExitCounters(msgspec.Struct, frozen=True, kw_only=True):
    """How many ticks in a row each trigger was met."""

    hard_stop: int = 0
    danger: int = 0


class ExitLook(msgspec.Struct, frozen=True, kw_only=True):
    """What the exits look at: best bid of the held token, ask of the other, danger, seconds left.

    `new_tick` is True on the first look of a market second: counters move once a second, however
    often the book is looked at.
    """

    bid_bps: int | None
    opponent_ask_bps: int | None
    danger_score: float
    remaining_s: float
    new_tick: bool = True


class ExitDecision(msgspec.Struct, frozen=True, kw_only=True):
    """Whether to sell and why, whether the profit lock must go, and the counters to remember."""

    reason: ExitReason | None
    cancel_profit_lock: bool
    counters: ExitCounters


def _counted(count: int, *, met: bool | None) -> int:
    """Return the next count: one more when met, 0 when not, unchanged when nothing was seen."""
    if met is None:
        return count
    return count + 1 if met else 0


def _hard_stop_met(look: ExitLook, rules: ExitRules) -> bool | None:
    return None if look.bid_bps is None else look.bid_bps <= rules.hard_stop_bid_bps


def _danger_met(look: ExitLook, rules: ExitRules) -> bool | None:
    if look.opponent_ask_bps is None:
        return None
    gate = look.opponent_ask_bps > rules.danger_opponent_ask_bps
    return gate and look.danger_score >= rules.danger_score


def _next_counters(look: ExitLook, counters: ExitCounters, rules: ExitRules) -> ExitCounters:
    if not look.new_tick:
        return counters
    return ExitCounters(
        hard_stop=_counted(counters.hard_stop, met=_hard_stop_met(look, rules)),
        danger=_counted(counters.danger, met=_danger_met(look, rules)),
    )


def _reason(look: ExitLook, counters: ExitCounters, rules: ExitRules) -> ExitReason | None:
    if look.bid_bps is None:
        return None
    if counters.hard_stop >= rules.hard_stop_ticks and _hard_stop_met(look, rules):
        return ExitReason.HARD_STOP
    if counters.danger >= rules.danger_ticks and _danger_met(look, rules):
        return ExitReason.DANGER_EXIT
    closing = look.remaining_s <= rules.safety_remaining_s
    return ExitReason.SAFETY_EXIT if closing and look.bid_bps < rules.safety_bid_bps else None


def check_exits(look: ExitLook, counters: ExitCounters, rules: ExitRules) -> ExitDecision:
    """Judge one look in the order hard stop, profit lock, danger exit, window-end safety.

    Source: the exit rules of the 99c capture (2 consecutive ticks, because single ticks cause
    panic sells; on the bid, because nobody sells at the ask).
    """
    counters = _next_counters(look, counters, rules)
    reason = _reason(look, counters, rules)
    slipped = look.bid_bps is not None and look.bid_bps < rules.lock_cancel_bid_bps
    return ExitDecision(
        reason=reason, cancel_profit_lock=slipped or reason is not None, counters=counters
    )
