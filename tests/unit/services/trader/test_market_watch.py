"""Windows are found, subscribed, looked at in time, and summed up once."""

import msgspec
import pytest

from polybot.domain.preflight import ListedAtClob
from polybot.domain.window import parse_series
from polybot.errors import MarketRefused, Unavailable
from polybot.messages.trading import WindowDiscovered, WindowRefused, WindowSummarized
from polybot.ports import CatalogAnswer, StreamFrame
from polybot.services.trader.agents import Agent
from polybot.services.trader.market_data import MarketData
from polybot.services.trader.market_watch import MarketWatch
from polybot.services.trader.windows import LINGER_NS, WindowSchedule
from tests.fakes import FakeCatalog
from tests.story import CLOSE_NS, OPEN_S, market_at
from tests.unit.services.trader import frames
from tests.unit.services.trader.books import Books
from tests.unit.services.trader.fakes_exchange import FakeStream, ScriptedStrategy, passed

S = 1_000_000_000
OPEN = OPEN_S * S


class Case:
    """A watch over one series with two agents, one of which trades another series."""

    def __init__(self) -> None:
        self.books = Books()
        self.books.state.markets.clear()
        self.catalog = FakeCatalog()
        for number in range(3):
            market = market_at(number)
            self.catalog.known[market.slug] = CatalogAnswer(market.slug, market)
        self.stream, self.data = FakeStream("market"), MarketData()
        self.agent = Agent("capture", ScriptedStrategy(), 1, frozenset())
        stranger = Agent("stranger", ScriptedStrategy(), 1, frozenset({"eth-updown-5m"}))
        self.watch = MarketWatch(
            WindowSchedule((parse_series("btc-updown-5m"),), self.catalog),
            self.catalog,
            self.stream,
            self.data,
            self.books.keeper,
            (self.agent, stranger),
            passed(self.books.keeper, self.books.claims),
        )
        self.start = self.books.count()

    def follow(self, market_ns: int, mono_ns: int = 0) -> None:
        self.watch.follow(market_ns, mono_ns)

    def due(self, market_ns: int) -> list[str]:
        return [market.slug for market in self.watch.due(market_ns)]

    def discovered(self) -> list[int]:
        return [e.market.tick_bps for e in self.books.said(WindowDiscovered)][1:]


def test_a_window_is_found_recorded_once_and_subscribed() -> None:
    case = Case()
    for second in range(5):
        case.follow(OPEN + second * S, second * S)
    assert case.stream.subscribed == (market_at().token_up, market_at().token_down)
    assert len(case.discovered()) == 1
    assert [m.slug for m in case.watch.open_markets(OPEN)] == [market_at().slug]


def test_the_next_window_is_subscribed_before_it_opens_and_the_last_one_dropped_after() -> None:
    case = Case()
    case.follow(CLOSE_NS - 30 * S)
    assert len(case.stream.subscribed) == 4
    assert len(case.watch.open_markets(CLOSE_NS - 1)) == 1
    case.follow(CLOSE_NS + LINGER_NS)
    assert case.stream.subscribed == (market_at(1).token_up, market_at(1).token_down)


def test_a_known_window_found_again_after_a_restart_is_no_news() -> None:
    case = Case()
    case.books.state.markets[market_at().slug] = market_at()
    case.follow(OPEN)
    assert case.discovered() == []
    assert case.watch.open_markets(OPEN)


def test_a_new_tick_size_is_taken_over_once() -> None:
    case = Case()
    case.follow(OPEN)
    for _ in range(2):
        case.data.accept(StreamFrame("market", 0, data=frames.tick(market_at().token_up, "0.001")))
        case.data.accept(
            StreamFrame("market", 0, data=frames.tick(market_at().token_down, "0.001"))
        )
        case.follow(OPEN)
    assert case.discovered() == [100, 10]
    assert case.watch.due(OPEN)[0].tick_bps == 10


def test_a_market_is_due_when_its_book_changed_or_half_a_second_went_by() -> None:
    case = Case()
    case.follow(OPEN)
    slug = market_at().slug
    assert case.due(OPEN) == [slug]
    assert case.due(OPEN + S // 4) == []
    case.data.accept(StreamFrame("market", 0, data=frames.books()))
    assert case.due(OPEN + S // 4) == [slug]
    assert case.due(OPEN + S // 4) == []
    assert case.due(OPEN + S // 2) == [slug]


def test_no_market_is_due_before_it_opens_or_after_it_closed() -> None:
    case = Case()
    case.follow(CLOSE_NS - S)
    assert case.due(CLOSE_NS - 1) == [market_at(0).slug]
    assert case.due(CLOSE_NS) == [market_at(1).slug]


def test_a_window_is_summed_up_once_by_each_agent_that_follows_it() -> None:
    case = Case()
    case.follow(OPEN)
    assert case.watch.finish(CLOSE_NS + LINGER_NS - 1) == []
    assert case.watch.finish(CLOSE_NS + LINGER_NS) == [market_at().slug]
    assert case.watch.finish(CLOSE_NS + LINGER_NS) == []
    assert [e.agent for e in case.books.said(WindowSummarized)] == ["capture"]


def test_a_catalog_that_does_not_answer_is_said_once_a_minute(
    caplog: pytest.LogCaptureFixture,
) -> None:
    case = Case()
    error = Unavailable("nobody listens")
    case.catalog.known[market_at().slug] = CatalogAnswer(market_at().slug, None, error=error)
    for second in range(100):
        case.follow(OPEN, second * S)
    said = [r for r in caplog.records if "nobody listens" in r.getMessage()]
    assert len(said) == 2
    assert len(case.catalog.asked) == 100


def test_a_market_the_exchange_changed_while_nobody_looked_is_recorded_anew() -> None:
    case = Case()
    old = msgspec.structs.replace(market_at(), min_size_shares=1)
    case.books.state.markets[old.slug] = old
    case.follow(OPEN)
    assert case.books.state.markets[old.slug] == market_at()


def refused(code: str = "settlement_source") -> CatalogAnswer:
    slug = market_at().slug
    error = MarketRefused(f"{slug}: expected a Chainlink stream, was a coin", code=code)
    return CatalogAnswer(slug, None, error=error)


def test_a_refused_window_is_recorded_once_and_never_watched(
    caplog: pytest.LogCaptureFixture,
) -> None:
    case = Case()
    case.catalog.known[market_at().slug] = refused()
    for second in range(60):
        case.follow(OPEN + second * S, second * S)
    (event,) = case.books.said(WindowRefused)
    assert (event.slug, event.code) == (market_at().slug, "settlement_source")
    assert case.stream.subscribed == ()
    assert case.due(OPEN) == []
    assert len([r for r in caplog.records if "a coin" in r.getMessage()]) == 1
    assert "not trading" in case.watch.describe_refusals()


def test_a_finer_tick_and_another_size_of_the_order_book_s_service_are_taken_over() -> None:
    case = Case()
    case.follow(OPEN)
    for tick_bps, size in ((10, 5_000_000), (100, 6_000_000), (10, 6_000_000)):
        case.watch.checks.listed[market_at().slug] = ListedAtClob(
            tick_bps=tick_bps, min_size_shares=size
        )
        case.follow(OPEN)
    assert case.discovered() == [100, 10, 10]
    assert case.books.state.markets[market_at().slug].min_size_shares == 6_000_000
    case.watch.checks.listed["unknown"] = ListedAtClob(tick_bps=10)
    case.follow(OPEN)
