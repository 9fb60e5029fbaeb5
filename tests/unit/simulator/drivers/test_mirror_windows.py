"""Tests of which windows a mirror follows, and of what it asks about them."""

import msgspec
import pytest

from polybot.domain.market import Outcome
from polybot.domain.window import parse_series
from polybot.errors import Unavailable
from polybot.ports import CatalogAnswer
from polybot.simulator.drivers.mirror_windows import LATE_NS, SECOND_ROUTE_NS, MirrorWindows
from polybot.simulator.happenings import CloseWindow, ListWindow, ResolveWindow, TellStrike
from tests.fakes import FakeCatalog, FakeOutcomes
from tests.unit.simulator.samples import MARKET, SLUG, START, S
from tests.unit.simulator.upstream import SERIES, at

NEXT_SLUG = f"{SERIES}-{START // S + 300}"
RESOLVED = CatalogAnswer(
    SLUG, MARKET, resolved="Down", closed=True, strike_e8=70_000, close_e8=69_000
)


@pytest.fixture
def catalog() -> FakeCatalog:
    known = FakeCatalog()
    known.known[SLUG] = CatalogAnswer(SLUG, MARKET)
    return known


@pytest.fixture
def windows(catalog: FakeCatalog) -> MirrorWindows:
    return MirrorWindows((parse_series(SERIES),), catalog)


def pass_at(windows: MirrorWindows, seconds: float) -> list[object]:
    """Ask and take at a moment; wall and market time are the same here."""
    windows.ask(at(seconds), at(seconds))
    return list(windows.take(at(seconds)))


def asked_between(windows: MirrorWindows, catalog: FakeCatalog, first: int, end: int) -> list[int]:
    """Return the seconds of a stretch at which the window's answer was asked for."""
    seconds = []
    for second in range(first, end):
        before = catalog.asked.count(SLUG)
        pass_at(windows, second)
        seconds += [second] * (catalog.asked.count(SLUG) - before)
    return seconds


def test_the_open_window_is_listed_when_the_catalog_knows_it(windows: MirrorWindows) -> None:
    assert pass_at(windows, 1) == [ListWindow(at(1), MARKET)]
    assert windows.open_markets() == [MARKET]
    assert pass_at(windows, 2) == []


def test_the_next_window_is_asked_for_a_minute_and_a_half_before_it_opens(
    windows: MirrorWindows, catalog: FakeCatalog
) -> None:
    pass_at(windows, 209)
    assert NEXT_SLUG not in catalog.asked
    pass_at(windows, 211)
    assert NEXT_SLUG in catalog.asked


def test_a_window_not_offered_yet_is_asked_for_every_second(
    windows: MirrorWindows, catalog: FakeCatalog
) -> None:
    catalog.known.clear()
    for tenth in range(31):
        pass_at(windows, tenth / 10)
    assert catalog.asked == [SLUG] * 4


def test_a_window_with_other_dates_than_its_slug_is_refused_and_named_once(
    windows: MirrorWindows, catalog: FakeCatalog, caplog: pytest.LogCaptureFixture
) -> None:
    shifted = msgspec.structs.replace(MARKET, close_ns=MARKET.close_ns + S)
    catalog.known[SLUG] = CatalogAnswer(SLUG, shifted)
    assert [told for second in range(5) for told in pass_at(windows, second)] == []
    assert list(windows.refused) == [SLUG]
    assert caplog.text.count("not mirroring") == 1


def test_a_window_that_is_over_already_is_not_listed(
    windows: MirrorWindows, catalog: FakeCatalog
) -> None:
    catalog.known[SLUG] = RESOLVED
    assert pass_at(windows, 1) == []


def test_the_price_to_beat_is_asked_for_from_a_minute_after_the_open_until_it_is_known(
    windows: MirrorWindows, catalog: FakeCatalog
) -> None:
    assert asked_between(windows, catalog, 0, 80) == [0, 60, 75]
    catalog.known[SLUG] = CatalogAnswer(SLUG, MARKET, strike_e8=70_000)
    assert pass_at(windows, 90) == [TellStrike(at(90), SLUG, 70_000)]
    assert asked_between(windows, catalog, 91, 300) == [105]


def test_trading_ends_at_the_close_and_the_outcome_is_asked_for_as_documented(
    windows: MirrorWindows, catalog: FakeCatalog
) -> None:
    pass_at(windows, 1)
    catalog.known[SLUG] = CatalogAnswer(SLUG, MARKET, strike_e8=70_000)
    pass_at(windows, 61)
    assert CloseWindow(at(300), SLUG) in pass_at(windows, 300)
    assert windows.open_markets() == []
    asked = asked_between(windows, catalog, 301, 600)
    assert asked[:4] == [310, 320, 330, 340]
    assert asked[-2:] == [540, 570]


def test_the_outcome_is_the_official_one_and_told_once(
    windows: MirrorWindows, catalog: FakeCatalog
) -> None:
    pass_at(windows, 1)
    catalog.known[SLUG] = CatalogAnswer(SLUG, MARKET, closed=True)
    pass_at(windows, 300)
    assert pass_at(windows, 320) == []
    catalog.known[SLUG] = RESOLVED
    told = pass_at(windows, 331)
    assert told[-1] == ResolveWindow(at(331), SLUG, Outcome.DOWN, 70_000, 69_000)
    assert [each for second in range(332, 500) for each in pass_at(windows, second)] == []


def test_a_hint_from_the_stream_is_asked_about_at_once_but_never_believed(
    windows: MirrorWindows, catalog: FakeCatalog
) -> None:
    pass_at(windows, 1)
    pass_at(windows, 300)
    windows.hint_resolved(MARKET.condition_id)
    assert asked_between(windows, catalog, 302, 304) == [302]
    assert not any(isinstance(each, ResolveWindow) for each in pass_at(windows, 305))


def test_what_a_former_life_left_open_is_closed_and_settled_however_old_it_is(
    windows: MirrorWindows, catalog: FakeCatalog
) -> None:
    windows.resume([MARKET], ())
    catalog.known[SLUG] = RESOLVED
    day = 86_400
    told = pass_at(windows, day)
    assert [type(each) for each in told] == [TellStrike, ResolveWindow]
    assert windows.open_markets() == []


def test_the_price_to_beat_of_a_former_lifes_open_window_is_asked_for_at_once(
    windows: MirrorWindows, catalog: FakeCatalog
) -> None:
    windows.resume([MARKET], ())
    catalog.known[SLUG] = CatalogAnswer(SLUG, MARKET, strike_e8=70_000)
    assert pass_at(windows, 100) == [TellStrike(at(100), SLUG, 70_000)]
    assert windows.open_markets() == [MARKET]


def test_a_catalog_that_fails_is_named_when_it_begins_to_and_asked_again(
    windows: MirrorWindows, catalog: FakeCatalog, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    catalog.known[SLUG] = CatalogAnswer(SLUG, None, error=Unavailable("it is away"))
    for second in range(10):
        pass_at(windows, second)
    assert caplog.text.count("it is away") == 1
    catalog.known[SLUG] = CatalogAnswer(SLUG, MARKET)
    assert pass_at(windows, 11) == [ListWindow(at(11), MARKET)]
    assert "answers again" in caplog.text


def test_an_answer_that_never_comes_is_not_waited_for(
    windows: MirrorWindows, catalog: FakeCatalog
) -> None:
    catalog.silent = True
    for second in range(14):
        pass_at(windows, second)
    assert len(catalog.asked) == 1
    pass_at(windows, 17)
    assert len(catalog.asked) == 2


def test_an_outcome_half_an_hour_late_is_said_once(
    windows: MirrorWindows, catalog: FakeCatalog, caplog: pytest.LogCaptureFixture
) -> None:
    pass_at(windows, 1)
    for second in range(300, 300 + LATE_NS // S + 3000, 10):
        pass_at(windows, second)
    assert caplog.text.count("has no official outcome 30 minutes after its close") == 1


def test_a_second_route_is_asked_when_the_catalog_keeps_silent_for_long(
    catalog: FakeCatalog,
) -> None:
    outcomes = FakeOutcomes()
    windows = MirrorWindows((parse_series(SERIES),), catalog, outcomes)
    pass_at(windows, 1)
    outcomes.known[SLUG] = CatalogAnswer(SLUG, None, resolved="Down", closed=True)
    first = 300 + SECOND_ROUTE_NS // S
    for second in range(300, first):
        pass_at(windows, second)
    assert outcomes.asked == []
    told = [each for second in range(first, first + 60) for each in pass_at(windows, second)]
    assert [each.outcome for each in told if isinstance(each, ResolveWindow)] == [Outcome.DOWN]
    assert outcomes.asked == [(SLUG, MARKET.condition_id)]


def test_a_split_is_said_once_and_stays_open(
    windows: MirrorWindows, catalog: FakeCatalog, caplog: pytest.LogCaptureFixture
) -> None:
    pass_at(windows, 1)
    catalog.known[SLUG] = CatalogAnswer(SLUG, MARKET, closed=True, is_split=True)
    told = [each for second in range(300, 500) for each in pass_at(windows, second)]
    assert not any(isinstance(each, ResolveWindow) for each in told)
    assert [r.message for r in caplog.records if "50/50" in r.message] == [
        f"{SLUG} was resolved 50/50: it stays unsettled in the mirror"
    ]
