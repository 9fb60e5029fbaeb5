"""Frames go where they belong; while the user stream is away, entries stop."""

import asyncio

from polybot.domain.market import Outcome
from polybot.domain.order import OrderStatus
from polybot.domain.trading_state import TradingState
from polybot.messages.trading import BookDistrusted, FeedGap, FeedStateChanged
from polybot.services.trader.book_repair import BookRepair
from polybot.services.trader.cash_check import CashCheck
from polybot.services.trader.feed_gaps import FeedGaps
from polybot.services.trader.feeds import USER_STREAM, Feeds
from polybot.services.trader.holdings_check import HoldingsCheck
from polybot.services.trader.inputs import Inputs
from polybot.services.trader.look_ups import LookUps
from polybot.services.trader.market_data import MarketData
from polybot.services.trader.price_feeds import PriceFeeds
from polybot.services.trader.reconcile import Reconciler
from polybot.services.trader.reference import ReferenceBook
from polybot.services.trader.strangers import Strangers
from tests.fakes import FakeInbox
from tests.story import market_at
from tests.unit.services.trader import frames
from tests.unit.services.trader.books import NOW_NS, Books
from tests.unit.services.trader.fakes_exchange import (
    FakeBookSource,
    FakeStream,
    FakeTape,
    trade_frame,
)

S = 1_000_000_000


class Case:
    """Feeds over fake streams, with the market watched and the first reconcile done."""

    def __init__(self, *, reconciled: bool = True) -> None:
        self.books = books = Books()
        keeper, answers = books.keeper, books.answers
        self.market, self.user, self.price = map(FakeStream, ("market", "user", "price"))
        self.reconciler = Reconciler(
            books=keeper,
            answers=answers,
            claims=books.claims,
            access=books.access,
            market_clock=books.market_clock,
            look_ups=LookUps(keeper, answers, books.access, grace_ns=S),
            cash=CashCheck(keeper, answers, books.market_clock),
            holdings=HoldingsCheck(keeper, answers, books.market_clock),
            strangers=Strangers(keeper, books.claims),
            sweep_ns=S,
            done_once=reconciled,
        )
        self.book_source = FakeBookSource()
        inputs = Inputs(
            inbox=FakeInbox(),
            access=books.access,
            market=self.market,
            user=self.user,
            prices=(self.price,),
            book_source=self.book_source,
            tape=FakeTape(),
            clock=books.clock,
            market_clock=books.market_clock,
        )
        self.feeds = Feeds(
            inputs=inputs,
            claims=books.claims,
            gaps=FeedGaps(keeper, books.market_clock),
            repair=BookRepair(MarketData(), self.book_source, keeper, books.clock),
            prices=PriceFeeds(
                inputs.prices, ReferenceBook(), keeper, books.clock, books.market_clock
            ),
            answers=answers,
            reconciler=self.reconciler,
        )
        self.feeds.data.watch([market_at()])


def test_each_stream_feeds_what_it_is_about() -> None:
    case = Case()
    order = case.books.submit()
    case.market.put(frames.books())
    case.user.put(trade_frame(order))
    case.price.put(frames.price("7", NOW_NS // 1_000_000))
    case.feeds.take()
    assert case.feeds.data.token_view(market_at(), Outcome.UP).bid_bps == 9300
    assert case.books.status(order) is OrderStatus.FILLED
    assert case.feeds.reference.view(market_at(), NOW_NS).price_e8 == 700_000_000


def test_changes_of_a_connection_are_events() -> None:
    case = Case()
    for stream in (case.market, case.user, case.price):
        stream.connect()
        stream.disconnect()
    case.feeds.take()
    said = [(e.feed, e.connected, e.detail) for e in case.books.said(FeedStateChanged)]
    assert said == [
        (name, connected, "connected" if connected else "disconnected: closed")
        for name in ("market", "user", "price")
        for connected in (True, False)
    ]


def test_without_the_user_stream_entries_stop_and_its_return_reconciles() -> None:
    case = Case()
    case.user.connect()
    case.feeds.take()
    assert case.feeds.user_connected
    case.user.disconnect()
    case.feeds.take()
    assert not case.feeds.user_connected
    assert not case.reconciler.look_ups.is_listening
    assert [c.source for c in case.books.state.claims][-1] == USER_STREAM
    case.user.connect()
    case.feeds.take()
    assert not case.books.claims.is_claimed_by(USER_STREAM)
    assert case.books.claims.state is TradingState.RECONCILING
    assert case.reconciler.trigger == "user stream"
    assert case.reconciler.look_ups.is_listening


def test_the_first_connection_of_a_start_requires_nothing_more() -> None:
    case = Case(reconciled=False)
    case.user.connect()
    case.feeds.take()
    assert case.reconciler.trigger == "start"
    assert case.books.state.claims == ()


def test_a_lost_price_feed_stops_nothing() -> None:
    case = Case()
    case.price.connect()
    case.price.disconnect()
    case.feeds.take()
    assert case.books.state.claims == ()


def test_streams_run_from_start_to_stop() -> None:
    case = Case()
    streams = (case.market, case.user, case.price)
    asyncio.run(case.feeds.start(["btcusd"]))
    assert case.price.subscribed == ("btcusd",)
    assert all(stream.running for stream in streams)
    asyncio.run(case.feeds.stop())
    assert not any(stream.running for stream in streams)


def test_a_gap_of_the_books_is_known_and_nobody_sees_what_was_before_it() -> None:
    case = Case()
    case.market.connect()
    case.market.put(frames.books())
    case.feeds.take()
    assert case.feeds.data.token_view(market_at(), Outcome.UP).bid_bps == 9300
    case.market.put(state="stale: no data for 30 s")
    case.feeds.take()
    assert case.feeds.data.token_view(market_at(), Outcome.UP).bid_bps is None
    assert "market stream away" in case.feeds.describe()
    case.market.connect()
    case.feeds.take()
    assert [gap.stream for gap in case.books.said(FeedGap)] == ["market"]
    assert case.feeds.data.token_view(market_at(), Outcome.UP).bid_bps is None
    case.market.put(frames.books())
    case.feeds.take()
    assert case.feeds.data.token_view(market_at(), Outcome.UP).bid_bps == 9300


def test_a_crossed_book_is_dropped_said_and_fetched_anew() -> None:
    case = Case()
    case.market.connect()
    case.market.put(frames.books())
    case.market.put(frames.change(market_at().token_up, "BUY", "0.96", "5"))
    case.feeds.take()
    assert case.feeds.data.token_view(market_at(), Outcome.UP).bid_bps is None
    (said,) = case.books.said(BookDistrusted)
    assert (said.slug, said.token_id, said.fault) == (
        market_at().slug,
        market_at().token_up,
        "crossed",
    )
    case.books.clock.advance(3)
    case.feeds.take()
    assert case.book_source.asked == [market_at().token_up]
