"""A recorded window becomes one mirrored market in the Up token's terms."""

import gzip
import logging
from pathlib import Path

import pytest

from polybot.domain.market import FeeSchedule, Outcome, SettlementRule
from polybot.domain.order import Side
from polybot.exchange.token_ids import complete_ids
from polybot.recordings.index import load_index
from polybot.recordings.windows_csv import RecordedWindow
from polybot.simulator.drivers.recorded_window import (
    RecordedTerms,
    is_playable,
    listed_ns,
    played,
    recorded_market,
    settled_unplayed,
)
from polybot.simulator.happenings import (
    ChangeTick,
    CloseWindow,
    Happening,
    ListWindow,
    PrintTrade,
    ResolveWindow,
    SetBest,
    SetBook,
    SetLevels,
    SettleWindow,
    TellPrice,
    TellStrike,
)
from tests.unit.simulator.recordings_sample import (
    OPEN_S,
    SLUG,
    Row,
    best,
    book,
    price,
    trade,
    window,
    write,
)

S = 1_000_000_000
SHARES = 1_000_000
TERMS = RecordedTerms(
    fee=FeeSchedule(rate_bps=700), unknown_depth_shares=50 * SHARES, resolve_after_ns=30 * S
)


def recorded(directory: Path, rows: list[Row], **fields: str) -> RecordedWindow:
    write(directory, [(window(0, **fields), rows)])
    return load_index(directory, complete_ids=complete_ids).windows[0]


def play(directory: Path, rows: list[Row], **fields: str) -> list[Happening]:
    return list(played(recorded(directory, rows, **fields), Outcome.UP, TERMS))


def test_the_token_with_more_rows_is_used_and_mirrored(tmp_path: Path) -> None:
    told = play(
        tmp_path,
        [
            book(1, "Up", [[0.3, 1]], [[0.9, 1]]),
            book(2, "Down", [[0.4, 100]], [[0.45, 5.5]]),
            book(3, "Down", [[0.41, 7]], [[0.45, 0]], kind="delta"),
        ],
    )
    books = [h for h in told if isinstance(h, SetBook | SetLevels)]
    assert books == [
        SetBook((OPEN_S + 2) * S, SLUG, ((5500, 5_500_000),), ((6000, 100 * SHARES),)),
        SetLevels(
            (OPEN_S + 3) * S,
            SLUG,
            ((Side.BUY, 5500, 0), (Side.SELL, 5900, 7 * SHARES)),
        ),
    ]


def test_its_life_runs_from_listing_to_resolution_in_order(tmp_path: Path) -> None:
    told = play(
        tmp_path,
        [book(1, "Up", [[0.3, 1]], []), price(310, "chainlink", 70_000.5, 308)],
        price_to_beat="70000",
        close_price="70000.5",
    )
    assert [type(h) for h in told] == [
        ListWindow,
        SetBook,
        TellStrike,
        CloseWindow,
        TellPrice,
        ResolveWindow,
    ]
    times = [(h.ts_ns // S) - OPEN_S for h in told]
    assert times == [-60, 1, 60, 300, 310, 330]
    assert isinstance(told[-1], ResolveWindow)
    assert (told[-1].strike_e8, told[-1].close_e8) == (70_000 * 10**8, 7_000_050_000_000)


def test_bare_best_prices_are_used_where_there_is_no_book(tmp_path: Path) -> None:
    told = play(
        tmp_path,
        [
            best(1, "Down", 0.86, 0.87),
            best(2, "Down", 0.99, 1),
            best(2, "Up", 0, 0.01),
            best(3, "Down", None, None),
        ],
    )
    assert isinstance(told[0], ListWindow)
    assert told[0].unknown_depth_shares == 50 * SHARES
    assert [h for h in told if isinstance(h, SetBest)] == [
        SetBest((OPEN_S + 1) * S, SLUG, 1300, 1400),
        SetBest((OPEN_S + 2) * S, SLUG, None, 100),
        SetBest((OPEN_S + 3) * S, SLUG, None, None),
    ]


def test_trades_of_both_tokens_are_prints_and_unknown_price_sources_are_absent(
    tmp_path: Path,
) -> None:
    told = play(
        tmp_path,
        [
            best(1, "Up", 0.5, 0.52),
            trade(2, "Up", 0.52, 3.5),
            trade(3, "Down", 0.49, 2),
            trade(3, "Down", 1, 2),
            price(4, "spot", 70_000, 4),
            price(4, "binance", 70_001, 4),
        ],
    )
    prints = [h.trade for h in told if isinstance(h, PrintTrade)]
    assert [(p.outcome, p.price_bps, p.size_shares) for p in prints] == [
        (Outcome.UP, 5200, 3_500_000),
        (Outcome.DOWN, 4900, 2 * SHARES),
    ]
    sources = [h.source.value for h in told if isinstance(h, TellPrice)]
    assert sources == ["binance"]


def test_rows_from_long_before_it_is_listed_count_only_for_the_book(tmp_path: Path) -> None:
    rows = [
        book(-300, "Up", [[0.3, 1]], []),
        price(-300, "chainlink", 70_000, -301),
        price(-100, "chainlink", 70_001, -101),
        book(5, "Up", [[0.31, 1]], [], kind="delta"),
    ]
    told = play(tmp_path, rows)
    assert listed_ns(recorded(tmp_path, rows)) == (OPEN_S - 120) * S
    assert [(type(h), h.ts_ns // S - OPEN_S) for h in told[:3]] == [
        (ListWindow, -120),
        (SetBook, -120),
        (TellPrice, -100),
    ]


def test_a_price_between_the_cents_needs_a_finer_tick_first(tmp_path: Path) -> None:
    told = play(
        tmp_path,
        [
            book(1, "Up", [[0.96, 1]], []),
            book(2, "Up", [[0.965, 1]], [], kind="delta"),
            book(3, "Up", [[0.966, 1]], [], kind="delta"),
        ],
    )
    ticks = [h for h in told if isinstance(h, ChangeTick)]
    assert ticks == [ChangeTick((OPEN_S + 2) * S, SLUG, 10)]
    assert told.index(ticks[0]) == 2


def test_the_market_carries_the_recordings_rule_and_ids(tmp_path: Path) -> None:
    rows = [book(1, "Up", [], [])]
    ids = {"condition_id": "0x" + "ab" * 32, "token_up": "7", "token_down": "8"}
    twap = recorded(tmp_path, rows, rule="chainlink_twap_60s", **ids)
    market = recorded_market(twap, TERMS.fee)
    assert (market.rule, market.twap_lookback_s) == (SettlementRule.TWAP, 60)
    assert (market.token_up, market.asset) == ("7", "btc")
    assert market.condition_id == ids["condition_id"]
    instant = recorded_market(recorded(tmp_path, rows), TERMS.fee)
    assert (instant.rule, instant.twap_lookback_s) == (SettlementRule.INSTANT, 0)
    unknown = recorded_market(recorded(tmp_path, rows, rule=""), TERMS.fee)
    assert unknown.rule is SettlementRule.UNKNOWN


def test_a_damaged_file_is_named_and_its_window_settled_unplayed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    found = recorded(tmp_path, [book(n, "Up", [[0.3, n]], []) for n in range(1, 200)])
    assert found.path is not None
    found.path.write_bytes(found.path.read_bytes()[:-20])
    with caplog.at_level(logging.WARNING):
        told = list(played(found, Outcome.DOWN, TERMS))
    assert [type(h) for h in told] == [SettleWindow]
    assert SLUG in caplog.text


def test_a_damaged_row_is_named_and_skipped(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    found = recorded(tmp_path, [book(1, "Up", [[0.3, 1]], []), book(2, "Up", [], [[0.5, 1]])])
    assert found.path is not None
    lines = gzip.decompress(found.path.read_bytes()).splitlines()
    lines.insert(1, b'{"kind":"book","outcome":"Up"')
    found.path.write_bytes(gzip.compress(b"\n".join(lines)))
    with caplog.at_level(logging.WARNING):
        told = list(played(found, Outcome.UP, TERMS))
    assert len([h for h in told if isinstance(h, SetBook)]) == 2
    assert "line 2" in caplog.text


def test_a_window_with_prices_alone_is_over_when_it_is_first_seen(tmp_path: Path) -> None:
    found = recorded(tmp_path, [price(1, "chainlink", 70_000, 0)])
    assert not is_playable(found)
    (told,) = settled_unplayed(found, Outcome.DOWN, TERMS)
    assert isinstance(told, SettleWindow)
    assert (told.ts_ns, told.outcome) == ((OPEN_S + 300) * S, Outcome.DOWN)
