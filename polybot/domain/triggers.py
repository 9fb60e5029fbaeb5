"""When a reflection is due, worked out from the ledger, so that no restart misses or repeats one.

Each occasion has a mark that follows from the trades themselves; what was recorded under its mark
is done.
"""

from collections.abc import Collection, Iterator, Sequence
from datetime import tzinfo

import msgspec

from polybot.domain.metrics import SettledTrade, is_loss, trading_day


class TriggerRules(msgspec.Struct, frozen=True, kw_only=True):
    """After how many losses in a row, every how many trades, and whether at each day's end."""

    losses_in_a_row: int = 3
    trades_between: int = 10
    end_of_day: bool = True


class Trigger(msgspec.Struct, frozen=True, kw_only=True):
    """One occasion to reflect: on the first `trades` trades of the ledger."""

    trigger: str
    mark: str
    trades: int


def due(
    trades: Sequence[SettledTrade],
    recorded_marks: Collection[str],
    now_ns: int,
    zone: tzinfo,
    rules: TriggerRules | None = None,
) -> list[Trigger]:
    """Return the occasions not recorded yet, in the order in which the ledger brought them.

    `trades` are all settled trades in the order of their settlement, `now_ns` is market time.
    """
    rules = rules or TriggerRules()
    occasions = [*_losses(trades, rules), *_counts(trades, rules)]
    if rules.end_of_day:
        occasions.extend(_days(trades, trading_day(now_ns, zone), zone))
    occasions.sort(key=lambda occasion: occasion.trades)
    return [occasion for occasion in occasions if occasion.mark not in recorded_marks]


def _losses(trades: Sequence[SettledTrade], rules: TriggerRules) -> Iterator[Trigger]:
    """Yield each streak once, at the loss that completes it; a longer streak adds nothing."""
    name = f"{rules.losses_in_a_row}_losses"
    run = 0
    for count, trade in enumerate(trades, start=1):
        run = run + 1 if is_loss(trade) else 0
        if run == rules.losses_in_a_row:
            yield Trigger(trigger=name, mark=f"{name}:{trade.trade_id}", trades=count)


def _counts(trades: Sequence[SettledTrade], rules: TriggerRules) -> Iterator[Trigger]:
    step = rules.trades_between
    name = f"{step}_trades"
    for count in range(step, len(trades) + 1, step):
        yield Trigger(trigger=name, mark=f"{name}:{count}", trades=count)


def _days(trades: Sequence[SettledTrade], today: str, zone: tzinfo) -> Iterator[Trigger]:
    """Yield each ended trading day that had a trade, with all trades settled by its end."""
    last: dict[str, int] = {}
    for count, trade in enumerate(trades, start=1):
        last[trading_day(trade.settled_ns, zone)] = count
    for day, count in last.items():
        if day < today:
            yield Trigger(trigger="end_of_day", mark=f"end_of_day:{day}", trades=count)
