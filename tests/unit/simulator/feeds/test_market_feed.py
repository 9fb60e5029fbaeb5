"""The market channel's events, encoded once and handed to those they concern."""

from typing import Any

import pytest

from polybot.domain.market import Outcome
from polybot.domain.order import Side
from polybot.domain.resting import TradePrint
from polybot.exchange.wire_market_stream import market_decoder
from polybot.simulator.feeds.market_feed import MarketSubscriber
from polybot.simulator.happenings import (
    ChangeTick,
    PrintTrade,
    ResolveWindow,
    SetBook,
    SetLevels,
)
from tests.unit.simulator.listening import Collected
from tests.unit.simulator.samples import ASKS, BIDS, MARKET, SHARES, SLUG, START
from tests.unit.simulator.stand import Stand


class Watched:
    """A stand whose market feed one collecting subscriber listens to."""

    def __init__(self, *tokens: str, extras: bool = False) -> None:
        self.stand = Stand()
        self.stand.step()
        self.queue = Collected()
        subscriber = MarketSubscriber(self.queue, set(tokens), extras)  # type: ignore[arg-type]
        self.stand.hub.market.subscribers.add(subscriber)

    def happen(self, *happenings: Any) -> list[dict[str, Any]]:
        self.stand.world.exchange.advance(START, happenings)
        self.stand.world.commit()
        return self.queue.take()


def test_a_changed_level_is_told_for_both_tokens_with_the_new_total() -> None:
    watched = Watched(MARKET.token_up)
    (event,) = watched.happen(SetLevels(START, SLUG, ((Side.BUY, 5100, 7 * SHARES),)))
    assert event["event_type"] == "price_change"
    assert event["market"] == MARKET.condition_id
    up, down = event["price_changes"]
    assert {**up, "hash": ""} == {
        "asset_id": MARKET.token_up,
        "price": "0.51",
        "size": "7",
        "side": "BUY",
        "hash": "",
        "best_bid": "0.51",
        "best_ask": "0.52",
    }
    assert {**down, "hash": ""} == {
        "asset_id": MARKET.token_down,
        "price": "0.49",
        "size": "7",
        "side": "SELL",
        "hash": "",
        "best_bid": "0.48",
        "best_ask": "0.49",
    }
    assert up["hash"] != down["hash"]


def test_a_frame_is_an_array_of_all_since_the_last_and_our_reader_understands_it() -> None:
    watched = Watched(MARKET.token_down, extras=True)
    trade = TradePrint(outcome=Outcome.DOWN, price_bps=5000, size_shares=3_500_000)
    watched.stand.world.exchange.advance(
        START,
        [
            PrintTrade(START, SLUG, trade),
            SetLevels(START, SLUG, ((Side.BUY, 5000, 90 * SHARES),)),
            ChangeTick(START, SLUG, 10),
            ResolveWindow(START, SLUG, Outcome.DOWN),
        ],
    )
    watched.stand.world.commit()
    (frame,) = watched.queue.frames
    assert frame.startswith(b"[")
    decoder = market_decoder()
    decoder.decode(frame)
    assert decoder.refused == 0
    kinds = [event["event_type"] for event in watched.queue.take()]
    assert kinds == [
        *("last_trade_price", "price_change", "best_bid_ask"),
        *("tick_size_change", "book", "market_resolved"),
    ]


def test_what_we_take_disappears_from_what_is_shown() -> None:
    watched = Watched(MARKET.token_up)
    book = watched.stand.world.exchange.book(SLUG)
    assert book is not None
    touched = book.take(Outcome.UP, Side.SELL, [(5200, 50 * SHARES)])
    watched.stand.hub.on_book(book, START, touched)
    (event,) = watched.happen()
    assert (event["price_changes"][0]["size"], event["price_changes"][0]["best_ask"]) == (
        "0",
        "0.53",
    )


def test_extras_go_to_those_who_asked_and_tell_only_new_best_prices() -> None:
    plain, extras = Watched(MARKET.token_up), Watched(MARKET.token_up, extras=True)
    deep = SetLevels(START, SLUG, ((Side.BUY, 3000, 1),))
    better = SetLevels(START, SLUG, ((Side.BUY, 5100, 1),))
    extras.happen(deep)
    assert [e["event_type"] for e in extras.happen(deep)] == ["price_change"]
    told = extras.happen(better)
    assert [e["event_type"] for e in told] == ["price_change", "best_bid_ask"]
    assert (told[1]["best_bid"], told[1]["best_ask"], told[1]["spread"]) == (
        "0.51",
        "0.52",
        "0.01",
    )
    assert [e["event_type"] for e in plain.happen(better)] == ["price_change"]


def test_who_watches_nothing_of_a_market_hears_nothing_of_it() -> None:
    watched = Watched("77", extras=True)
    assert watched.happen(SetLevels(START, SLUG, ((Side.BUY, 5100, 1),))) == []
    assert watched.happen(ResolveWindow(START, SLUG, Outcome.UP)) == []


@pytest.mark.parametrize("outcome", list(Outcome))
def test_a_snapshot_is_whole_books_best_last(outcome: Outcome) -> None:
    stand = Stand()
    stand.step()
    book = stand.world.exchange.book(SLUG)
    assert book is not None
    decoder = market_decoder()
    (event,) = decoder.decode(stand.hub.market.snapshots([(book, outcome)], START))
    assert event.asset_id == MARKET.token(outcome)  # type: ignore[union-attr]
    assert len(event.bids) == len(event.asks) == 2  # type: ignore[union-attr]


def test_a_first_book_after_the_subscription_comes_whole() -> None:
    watched = Watched(MARKET.token_up)
    book = watched.stand.world.exchange.book(SLUG)
    assert book is not None
    book.started = False
    events = watched.happen(SetBook(START, SLUG, BIDS[:1], ASKS))
    assert [event["event_type"] for event in events] == ["book"]
