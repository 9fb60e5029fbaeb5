"""A recordings directory plays in the order its windows opened."""

from pathlib import Path

import pytest

from polybot.domain.market import FeeSchedule, Outcome
from polybot.domain.settlement import PriceSource
from polybot.errors import RecordingError
from polybot.simulator.books.ledger import Ledger
from polybot.simulator.drivers.driver_recorded import RecordedDriver
from polybot.simulator.drivers.recorded_window import RecordedTerms
from polybot.simulator.engine.core import NullListener
from polybot.simulator.engine.engine import SimulatedExchange
from polybot.simulator.engine.timers import ExchangeRules
from polybot.simulator.happenings import (
    CloseWindow,
    ListWindow,
    ResolveWindow,
    SettleWindow,
    TellPrice,
)
from tests.unit.simulator.recordings_sample import OPEN_S, book, price, window, write

S = 1_000_000_000
END = 10**19
TERMS = RecordedTerms(
    fee=FeeSchedule(rate_bps=700), unknown_depth_shares=50_000_000, resolve_after_ns=30 * S
)


def test_windows_come_in_open_order_and_those_without_an_outcome_not_at_all(
    tmp_path: Path,
) -> None:
    def row(second: int) -> list[dict[str, object]]:
        return [book(second, "Up", [[0.4, 10]], [[0.5, 10]])]

    write(
        tmp_path,
        [
            (window(3600), row(3601)),
            (window(600, outcome=""), row(601)),
            (window(0), row(1)),
            (window(1200, outcome="Down"), [price(1201, "chainlink", 7.0, 1200)]),
        ],
    )
    driver = RecordedDriver(tmp_path, TERMS)
    assert driver.start_ns == (OPEN_S - 60) * S
    told = driver.take_until(END)
    listed = [h.market.open_ns // S - OPEN_S for h in told if isinstance(h, ListWindow)]
    assert listed == [0, 3600]
    (unplayed,) = (h for h in told if isinstance(h, SettleWindow))
    assert (unplayed.ts_ns // S - OPEN_S, unplayed.outcome) == (1500, Outcome.DOWN)
    assert driver.peek() is None


def test_overlapping_windows_play_together_and_a_price_told_twice_is_told_once(
    tmp_path: Path,
) -> None:
    prices = [price(n, "chainlink", 70_000 + n, n - 1) for n in range(1, 5)]
    long = {
        **window(0),
        "slug": f"btc-updown-15m-{OPEN_S}",
        "interval_sec": "900",
        "close_ts": str(OPEN_S + 900),
    }
    write(
        tmp_path,
        [
            (window(0), [book(0, "Up", [], [[0.5, 1]]), *prices]),
            (long, [book(0, "Down", [], [[0.5, 1]]), *prices]),
        ],
    )
    told = RecordedDriver(tmp_path, TERMS).take_until(END)
    assert len([h for h in told if isinstance(h, TellPrice)]) == 4
    assert [h.ts_ns for h in told] == sorted(h.ts_ns for h in told)
    closes = [h.ts_ns // S - OPEN_S for h in told if isinstance(h, CloseWindow)]
    assert closes == [300, 900]


def test_after_a_seek_only_what_is_not_settled_is_played(tmp_path: Path) -> None:
    rows = [[book(offset + 1, "Up", [], [[0.5, 1]])] for offset in (0, 300, 600)]
    write(tmp_path, [(window(300 * n), rows[n]) for n in range(3)])
    driver = RecordedDriver(tmp_path, TERMS)
    driver.seek((OPEN_S + 500) * S, lambda _: False)
    slugs = {h.market.slug for h in driver.take_until(END) if isinstance(h, ListWindow)}
    assert slugs == {f"btc-updown-5m-{OPEN_S + 300}", f"btc-updown-5m-{OPEN_S + 600}"}


def test_a_directory_without_a_known_outcome_cannot_be_played(tmp_path: Path) -> None:
    write(tmp_path, [(window(0, outcome=""), [])])
    with pytest.raises(RecordingError, match="a window with a known outcome"):
        RecordedDriver(tmp_path, TERMS)


@pytest.mark.recordings
@pytest.mark.parametrize(
    ("source", "windows"),
    [
        ("arnav_parity", 2),
        ("cronosvirus", 92),
        ("houssem_ladder", 123),
        ("ligengxin", 174),
        ("tlawal_log", 4),
    ],
)
def test_every_recorded_source_plays_to_its_end_by_the_recorded_outcomes(
    recordings: Path, source: str, windows: int
) -> None:
    driver = RecordedDriver(recordings / "dev" / source, TERMS)
    exchange = SimulatedExchange(Ledger(), ExchangeRules(), NullListener())
    outcomes = {}
    sources: set[PriceSource] = set()
    crossed = 0
    while (happening := driver.peek()) is not None:
        told = driver.take_until(happening.ts_ns + 5 * S)
        for each in told:
            if isinstance(each, ResolveWindow):
                outcomes[each.slug] = each.outcome
            elif isinstance(each, SettleWindow):
                outcomes[each.market.slug] = each.outcome
            elif isinstance(each, TellPrice):
                sources.add(each.source)
        exchange.advance(happening.ts_ns + 5 * S, told)
        crossed += sum(book.outside.is_crossed for book in exchange.core.books.values())
    exchange.advance(exchange.now_ns + 60 * S)
    state = exchange.ledger.state
    assert len(outcomes) == windows
    assert {slug: row.outcome for slug, row in state.windows.items()} == outcomes
    assert exchange.is_quiet()
    assert crossed == 0
    if source == "arnav_parity":
        assert sources == {
            PriceSource.CHAINLINK,
            PriceSource.CHAINLINK_TWAP,
            PriceSource.BINANCE,
        }
