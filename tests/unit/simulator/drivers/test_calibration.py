"""Tests of the figures a market is compared by."""

import pytest

from polybot.domain.market import Outcome
from polybot.domain.order import Side
from polybot.domain.resting import TradePrint
from polybot.domain.settlement import PriceSource
from polybot.simulator.drivers.calibration import Calibration, MarketFigures
from polybot.simulator.happenings import (
    ChangeTick,
    Happening,
    ListWindow,
    PrintTrade,
    ResolveWindow,
    SetBest,
    SetBook,
    SetLevels,
    TellPrice,
)
from tests.unit.simulator.samples import ASKS, BIDS, MARKET, SHARES, SLUG, START
from tests.unit.simulator.upstream import at

PRINT = TradePrint(outcome=Outcome.UP, price_bps=5000, size_shares=SHARES)
ALIVE = [SetLevels(at(second), SLUG, ((Side.BUY, 1000, SHARES),)) for second in range(10, 300, 10)]


def figures_of(*happenings: Happening) -> MarketFigures:
    calibration = Calibration()
    listed = ListWindow(START, MARKET)
    calibration.take([listed, *sorted(happenings, key=lambda happening: happening.ts_ns)])
    return calibration.figures()


def test_without_anything_every_figure_is_missing() -> None:
    figures = Calibration().figures()
    assert figures.windows == 0
    assert (figures.spread_median, figures.move_bps, figures.tick_flips) == (None, None, None)
    assert set(figures.buyable.values()) == {None}


def test_spread_and_depth_are_sampled_by_the_second() -> None:
    figures = figures_of(SetBook(START, SLUG, BIDS, ASKS), *ALIVE)
    assert (figures.windows, figures.windows_with_book) == (1, 1)
    assert (figures.spread_median, figures.spread_mean, figures.spread_p99) == (2.0, 2.0, 2.0)
    assert figures.best_shares == 75
    # Half of the samples are bids (100 + 200, later 1 more), half offers (50 + 80).
    assert figures.near_shares == (300 + 130) / 2


def test_a_book_nobody_renews_says_nothing_any_more() -> None:
    figures = figures_of(SetBook(START, SLUG, BIDS, ASKS))
    assert figures.buyable["120"] is None
    assert figures.updates_per_s == 0


def test_updates_levels_and_trades_are_counted_while_the_window_is_open() -> None:
    changes = [
        SetLevels(at(second), SLUG, ((Side.BUY, 4900, SHARES), (Side.SELL, 5300, SHARES)))
        for second in range(-10, 310)
    ]
    trades = [PrintTrade(at(second), SLUG, PRINT) for second in (-1, 5, 6, 300)]
    figures = figures_of(SetBook(at(-20), SLUG, BIDS, ASKS), *changes, *trades)
    assert figures.updates_per_s == pytest.approx(1, abs=0.01)
    assert figures.levels_per_s == pytest.approx(2, abs=0.02)
    assert figures.trades_per_s == pytest.approx(2 / 300, rel=0.01)


@pytest.mark.parametrize(
    ("bids", "asks", "is_offered"),
    [
        (((9000, 10 * SHARES),), ((9100, 10 * SHARES),), True),
        (((9000, 10 * SHARES),), ((9100, 4 * SHARES),), False),
        (((9000, 10 * SHARES),), ((9100, 4 * SHARES), (9800, SHARES)), True),
        (((9800, 10 * SHARES),), ((9900, 10 * SHARES),), False),
        (((9000, 10 * SHARES),), (), False),
        # The favorite is Down: its offers are the bids for Up.
        (((500, 10 * SHARES),), ((600, 10 * SHARES),), True),
        (((100, 10 * SHARES),), ((200, 10 * SHARES),), False),
        ((), ((600, 10 * SHARES),), False),
    ],
)
def test_a_favorite_can_be_bought_while_five_shares_are_offered_below_ninety_nine_cents(
    bids: tuple[tuple[int, int], ...], asks: tuple[tuple[int, int], ...], is_offered: bool
) -> None:
    renewed = [SetBook(at(second), SLUG, bids, asks) for second in range(0, 300, 10)]
    assert set(figures_of(*renewed).buyable.values()) == {float(is_offered)}


def test_the_ladder_looks_at_its_own_moment() -> None:
    before = [SetBook(at(second), SLUG, BIDS, ASKS) for second in range(0, 260, 5)]
    after = [SetBook(at(second), SLUG, BIDS, ()) for second in range(265, 300, 5)]
    assert figures_of(*before, *after).buyable == {
        "120": 1.0,
        "60": 1.0,
        "30": 0.0,
        "20": 0.0,
        "10": 0.0,
    }


def test_best_prices_without_sizes_tell_spreads_but_no_depth() -> None:
    quotes = [SetBest(at(second), SLUG, 9000, 9100) for second in range(0, 300, 10)]
    figures = figures_of(*quotes)
    assert (figures.windows_with_book, figures.best_shares) == (0, None)
    assert figures.spread_median == 1.0
    assert figures.buyable["120"] == 1.0
    assert figures.updates_per_s is None


def test_a_price_beyond_ninety_six_cents_flips_the_tick() -> None:
    quiet = figures_of(SetBook(START, SLUG, ((9600, SHARES),), ((9700, SHARES),)))
    assert quiet.tick_flips == 0
    flipped = figures_of(SetBook(START, SLUG, ((9700, SHARES),), ((9800, SHARES),)))
    mirrored = figures_of(SetBook(START, SLUG, ((200, SHARES),), ((300, SHARES),)))
    assert (flipped.tick_flips, mirrored.tick_flips, flipped.fine_prices) == (1, 1, 0)
    fine = figures_of(SetBook(START, SLUG, BIDS, ASKS), ChangeTick(at(5), SLUG, 10))
    assert (fine.tick_flips, fine.fine_prices) == (1, 1)


def test_moves_of_the_settlement_price_are_taken_from_one_second_to_the_next() -> None:
    prices = [10_000_00, 10_000_50, 10_002_50, 10_002_50]
    ticks = [
        TellPrice(at(second), "btc", PriceSource.CHAINLINK, at(second), price)
        for second, price in zip((1, 2, 3, 9), prices, strict=True)
    ]
    other = [
        TellPrice(at(second), "btc", PriceSource.BINANCE, at(second), 10**6 * second)
        for second in range(9)
    ]
    figures = figures_of(*ticks, *other)
    # Two moves, of 0.5 and 2 bps; the hole to the ninth second is none.
    assert figures.jumps_per_minute == pytest.approx(30)
    assert figures.move_bps == pytest.approx(0.75, rel=0.01)


def test_the_distance_of_close_and_strike_is_that_of_the_outcome() -> None:
    outcome = ResolveWindow(at(330), SLUG, Outcome.UP, 70_000_00, 70_035_00)
    assert figures_of(outcome).distance_bps == pytest.approx(5)
