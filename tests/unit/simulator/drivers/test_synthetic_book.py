"""A synthetic window's book is reproducible, never crossed, and like the recorded ones."""

from collections import Counter

import msgspec
import pytest

from polybot.domain.market import Market, Outcome
from polybot.simulator.drivers.synthetic_book import EARLY_S, SyntheticBook
from polybot.simulator.drivers.synthetic_prices import PricePath
from polybot.simulator.engine.window_book import WindowBook
from polybot.simulator.happenings import Happening, PrintTrade, SetBook, SetLevels
from tests.unit.simulator.samples import MARKET, S, Venue

OPEN_S = MARKET.open_ns // S


def happenings(seed: int = 7, market: Market = MARKET, first_ns: int = 0) -> list[Happening]:
    path = PricePath(seed, "btc", OPEN_S - 200)
    return list(SyntheticBook(seed, market, path, first_ns).happenings())


def test_the_same_seed_and_slug_give_the_same_book() -> None:
    assert happenings() == happenings()
    assert happenings() != happenings(seed=8)
    other = msgspec.structs.replace(MARKET, slug="another")
    assert happenings() != happenings(market=other)


def test_it_begins_before_the_open_and_ends_at_the_close_in_order() -> None:
    told = happenings()
    times = [happening.ts_ns for happening in told]
    assert times == sorted(times)
    assert isinstance(told[0], SetBook)
    assert times[0] == MARKET.open_ns - EARLY_S * S
    assert MARKET.close_ns - S < times[-1] < MARKET.close_ns
    late = happenings(first_ns=MARKET.open_ns - 20 * S)
    assert late[0].ts_ns == MARKET.open_ns - 20 * S


@pytest.fixture(scope="module")
def played() -> list[tuple[int, int | None, int | None]]:
    """Seconds to the close, best bid and best ask, every time the book changes, for 12 windows."""
    seen = []
    for seed in range(12):
        book = WindowBook(Venue().ledger.state.windows[MARKET.slug])
        for happening in happenings(seed):
            if isinstance(happening, SetBook):
                book.set_book(happening.bids, happening.asks)
            elif isinstance(happening, SetLevels):
                book.set_levels(happening.levels)
            elif isinstance(happening, PrintTrade):
                level = book.size_at(
                    happening.trade.aggressor.opposite,  # type: ignore[union-attr]
                    happening.trade.price_bps,
                )
                assert 0 < happening.trade.size_shares <= level
            assert not book.outside.is_crossed
            left_s = (MARKET.close_ns - happening.ts_ns) // S
            seen.append((left_s, *book.best(Outcome.UP)))
    return seen


def test_the_spread_is_a_cent_most_of_the_time(
    played: list[tuple[int, int | None, int | None]],
) -> None:
    spreads = Counter(ask - bid for _, bid, ask in played if bid and ask)
    assert min(spreads) == 100
    assert spreads[100] > 0.8 * spreads.total()


def test_the_favourite_can_be_bought_early_and_hardly_at_the_end(
    played: list[tuple[int, int | None, int | None]],
) -> None:
    def buyable(left_s: int) -> float:
        """Return how often the dearer outcome was offered below 0.99."""
        rows = [(bid, ask) for left, bid, ask in played if left == left_s]
        asks = [
            ask if (bid or 0) >= 5000 or ask is None else 10_000 - bid if bid else None
            for bid, ask in rows
        ]
        return sum(ask is not None and ask < 9900 for ask in asks) / len(asks)

    assert buyable(120) > 0.9
    assert buyable(5) < 0.4
