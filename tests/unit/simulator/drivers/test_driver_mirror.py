"""Tests of the mirror as a driver: one run of happenings out of everything that arrives."""

import pytest

from polybot.ports import CatalogAnswer
from polybot.simulator.drivers.driver_mirror import MirrorDriver
from polybot.simulator.happenings import (
    ListWindow,
    ResolveWindow,
    SetBook,
    SetLevels,
    TellPrice,
)
from tests.unit.simulator.samples import MARKET, SLUG, START, S
from tests.unit.simulator.upstream import CONNECTED, Mirrored, at, book, change

RESOLVED = CatalogAnswer(SLUG, MARKET, resolved="Up", closed=True, strike_e8=1, close_e8=2)


async def test_before_its_start_it_asks_nobody_and_tells_nothing() -> None:
    mirrored = Mirrored()
    mirrored.market.put(book())
    assert mirrored.take(5) == []
    assert mirrored.catalog.asked == []
    assert not mirrored.market.running


async def test_a_window_is_listed_subscribed_and_shown() -> None:
    mirrored = Mirrored()
    told = await mirrored.follow()
    assert [type(each) for each in told] == [ListWindow, SetBook]
    assert mirrored.market.subscribed == (MARKET.token_up, MARKET.token_down)
    assert mirrored.driver.peek() is None
    assert mirrored.driver.endless


async def test_while_the_time_is_unknown_nothing_is_asked() -> None:
    mirrored = Mirrored()
    mirrored.time.newest = None
    await mirrored.driver.start()
    assert mirrored.take(5) == []
    assert mirrored.catalog.asked == []


async def test_what_is_told_is_in_order_between_the_last_pass_and_now() -> None:
    mirrored = Mirrored()
    await mirrored.follow()
    before = mirrored.now_ns
    for seconds in (0.05, 3, 500):
        mirrored.market.put(change("0.51", str(seconds), "BUY", ts_ns=at(seconds)))
    mirrored.price.put()
    told = mirrored.take(10)
    times = [each.ts_ns for each in told]
    assert times == [before, at(3), mirrored.now_ns]


async def test_after_a_restart_nothing_is_told_of_the_time_before() -> None:
    mirrored = Mirrored(unsettled=[MARKET])
    mirrored.driver.seek(at(50), lambda _: False)
    assert mirrored.take(60) == []
    await mirrored.driver.start()
    mirrored.take()
    mirrored.market.put(state=CONNECTED)
    mirrored.market.put(book(ts_ns=at(20)))
    [told] = [each for each in mirrored.take() if isinstance(each, SetBook)]
    assert told.ts_ns == at(60)


async def test_a_window_of_a_former_life_is_closed_and_settled_by_the_official_outcome() -> None:
    mirrored = Mirrored(unsettled=[MARKET])
    mirrored.catalog.known[SLUG] = RESOLVED
    await mirrored.driver.start()
    told = mirrored.take(400) + mirrored.take(1)
    assert [each.outcome.value for each in told if isinstance(each, ResolveWindow)] == ["Up"]


async def test_a_resolution_on_the_stream_hastens_the_question() -> None:
    mirrored = Mirrored()
    await mirrored.follow()
    mirrored.take(299.9)
    asked = len(mirrored.catalog.asked)
    mirrored.take(1)
    mirrored.catalog.known[SLUG] = RESOLVED
    mirrored.market.put({"event_type": "market_resolved", "market": MARKET.condition_id})
    mirrored.take(0.1)
    told = mirrored.take(0.1)
    assert len(mirrored.catalog.asked) > asked
    assert [type(each) for each in told][-1] is ResolveWindow


async def test_a_frozen_window_loses_its_book_and_gets_a_whole_one() -> None:
    mirrored = Mirrored()
    await mirrored.follow()
    told = mirrored.take(31)
    assert SetBook(mirrored.now_ns, SLUG, (), ()) in told
    mirrored.take(0.1)
    assert mirrored.market.subscribed == ()
    mirrored.take(1.1)
    assert mirrored.market.subscribed == (MARKET.token_up, MARKET.token_down)


async def test_prices_are_told_and_their_lack_is_described() -> None:
    mirrored = Mirrored()
    await mirrored.follow()
    assert mirrored.driver.describe() == "no prices, mirror of example.org"
    frame = {"v": 1, "channel": "price.crypto", "payload": {"symbol": "btcusd", "value": 7}}
    frame["payload"]["timestamp"] = START // 10**6  # type: ignore[index]
    mirrored.price.put(frame)
    told = [each for each in mirrored.take(0.1) if isinstance(each, TellPrice)]
    assert [each.price_e8 for each in told] == [7 * 10**8]
    assert mirrored.driver.describe() == "mirror of example.org"


async def test_an_exchange_that_is_away_is_said_once_a_minute_and_its_return_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    mirrored = Mirrored()
    await mirrored.follow()
    mirrored.market.put(state="disconnected: closed")
    for _ in range(70):
        mirrored.take(1)
    assert caplog.text.count("nothing was heard for") == 2
    assert mirrored.driver.describe().startswith("feed is away, ")
    mirrored.market.put(state=CONNECTED)
    mirrored.take(1)
    mirrored.take(1)
    assert caplog.text.count("connected again") == 1


async def test_books_do_not_change_while_the_exchange_is_away() -> None:
    mirrored = Mirrored()
    await mirrored.follow()
    mirrored.market.put(state="disconnected: closed")
    mirrored.market.put(change("0.51", "7", "BUY"))
    told = mirrored.take(1)
    assert not any(isinstance(each, SetLevels) for each in told)
    assert [each for each in told if isinstance(each, SetBook)][-1].bids == ()


async def test_stopping_lets_go_of_every_stream() -> None:
    mirrored = Mirrored()
    await mirrored.driver.start()
    assert mirrored.market.running
    assert mirrored.price.running
    await mirrored.driver.stop()
    assert not mirrored.market.running
    assert not mirrored.price.running
    assert mirrored.take(S) == []


def test_its_market_begins_where_the_exchange_is_or_at_wall_time() -> None:
    mirrored = Mirrored()
    mirrored.clock.advance(7)
    assert MirrorDriver(mirrored.upstream).start_ns == at(7)
    mirrored.time.newest = None
    assert MirrorDriver(mirrored.upstream).start_ns == mirrored.clock.wall_ns
