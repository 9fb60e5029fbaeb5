"""The parameters of the 99c capture as a person writes them, and the integers they become."""

from decimal import Decimal
from typing import Annotated

import msgspec

from polybot.domain.danger import DangerRules
from polybot.domain.entry_filter import EntryFilterRules
from polybot.domain.exits import ExitRules
from polybot.domain.money import parse_price, parse_reference, parse_shares
from polybot.domain.trend_guard import TrendGuardRules
from polybot.domain.window import SECOND_NS
from polybot.strategies.parameters import bounded, chosen, described

RESTING = "resting"
MARKETABLE = "marketable"


class CaptureParameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Prices in dollars, sizes in shares, spans in market seconds; defaults as published."""

    entry_style: Annotated[
        str,
        chosen(
            (RESTING, MARKETABLE),
            "resting: limit BUY at entry_price; marketable: take the ask up to max_entry_price",
        ),
    ] = MARKETABLE
    entry_price: Annotated[Decimal, bounded("0.01", "0.99", "price of a resting entry")] = Decimal(
        "0.95"
    )
    max_entry_price: Annotated[
        Decimal, bounded("0.01", "0.99", "highest price a marketable entry pays")
    ] = Decimal("0.98")
    fixed_shares: Annotated[Decimal, bounded(1, 100_000, "shares of one entry")] = Decimal(25)
    min_confidence: Annotated[
        Decimal, bounded("0.5", 1, "ask less time penalty that an entry needs")
    ] = Decimal("0.95")
    max_spread: Annotated[
        Decimal, bounded("0.01", 1, "widest ask - bid at an entry; a missing ask counts as 1.00")
    ] = Decimal("0.05")
    min_remaining_s: Annotated[
        float, bounded(0, 14_400, "seconds a window must still run at an entry")
    ] = 10.0
    max_entry_tries: Annotated[
        int,
        bounded(1, 20, "entry orders a window, when earlier ones met nobody or were refused"),
    ] = 3
    entry_retry_s: Annotated[float, bounded(1, 300, "seconds between two entry orders")] = 5.0
    cancel_remaining_s: Annotated[
        float, bounded(0, 14_400, "seconds before the close at which an unfilled entry is canceled")
    ] = 10.0
    cancel_confidence: Annotated[
        Decimal, bounded(0, 1, "confidence below which an unfilled entry is canceled")
    ] = Decimal("0.90")

    filter_history: Annotated[int, bounded(1, 300, "seconds of asks that are remembered")] = 30
    filter_minimum: Annotated[
        int, bounded(1, 300, "seconds of asks under which the entry filter lets pass")
    ] = 10
    filter_stable_ticks: Annotated[int, bounded(1, 300, "last asks that make a price stable")] = 3
    filter_stable_price: Annotated[Decimal, bounded("0.5", 1, "lowest ask of a stable price")] = (
        Decimal("0.97")
    )
    filter_jump_ticks: Annotated[int, bounded(2, 300, "last asks whose jumps are looked at")] = 10
    filter_max_jump: Annotated[
        Decimal, bounded("0.001", 1, "largest move of the ask within a second")
    ] = Decimal("0.08")
    filter_max_opponent: Annotated[
        Decimal, bounded("0.001", 1, "highest recent ask of the other outcome")
    ] = Decimal("0.15")

    trend_threshold: Annotated[
        Decimal, bounded(0, 1_000_000, "dollars the reference may have moved against an entry")
    ] = Decimal(250)
    trend_lookback_windows: Annotated[int, bounded(1, 12, "windows the trend is taken over")] = 2

    danger_score: Annotated[float, bounded(0, 100, "danger score of a danger exit")] = 0.40
    danger_opponent_ask: Annotated[
        Decimal, bounded(0, 1, "ask of the other outcome above which danger counts")
    ] = Decimal("0.15")
    danger_ticks: Annotated[int, bounded(1, 60, "seconds in a row of danger before an exit")] = 2
    danger_confidence_weight: Annotated[float, bounded(0, 100, "weight of a falling price")] = 3.0
    danger_imbalance_weight: Annotated[float, bounded(0, 100, "weight of the book's lean")] = 0.4
    danger_velocity_weight: Annotated[
        float, bounded(0, 100, "weight of the reference price's move")
    ] = 2.0
    danger_opponent_weight: Annotated[float, bounded(0, 100, "weight of the other ask")] = 0.5
    danger_time_weight: Annotated[float, bounded(0, 100, "weight of the last minute")] = 0.3
    danger_velocity_scale: Annotated[
        float, bounded(0, 100_000, "scale of the relative move: 100 counts percent")
    ] = 100.0
    danger_velocity_s: Annotated[float, bounded(1, 60, "seconds the move is taken over")] = 5.0

    hard_stop_bid: Annotated[Decimal, bounded(0, 1, "bid at or under which to sell")] = Decimal(
        "0.65"
    )
    hard_stop_ticks: Annotated[int, bounded(1, 60, "seconds in a row of such a bid")] = 2
    safety_remaining_s: Annotated[
        float, bounded(0, 14_400, "seconds before the close in which the safety exit looks")
    ] = 10.0
    safety_bid: Annotated[Decimal, bounded(0, 1, "bid under which the safety exit sells")] = (
        Decimal("0.80")
    )
    exit_floor: Annotated[Decimal, bounded("0.001", "0.99", "lowest price an exit sells at")] = (
        Decimal("0.01")
    )

    profit_lock: Annotated[bool, described("rest a sale of what was bought")] = True
    profit_lock_price: Annotated[Decimal, bounded("0.5", "0.999", "price of that sale")] = Decimal(
        "0.99"
    )
    profit_lock_cancel_bid: Annotated[
        Decimal, bounded(0, 1, "bid under which that sale is taken back for good")
    ] = Decimal("0.70")


class CaptureRules(msgspec.Struct, frozen=True, kw_only=True):
    """The same parameters as integers (1e-4 dollars, micro-shares, ns) and grouped by rule."""

    entry_style: str
    entry_bps: int
    max_entry_bps: int
    size_shares: int
    min_confidence_bps: int
    max_spread_bps: int
    min_remaining_s: float
    max_entry_tries: int
    entry_retry_ns: int
    cancel_remaining_s: float
    cancel_confidence_bps: int
    exit_floor_bps: int
    profit_lock: bool
    profit_lock_bps: int
    entry_filter: EntryFilterRules
    trend_guard: TrendGuardRules
    danger: DangerRules
    exits: ExitRules


def _bps(value: Decimal) -> int:
    return parse_price(str(value))


def _entry_filter(parameters: CaptureParameters) -> EntryFilterRules:
    return EntryFilterRules(
        history=parameters.filter_history,
        minimum=parameters.filter_minimum,
        stable_ticks=parameters.filter_stable_ticks,
        stable_bps=_bps(parameters.filter_stable_price),
        jump_ticks=parameters.filter_jump_ticks,
        max_jump_bps=_bps(parameters.filter_max_jump),
        max_opponent_bps=_bps(parameters.filter_max_opponent),
    )


def _danger(parameters: CaptureParameters) -> DangerRules:
    return DangerRules(
        confidence_weight=parameters.danger_confidence_weight,
        imbalance_weight=parameters.danger_imbalance_weight,
        velocity_weight=parameters.danger_velocity_weight,
        opponent_weight=parameters.danger_opponent_weight,
        time_weight=parameters.danger_time_weight,
        velocity_scale=parameters.danger_velocity_scale,
        velocity_window_ns=int(parameters.danger_velocity_s * SECOND_NS),
    )


def _exits(parameters: CaptureParameters) -> ExitRules:
    return ExitRules(
        hard_stop_bid_bps=_bps(parameters.hard_stop_bid),
        hard_stop_ticks=parameters.hard_stop_ticks,
        danger_score=parameters.danger_score,
        danger_opponent_ask_bps=_bps(parameters.danger_opponent_ask),
        danger_ticks=parameters.danger_ticks,
        safety_remaining_s=parameters.safety_remaining_s,
        safety_bid_bps=_bps(parameters.safety_bid),
        lock_cancel_bid_bps=_bps(parameters.profit_lock_cancel_bid),
    )


def rules_of(parameters: CaptureParameters) -> CaptureRules:
    """Return the parameters as the integers the decision compares."""
    return CaptureRules(
        entry_style=parameters.entry_style,
        entry_bps=_bps(parameters.entry_price),
        max_entry_bps=_bps(parameters.max_entry_price),
        size_shares=parse_shares(str(parameters.fixed_shares)),
        min_confidence_bps=_bps(parameters.min_confidence),
        max_spread_bps=_bps(parameters.max_spread),
        min_remaining_s=parameters.min_remaining_s,
        max_entry_tries=parameters.max_entry_tries,
        entry_retry_ns=int(parameters.entry_retry_s * SECOND_NS),
        cancel_remaining_s=parameters.cancel_remaining_s,
        cancel_confidence_bps=_bps(parameters.cancel_confidence),
        exit_floor_bps=_bps(parameters.exit_floor),
        profit_lock=parameters.profit_lock,
        profit_lock_bps=_bps(parameters.profit_lock_price),
        entry_filter=_entry_filter(parameters),
        trend_guard=TrendGuardRules(
            threshold_e8=parse_reference(str(parameters.trend_threshold)),
            lookback_windows=parameters.trend_lookback_windows,
        ),
        danger=_danger(parameters),
        exits=_exits(parameters),
    )
