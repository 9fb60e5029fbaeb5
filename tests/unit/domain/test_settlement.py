"""A window is decided by the exact ticks its rule names, and a tie is Up."""

import csv
import gzip
import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polybot.domain.market import Outcome, SettlementRule
from polybot.domain.money import parse_reference
from polybot.domain.settlement import (
    PriceSource,
    PriceTick,
    decide_window,
    outcome_of,
    settlement_source,
    twap_e8,
)
from polybot.errors import InvalidValue
from tests.recordings_path import recordings_dir

S = 1_000_000_000
SETTLED_SOURCES = ("arnav_parity", "ligengxin")
TWAP, INSTANT = PriceSource.CHAINLINK_TWAP, PriceSource.CHAINLINK


def tick(source: PriceSource, price_ns: int, price_e8: int) -> PriceTick:
    return PriceTick(source=source, price_ns=price_ns, price_e8=price_e8)


TICKS = [
    tick(INSTANT, 100 * S, 500),
    tick(TWAP, 100 * S, 510),
    tick(INSTANT, 400 * S, 490),
    tick(TWAP, 399 * S, 400),
    tick(TWAP, 400 * S, 511),
    tick(PriceSource.BINANCE, 400 * S, 1),
]


def test_the_rule_chooses_the_stream_and_with_it_the_outcome() -> None:
    averaged = decide_window(SettlementRule.TWAP, TICKS, 100 * S, 400 * S)
    assert averaged is not None
    assert (averaged.strike_e8, averaged.close_e8, averaged.outcome) == (510, 511, Outcome.UP)
    instant = decide_window(SettlementRule.INSTANT, TICKS, 100 * S, 400 * S)
    assert instant is not None
    assert instant.outcome is Outcome.DOWN


@pytest.mark.parametrize(("open_s", "close_s"), [(100, 401), (99, 400), (101, 400)])
def test_a_tick_beside_the_boundary_decides_nothing(open_s: int, close_s: int) -> None:
    assert decide_window(SettlementRule.TWAP, TICKS, open_s * S, close_s * S) is None


def test_an_unknown_rule_decides_nothing() -> None:
    assert settlement_source(SettlementRule.UNKNOWN) is None
    assert decide_window(SettlementRule.UNKNOWN, TICKS, 100 * S, 400 * S) is None


@pytest.mark.parametrize(
    ("close", "outcome"), [(101, Outcome.UP), (100, Outcome.UP), (99, Outcome.DOWN)]
)
def test_a_tie_is_up(close: int, outcome: Outcome) -> None:
    assert outcome_of(100, close) is outcome


def test_the_average_weighs_prices_by_the_time_they_held() -> None:
    ticks = [(0, 100), (10 * S, 200), (40 * S, 400), (60 * S, 999)]
    # 10 s at 100, 30 s at 200, 20 s at 400; the tick at the end itself has held for no time.
    assert twap_e8(ticks, 60 * S, 60 * S) == (10 * 100 + 30 * 200 + 20 * 400) // 60


def test_the_price_before_the_span_holds_into_it() -> None:
    assert twap_e8([(-500 * S, 100), (30 * S, 200)], 60 * S, 60 * S) == 150


def test_without_a_price_at_the_start_there_is_no_average() -> None:
    assert twap_e8([], 60 * S, 60 * S) is None
    assert twap_e8([(1, 100), (30 * S, 200)], 60 * S, 60 * S) is None


def test_an_average_over_nothing_is_refused() -> None:
    with pytest.raises(InvalidValue, match="expected a lookback"):
        twap_e8([(0, 1)], 60 * S, 0)


@given(
    st.lists(
        st.tuples(
            st.integers(min_value=0, max_value=90), st.integers(min_value=1, max_value=10**13)
        ),
        min_size=1,
        unique_by=lambda pair: pair[0],
    )
)
def test_the_average_is_the_one_of_every_second(pairs: list[tuple[int, int]]) -> None:
    ticks = [(0, 5), *[(second * S, price) for second, price in sorted(pairs) if second]]
    held = [[price for when, price in ticks if when <= second * S][-1] for second in range(20, 80)]
    assert twap_e8(ticks, 80 * S, 60 * S) == sum(held) // 60


@pytest.mark.recordings
def test_recorded_windows_are_decided_as_the_exchange_decided_them() -> None:
    directory = recordings_dir()
    if directory is None:
        pytest.skip("the recorded markets are not on this machine")
    rules = {
        "chainlink_instant": SettlementRule.INSTANT,
        "chainlink_twap_60s": SettlementRule.TWAP,
    }
    sources = {source.value: source for source in PriceSource}
    decided = 0
    with (directory / "dev" / "windows.csv").open(encoding="utf-8") as index:
        rows = [row for row in csv.DictReader(index) if row["source"] in SETTLED_SOURCES]
    for row in rows:
        open_ns, close_ns = int(row["open_ts"]) * S, int(row["close_ts"]) * S
        ticks = []
        with gzip.open(directory / "dev" / row["file"], "rt", encoding="utf-8") as lines:
            for line in lines:
                if '"kind":"price"' not in line:
                    continue
                record = json.loads(line, parse_float=Decimal)
                ticks.append(
                    tick(
                        sources[record["src"]],
                        record["price_ts_ms"] * 1_000_000,
                        parse_reference(str(record["price"])),
                    )
                )
        result = decide_window(rules[row["rule"]], ticks, open_ns, close_ns)
        if result is None:
            continue
        decided += 1
        assert result.outcome.value == row["outcome"], row["slug"]
        # The published strike was rounded once before, so rounding it again may differ by one.
        assert abs(result.strike_e8 - parse_reference(row["price_to_beat"])) <= 1, row["slug"]
    assert decided
