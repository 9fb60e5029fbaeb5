"""Reflections fall due by the ledger alone: no restart misses one, none is repeated."""

import pytest

from polybot.domain.metrics import SettledTrade
from polybot.domain.triggers import TriggerRules, due
from tests.unit.domain.test_metrics import HOUR_NS, MIDNIGHT_NS, NEW_YORK, a_trade, results

DAY_NS = 24 * HOUR_NS
NOW_NS = MIDNIGHT_NS + HOUR_NS


def marks(
    trades: list[SettledTrade], recorded: tuple[str, ...] = (), now_ns: int = NOW_NS
) -> list[str]:
    return [trigger.mark for trigger in due(trades, recorded, now_ns, NEW_YORK)]


def test_an_empty_ledger_brings_nothing() -> None:
    assert marks([]) == []


@pytest.mark.parametrize(
    ("dollars", "expected"),
    [
        ((-1, -1), []),
        ((-1, -1, -1), ["3_losses:capture/3"]),
        ((-1, -1, -1, -1, -1), ["3_losses:capture/3"]),
        ((-1, -1, 1, -1), []),
        ((-1, -1, -1, 1, -1, -1, -1), ["3_losses:capture/3", "3_losses:capture/7"]),
    ],
)
def test_each_streak_of_three_losses_counts_once(
    dollars: tuple[int, ...], expected: list[str]
) -> None:
    assert marks(results(*dollars)) == expected


def test_every_tenth_trade_is_an_occasion_also_when_several_were_missed() -> None:
    trades = results(*[1] * 31)
    assert marks(trades) == ["10_trades:10", "10_trades:20", "10_trades:30"]
    assert marks(trades, ("10_trades:10", "10_trades:30")) == ["10_trades:20"]
    assert [t.trades for t in due(trades, (), NOW_NS, NEW_YORK)] == [10, 20, 30]


def test_a_day_is_due_once_it_is_over_and_only_if_it_had_trades() -> None:
    trades = [a_trade(1), a_trade(2), a_trade(3, settled_ns=MIDNIGHT_NS + 2 * DAY_NS)]
    assert marks(trades) == []
    later = MIDNIGHT_NS + 2 * DAY_NS + HOUR_NS
    assert marks(trades, now_ns=MIDNIGHT_NS + DAY_NS - 1) == []
    assert marks(trades, now_ns=later) == ["end_of_day:2026-11-21"]
    (occasion,) = due(trades, (), later, NEW_YORK)
    assert (occasion.trigger, occasion.trades) == ("end_of_day", 2)


def test_what_was_recorded_never_comes_again_however_the_run_is_cut() -> None:
    ledger = results(*([-1] * 4 + [1] * 7 + [-1] * 12))
    at_once = marks(ledger)
    recorded: list[str] = []
    for length in range(len(ledger) + 1):
        for restart in range(2):
            fresh = marks(ledger[:length], tuple(recorded))
            assert not (restart and fresh)
            recorded.extend(fresh)
    assert sorted(recorded) == sorted(at_once)
    assert len(set(recorded)) == len(recorded) == 4


def test_the_numbers_are_parameters() -> None:
    rules = TriggerRules(losses_in_a_row=2, trades_between=3, end_of_day=False)
    found = due(results(-1, -1, 1), (), MIDNIGHT_NS + 9 * DAY_NS, NEW_YORK, rules)
    assert [trigger.mark for trigger in found] == ["2_losses:capture/2", "3_trades:3"]
    assert [trigger.trigger for trigger in found] == ["2_losses", "3_trades"]
