"""Which windows are followed at a moment, and which markets are refused."""

import msgspec
import pytest

from polybot.domain.market import Market
from polybot.domain.window import parse_series
from polybot.errors import MarketRefused, Unavailable
from polybot.ports import CatalogAnswer
from polybot.services.trader.windows import (
    LINGER_NS,
    PREWARM_NS,
    REFUSED_RETRY_NS,
    RETRY_NS,
    WindowSchedule,
)
from tests.fakes import FakeCatalog
from tests.story import OPEN_S, market_at

S = 1_000_000_000
OPEN = OPEN_S * S
FIVE = parse_series("btc-updown-5m")
FIFTEEN = parse_series("btc-updown-15m")


def a_schedule() -> WindowSchedule:
    return WindowSchedule((FIVE,), FakeCatalog())


def knowing(*numbers: int) -> WindowSchedule:
    schedule = a_schedule()
    for number in numbers:
        market = market_at(number)
        assert schedule.accept(CatalogAnswer(market.slug, market)) == market
    return schedule


def slugs(markets: list[Market]) -> list[str]:
    return [market.slug for market in markets]


def test_the_open_window_of_each_series_is_wanted() -> None:
    schedule = WindowSchedule((FIVE, FIFTEEN), FakeCatalog())
    wanted = [window.slug for window in schedule.wanted(OPEN + 60 * S)]
    assert wanted == [f"btc-updown-5m-{OPEN_S}", f"btc-updown-15m-{OPEN_S - 600}"]


@pytest.mark.parametrize(("before_close_ns", "count"), [(PREWARM_NS + 1, 1), (PREWARM_NS, 2)])
def test_the_next_window_is_wanted_shortly_before_it_opens(
    before_close_ns: int, count: int
) -> None:
    wanted = a_schedule().wanted(OPEN + 300 * S - before_close_ns)
    assert [w.slug for w in wanted] == [market_at(n).slug for n in range(count)]


def test_a_window_not_offered_yet_is_asked_for_again_by_the_wall_clock() -> None:
    schedule = a_schedule()
    for mono in (0, RETRY_NS - 1, RETRY_NS):
        schedule.ask(OPEN, mono)
    assert schedule.catalog.asked == [market_at().slug] * 2


def test_a_known_window_is_not_asked_for() -> None:
    schedule = knowing(0)
    schedule.ask(OPEN, 0)
    assert schedule.catalog.asked == []


@pytest.mark.parametrize(
    "answer",
    [
        CatalogAnswer(market_at().slug, None),
        CatalogAnswer(market_at().slug, None, error=Unavailable("nobody there")),
        CatalogAnswer(market_at().slug, market_at(), closed=True),
    ],
)
def test_an_answer_without_an_open_market_is_no_market(answer: CatalogAnswer) -> None:
    schedule = a_schedule()
    assert schedule.accept(answer) is None
    schedule.ask(OPEN, 0)
    assert schedule.catalog.asked == [market_at().slug]


def test_a_second_answer_is_no_news() -> None:
    schedule = knowing(0)
    assert schedule.accept(CatalogAnswer(market_at().slug, market_at())) is None


@pytest.mark.parametrize(
    "dates",
    [
        {"open_ns": OPEN + 300 * S, "close_ns": OPEN + 600 * S},
        {"close_ns": OPEN + 299 * S},
        {"close_ns": OPEN + 900 * S},
        {"open_ns": OPEN + S},
        {"open_ns": OPEN - 86_400 * S},
    ],
)
def test_a_market_whose_dates_disagree_with_its_slug_is_refused(
    dates: dict[str, int], caplog: pytest.LogCaptureFixture
) -> None:
    schedule = a_schedule()
    market = msgspec.structs.replace(market_at(), **dates)
    assert schedule.accept(CatalogAnswer(market.slug, market)) is None
    assert f"not trading {market.slug}" in caplog.text
    assert schedule.refused[market.slug].code == "times"
    assert schedule.live(OPEN) == []


def test_a_market_of_a_series_nobody_asked_for_is_refused() -> None:
    schedule = WindowSchedule((FIFTEEN,), FakeCatalog())
    assert schedule.accept(CatalogAnswer(market_at().slug, market_at())) is None


def test_a_closed_window_is_watched_a_moment_longer() -> None:
    schedule = knowing(0, 1)
    close = market_at(0).close_ns
    both = [market_at(0).slug, market_at(1).slug]
    assert slugs(schedule.live(close - 1)) == both
    assert slugs(schedule.live(close + LINGER_NS - 1)) == both
    assert slugs(schedule.live(close + LINGER_NS)) == both[1:]


def test_a_window_long_before_its_time_is_not_watched() -> None:
    assert slugs(knowing(0, 3).live(OPEN)) == [market_at(0).slug]


def test_changed_metadata_replaces_what_is_known() -> None:
    schedule = knowing(0)
    schedule.replace(msgspec.structs.replace(market_at(), tick_bps=10))
    assert schedule.known[market_at().slug].tick_bps == 10


def test_a_window_is_not_forgotten_while_it_is_still_watched() -> None:
    schedule = knowing(0)
    schedule.forget_before(market_at().close_ns + LINGER_NS)
    assert market_at().slug in schedule.known
    schedule.forget_before(market_at().close_ns + LINGER_NS + 1)
    assert schedule.known == {}


def test_windows_that_are_over_are_forgotten_questions_and_refusals_too() -> None:
    schedule = knowing(0)
    bad = msgspec.structs.replace(market_at(1), close_ns=market_at(1).close_ns + S)
    schedule.accept(CatalogAnswer(bad.slug, bad))
    schedule.ask(market_at(2).open_ns, 0)
    later = market_at(9).open_ns
    schedule.forget_before(later)
    assert schedule == WindowSchedule((FIVE,), schedule.catalog)
    assert schedule.known == {}


def refusal(code: str = "version") -> CatalogAnswer:
    error = MarketRefused(f"{market_at().slug}: expected v1 or v2, was v9", code=code)
    return CatalogAnswer(market_at().slug, None, error=error)


def test_a_refused_window_is_asked_for_again_later_and_may_be_traded_once_it_is_mended() -> None:
    schedule = a_schedule()
    schedule.ask(OPEN, 0)
    schedule.accept(refusal())
    for mono in (RETRY_NS, REFUSED_RETRY_NS - 1):
        schedule.ask(OPEN, mono)
    assert len(schedule.catalog.asked) == 1
    schedule.ask(OPEN, REFUSED_RETRY_NS)
    assert len(schedule.catalog.asked) == 2
    assert schedule.accept(CatalogAnswer(market_at().slug, market_at())) == market_at()
    assert schedule.refused == {}


def test_a_refusal_is_said_once_a_window_and_reason(caplog: pytest.LogCaptureFixture) -> None:
    schedule = a_schedule()
    for code in ("version", "version", "tokens_swapped"):
        schedule.accept(refusal(code))
    assert len(caplog.records) == 2


def test_a_known_window_is_asked_for_once_more_shortly_before_it_opens() -> None:
    schedule = knowing(0, 1)
    opens = market_at(1).open_ns
    for second in (-31, -30, -29, -1):
        schedule.ask(opens + second * S, 0)
    assert schedule.catalog.asked == [market_at(1).slug]


def test_what_changed_before_a_window_opens_is_taken_over_but_a_tick_never_grows() -> None:
    schedule = knowing(1)
    changed = msgspec.structs.replace(market_at(1), min_size_shares=6_000_000)
    assert schedule.accept(CatalogAnswer(changed.slug, changed)) == changed
    finer = msgspec.structs.replace(changed, tick_bps=10)
    schedule.replace(finer)
    assert schedule.accept(CatalogAnswer(changed.slug, changed)) is None
    assert schedule.known[changed.slug] == finer


@pytest.mark.parametrize("field", ["condition_id", "token_up", "token_down", "version"])
def test_a_window_that_became_another_market_is_traded_no_more(field: str) -> None:
    schedule = knowing(1)
    other = msgspec.structs.replace(market_at(1), **{field: "v2"})
    assert schedule.accept(CatalogAnswer(other.slug, other)) is None
    assert schedule.known == {}
    assert schedule.refused[other.slug].code == "identity"


def test_a_known_window_that_is_refused_before_it_opens_is_known_no_more() -> None:
    schedule = knowing(0)
    schedule.accept(refusal())
    assert schedule.known == {}
