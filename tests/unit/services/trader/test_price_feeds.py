"""The best feed that speaks is believed; the next is asked only while those before are silent."""

import asyncio

import msgspec
import pytest

from polybot.domain.reference_price import ReferencePrice
from polybot.messages.trading import PriceSourceChanged
from polybot.ports import StreamFrame
from polybot.services.trader.price_feeds import LINGER_NS, NOBODY_NS, SILENT_S, PriceFeeds
from polybot.services.trader.reference import ReferenceBook
from tests.unit.services.trader import frames
from tests.unit.services.trader.books import Books
from tests.unit.services.trader.fakes_exchange import FakeStream

S = 1_000_000_000
NAMES = ("price", "rtds", "binance", "coinbase")
LINGER_S = LINGER_NS / S


class Case:
    """Four feeds over fake streams, started."""

    def __init__(self, names: tuple[str, ...] = NAMES) -> None:
        self.books = Books()
        self.clock, self.market_clock = self.books.clock, self.books.market_clock
        self.streams = tuple(map(FakeStream, names))
        self.feeds = PriceFeeds(
            self.streams, ReferenceBook(), self.books.keeper, self.clock, self.market_clock
        )
        asyncio.run(self.feeds.start(["btcusd"]))

    def wanted(self) -> list[str]:
        return [stream.name for stream in self.streams if stream.subscribed == ("btcusd",)]

    def ages(self, *ages: float | None) -> list[str]:
        for stream, age in zip(self.streams, ages, strict=True):
            if age is not None:
                mono_ns = self.clock.mono_ns - int(age * 1e9)
                self.feeds.accept(StreamFrame(stream.name, mono_ns, data=b"{}"))
        self.feeds.turn()
        return self.wanted()

    def wait(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.market_clock.advance(seconds)

    def polybolt(self, dollars: str, **changes: bool) -> None:
        stamp_ms = self.market_clock.market_ns // 1_000_000
        frame = frames.price(dollars, stamp_ms, **changes)
        self.feeds.accept(StreamFrame("price", self.clock.mono_ns, data=frame))

    def binance(self, dollars: str) -> None:
        stamp_ms = self.market_clock.market_ns // 1_000_000
        trade = {"e": "trade", "s": "BTCUSDT", "p": dollars, "T": stamp_ms}
        data = msgspec.json.encode(trade)
        self.feeds.accept(StreamFrame("binance", self.clock.mono_ns, data=data))

    def changes(self) -> list[tuple[str, str, str, str]]:
        said = self.books.said(PriceSourceChanged)
        return [(e.use, e.feed, e.kind, e.was) for e in said]


def test_only_the_first_feed_is_asked_while_it_speaks() -> None:
    case = Case()
    assert all(stream.running for stream in case.streams)
    assert case.ages(None, None, None, None) == ["price"]
    case.wait(SILENT_S + 1)
    assert case.ages(0.5, None, None, None) == ["price"]


def test_the_next_one_is_asked_when_all_before_it_are_silent() -> None:
    case = Case()
    case.wait(SILENT_S + 1)
    # One that has never spoken is given no more time than one that fell silent.
    assert case.ages(None, None, None, None) == list(NAMES)
    case = Case()
    case.wait(SILENT_S + 1)
    assert case.ages(SILENT_S + 1, 0.1, None, None) == ["price", "rtds"]
    assert case.ages(SILENT_S + 1, SILENT_S + 1, 0.1, None) == ["price", "rtds", "binance"]
    assert case.ages(99, 99, 99, 0.1) == list(NAMES)


def test_a_better_feed_that_is_back_ends_the_others_after_a_while() -> None:
    case = Case()
    case.wait(SILENT_S + 1)
    case.ages(99, 99, 99, 99)
    case.wait(LINGER_S - 1)
    assert case.ages(0, 0, 0, 0) == list(NAMES)
    case.wait(2)
    assert case.ages(0, 0, 0, 0) == ["price"]
    assert not case.feeds.is_wanted(case.streams[1])
    assert case.feeds.is_wanted(case.streams[0])


def test_a_change_of_who_is_believed_is_an_event_and_a_line(
    caplog: pytest.LogCaptureFixture,
) -> None:
    case = Case()
    case.polybolt("10")
    case.polybolt("11", twap=True)
    case.feeds.turn()
    assert case.changes() == [
        ("spot", "polybolt", "spot", ""),
        ("settlement", "polybolt", "twap", ""),
    ]
    assert "btc spot price of polybolt 0.0 s old" in case.feeds.describe()
    assert caplog.records == []
    case.wait(31)
    case.binance("12")
    case.feeds.turn()
    assert case.changes()[2:] == [("spot", "binance", "stand-in", "polybolt")]
    assert "price for spot: binance (stand-in of binance) instead of polybolt (btc)" in caplog.text
    case.wait(1)
    case.polybolt("10")
    case.feeds.turn()
    assert case.changes()[3:] == [("spot", "polybolt", "spot", "binance")]


def lose_everything(case: Case, times: int = 1) -> None:
    """Let every feed fall silent for 40 s and come back, so many times."""
    for _ in range(times):
        for _ in range(40):
            case.wait(1)
            case.feeds.turn()
        case.polybolt("10")
        case.polybolt("11", twap=True)
        case.feeds.turn()


def test_nobody_to_believe_is_a_fact_only_when_it_lasts() -> None:
    case = Case()
    case.polybolt("10")
    case.feeds.turn()
    case.wait(31)
    case.feeds.turn()
    case.wait(NOBODY_NS / S - 1)
    case.feeds.turn()
    case.polybolt("10")
    case.wait(1)
    case.feeds.turn()
    assert case.changes() == [("spot", "polybolt", "spot", "")]
    # What went before is forgotten: a new absence has to last as long.
    case.wait(31)
    case.feeds.turn()
    assert len(case.changes()) == 1
    case.wait(NOBODY_NS / S)
    case.feeds.turn()
    assert case.changes()[1:] == [("spot", "", "", "polybolt")]


def test_all_assets_of_a_feed_that_went_away_are_one_line_a_minute(
    caplog: pytest.LogCaptureFixture,
) -> None:
    case = Case()
    for asset in ("btc", "eth", "sol"):
        case.feeds.reference.accept(
            ReferencePrice(
                asset=asset,
                feed="polybolt",
                source="chainlink",
                price_ns=case.market_clock.market_ns,
                price_e8=10,
            )
        )
    case.feeds.turn()
    lose_everything(case)
    said = [record.message for record in caplog.records if "none" in record.message]
    assert said == ["price for spot: none, was polybolt (btc, eth, sol)"]
    caplog.clear()
    lose_everything(case)
    assert [record.message for record in caplog.records if "for spot" in record.message] == []
    lose_everything(case)
    assert len([r for r in caplog.records if "for spot" in r.message]) == 1


@pytest.mark.parametrize(("pace", "believed"), [(1.0, []), (60.0, ["spot"])])
def test_how_old_a_price_may_be_is_wall_time_however_fast_the_market_runs(
    pace: float, believed: list[str]
) -> None:
    case = Case()
    case.market_clock.pace = pace
    case.polybolt("10")
    case.feeds.turn()
    case.clock.advance(6)
    case.market_clock.advance(360)
    case.feeds.turn()
    case.clock.advance(6)
    # A clock that stands still at a jump keeps the limits of the speed before it.
    case.market_clock.pace = 0.0 if pace > 1 else 1.0
    case.market_clock.advance(1)
    case.feeds.turn()
    known = case.feeds.reference.spot("btc", case.market_clock.market_ns)
    assert (known is not None) == bool(believed)
    assert [event.use for event in case.books.said(PriceSourceChanged) if event.feed == ""] == (
        [] if believed else ["spot"]
    )


def test_who_is_believed_is_looked_at_once_a_second() -> None:
    case = Case()
    case.feeds.turn()
    case.polybolt("10")
    case.feeds.turn()
    assert case.changes() == []
    case.wait(1)
    case.feeds.turn()
    assert [use for use, *_ in case.changes()] == ["spot"]


def test_holes_and_frames_that_cannot_be_read_are_one_line_a_minute(
    caplog: pytest.LogCaptureFixture,
) -> None:
    case = Case()
    for _ in range(50):
        case.feeds.accept(StreamFrame("price", case.clock.mono_ns, data=b"{not json"))
    for seq in (1, 5, 9):
        frame = b'{"channel":"price.crypto","seq":%d}' % seq
        case.feeds.accept(StreamFrame("price", case.clock.mono_ns, data=frame))
    assert len(caplog.records) == 2
    assert "could not be read: 1 so far, 1 new; the last: polybolt: " in caplog.text
    assert "lost on the way: 1 so far, 1 new; the last: polybolt: 3 by its own" in caplog.text
    assert case.feeds.missed == 6


def test_numbers_begin_anew_with_a_connection() -> None:
    case = Case()
    for state in ("", "disconnected: closed", "connected", ""):
        data = b"" if state else b'{"channel":"price.crypto","seq":7}'
        case.feeds.accept(StreamFrame("price", 0, data=data, state=state))
    frame = b'{"channel":"price.crypto","seq":1}'
    case.feeds.accept(StreamFrame("price", 0, data=frame))
    assert case.feeds.missed == 0


def test_streams_run_from_start_to_stop() -> None:
    case = Case(("price",))
    asyncio.run(case.feeds.stop())
    assert not any(stream.running for stream in case.streams)
