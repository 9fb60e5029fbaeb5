"""The entry filter: whether the asks of the last seconds are steady enough to enter.

One sample per market second, a missing ask counts as 1.00. Entry needs a stable favorite, or low
volatility together with a weak opponent.
"""

from itertools import pairwise

import msgspec

from polybot.domain.confidence import ask_part_bps


class AskHistory(msgspec.Struct, frozen=True, kw_only=True):
    """The asks of both tokens of one window, oldest first, in 1e-4 dollars; equally long."""

    up: tuple[int, ...] = ()
    down: tuple[int, ...] = ()

    def appended(self, up_ask: int | None, down_ask: int | None, size: int) -> "AskHistory":
        """Return the history with one more second, at most `size` samples long."""
        return AskHistory(
            up=(*self.up, ask_part_bps(up_ask))[-size:],
            down=(*self.down, ask_part_bps(down_ask))[-size:],
        )


class EntryFilterRules(msgspec.Struct, frozen=True, kw_only=True):
    """Thresholds of the entry filter; prices and jumps in 1e-4 dollars, lengths in samples."""

    history: int = 30
    minimum: int = 10
    stable_ticks: int = 3
    stable_bps: int = 9700
    jump_ticks: int = 10
    max_jump_bps: int = 800
    max_opponent_bps: int = 1500


class EntryFilterResult(msgspec.Struct, frozen=True, kw_only=True):
    """Whether entry may go on, why, and the figures compared.

    `reason` is insufficient_history or passed; else unstable (volatile and a strong opponent),
    volatile, or opp_high, each meaning that the favorite was not stable either.
    """

    passes: bool
    reason: str
    lowest_recent_bps: int = 0
    largest_jump_bps: int = 0
    highest_opponent_bps: int = 0


def largest_jump_bps(asks: tuple[int, ...]) -> int:
    """Return the largest move between two neighboring samples, 0 for fewer than two."""
    return max((abs(new - old) for old, new in pairwise(asks)), default=0)


def check_entry_filter(
    own: tuple[int, ...], opponent: tuple[int, ...], rules: EntryFilterRules
) -> EntryFilterResult:
    """Judge the asks of the token to buy (`own`) and of the other one, oldest first.

    Source: the 99c capture rules. Fewer samples than `rules.minimum` pass, because a filter that
    knows nothing has nothing to object.
    """
    if len(own) < rules.minimum:
        return EntryFilterResult(passes=True, reason="insufficient_history")
    lowest = min(own[-rules.stable_ticks :])
    jump = largest_jump_bps(own[-rules.jump_ticks :])
    highest = max(opponent[-rules.history :])
    reason = _reason(
        stable=lowest >= rules.stable_bps,
        low_volatility=jump <= rules.max_jump_bps,
        weak_opponent=highest <= rules.max_opponent_bps,
    )
    return EntryFilterResult(
        passes=reason == "passed",
        reason=reason,
        lowest_recent_bps=lowest,
        largest_jump_bps=jump,
        highest_opponent_bps=highest,
    )


def _reason(*, stable: bool, low_volatility: bool, weak_opponent: bool) -> str:
    if stable or (low_volatility and weak_opponent):
        return "passed"
    if not low_volatility and not weak_opponent:
        return "unstable"
    return "opp_high" if low_volatility else "volatile"
