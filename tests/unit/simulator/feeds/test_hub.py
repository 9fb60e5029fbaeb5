"""The hub tells the three channels, and wakes the POSTs that wait for a held order."""

import asyncio

from polybot.domain.market import Outcome
from polybot.domain.order import Side
from polybot.domain.settlement import PriceSource
from polybot.simulator.feeds.market_feed import MarketSubscriber
from polybot.simulator.feeds.price_feed import PriceSubscriber
from polybot.simulator.feeds.public_price_feed import PublicSubscriber
from polybot.simulator.happenings import ChangeTick, CloseWindow, ListWindow, TellPrice
from tests.unit.simulator.listening import Collected
from tests.unit.simulator.samples import MARKET, SLUG, START
from tests.unit.simulator.stand import Stand


def test_nothing_is_sent_before_it_is_flushed() -> None:
    stand = Stand()
    stand.step()
    market, price = Collected(), Collected()
    stand.hub.market.subscribers.add(MarketSubscriber(market, {MARKET.token_up}, True))  # type: ignore[arg-type]
    stand.hub.price.subscribers.add(
        PriceSubscriber(price, {("btc", PriceSource.BINANCE)})  # type: ignore[arg-type]
    )
    book = stand.world.exchange.book(SLUG)
    assert book is not None
    stand.hub.on_book(book, START, [(Side.BUY, 5000)])
    stand.hub.on_trade(book, START, Outcome.UP, Side.BUY, (5200, 1))
    stand.hub.on_price(TellPrice(START, "btc", PriceSource.BINANCE, START, 7))
    assert (market.frames, price.frames) == ([], [])
    stand.hub.flush()
    kinds = [event["event_type"] for event in market.take()]
    assert kinds == ["price_change", "best_bid_ask", "last_trade_price"]
    assert len(price.frames) == 1


def test_a_stand_in_is_told_only_where_it_can_be_called_one() -> None:
    stand = Stand()
    spoken: list[TellPrice] = []
    stand.hub.public.subscribers.add(PublicSubscriber(Collected(), spoken.append))  # type: ignore[arg-type, func-returns-value]
    for second, stand_in in ((1, False), (2, True)):
        at = START + second * 1_000_000_000
        stand.hub.on_price(TellPrice(at, "btc", PriceSource.CHAINLINK, at, 7, stand_in=stand_in))
    stand.hub.flush()
    assert [price.stand_in for price in spoken] == [False]
    [recent] = stand.hub.price.recent().values()
    assert [price.stand_in for price in recent] == [False]


def test_a_new_market_and_its_ticks_are_told() -> None:
    stand = Stand()
    queue = Collected()
    stand.hub.market.subscribers.add(MarketSubscriber(queue, {MARKET.token_up}, True))  # type: ignore[arg-type]
    stand.world.exchange.advance(START, [ListWindow(START, MARKET)])
    stand.world.exchange.advance(START, [ChangeTick(START, SLUG, 10)])
    stand.hub.flush()
    events = queue.take()
    assert (events[0]["event_type"], events[0]["slug"]) == ("new_market", SLUG)
    tick = next(event for event in events if event["event_type"] == "tick_size_change")
    assert (tick["old_tick_size"], tick["new_tick_size"]) == ("0.01", "0.001")


async def test_who_waits_for_a_held_order_is_woken_by_its_release_or_its_end() -> None:
    stand = Stand(delay_ms=150)
    stand.step()
    waiting = stand.hub.when_released("0x1")
    stand.world.exchange.advance(START, [CloseWindow(START, SLUG)])
    assert waiting.done()
    assert not stand.hub.when_released("0x2").done()


async def test_a_full_queue_congests_and_room_waits_for_it() -> None:
    stand = Stand()

    class Slow(Collected):
        async def drained(self) -> None:
            await asyncio.sleep(0)
            self.full = False

    queue = Slow()
    stand.hub.market.subscribers.add(MarketSubscriber(queue))  # type: ignore[arg-type]
    seen = [stand.hub.congested]
    queue.full = True
    seen.append(stand.hub.congested)
    await stand.hub.room()
    seen.append(stand.hub.congested)
    assert seen == [False, True, False]
