"""The digest: what a reflection looks at, computed from a list of settled trades."""

from collections.abc import Callable, Sequence
from datetime import tzinfo

from polybot.domain.metrics import (
    SettledTrade,
    current_losing_run,
    local_time,
    measure,
    ratio,
)
from polybot.domain.money import PRICE_ONE_BPS

Digest = dict[str, str | int | float | None]


def digest_of(trades: Sequence[SettledTrade], zone: tzinfo) -> Digest:
    """Return the figures of trades given oldest first, flat, so that they travel as they are.

    Money is micro-dollars, prices 1e-4 dollars, rates 0..1, hours those of `zone`; None where
    there is nothing to compute from.
    """
    figures = measure(trades)
    digest: Digest = {
        "trades": figures.trades,
        "wins": figures.wins,
        "losses": figures.losses,
        "exits": figures.exits,
        "win_rate": figures.win_rate,
        "pnl_usdc": figures.pnl_usdc,
        "fees_usdc": figures.fees_usdc,
        "cost_usdc": figures.cost_usdc,
        "average_pnl_usdc": figures.average_pnl_usdc,
        "roi": figures.roi,
        "max_drawdown_usdc": figures.max_drawdown_usdc,
        "longest_losing_run": figures.longest_losing_run,
        "current_losing_run": current_losing_run(trades),
    }
    digest |= _prices(trades)
    digest |= _hours(trades, zone)
    digest |= _groups(trades, "grade", lambda trade: trade.grade.value)
    digest |= _groups(trades, "strategy", lambda trade: trade.strategy)
    return digest


def _prices(trades: Sequence[SettledTrade]) -> Digest:
    """Return the average price paid, and the win rate at which it would have earned nothing.

    A share won pays one dollar, so the break-even rate is the price paid and its fee.
    """
    shares = sum(trade.bought_shares for trade in trades)
    cost = sum(trade.cost_usdc for trade in trades)
    fees = sum(trade.fees_usdc for trade in trades)
    return {
        "average_entry_price_bps": cost * PRICE_ONE_BPS // shares if shares else None,
        "break_even_win_rate": ratio(cost + fees, shares),
    }


def _hours(trades: Sequence[SettledTrade], zone: tzinfo) -> Digest:
    sums: dict[int, int] = {}
    for trade in trades:
        hour = local_time(trade.entered_ns, zone).hour
        sums[hour] = sums.get(hour, 0) + trade.pnl_usdc
    best = min(sums, key=lambda hour: (-sums[hour], hour), default=None)
    worst = min(sums, key=lambda hour: (sums[hour], hour), default=None)
    return {
        "best_hour": best,
        "best_hour_pnl_usdc": None if best is None else sums[best],
        "worst_hour": worst,
        "worst_hour_pnl_usdc": None if worst is None else sums[worst],
    }


def _groups(
    trades: Sequence[SettledTrade], label: str, key: Callable[[SettledTrade], str]
) -> Digest:
    groups: dict[str, list[SettledTrade]] = {}
    for trade in trades:
        groups.setdefault(key(trade), []).append(trade)
    digest: Digest = {}
    for name in sorted(groups):
        figures = measure(groups[name])
        digest[f"{label}_{name}_trades"] = figures.trades
        digest[f"{label}_{name}_pnl_usdc"] = figures.pnl_usdc
        if label == "strategy":
            digest[f"{label}_{name}_win_rate"] = figures.win_rate
    return digest
