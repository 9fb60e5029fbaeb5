"""The user channel tells an account each change of its orders and trades, and nobody else's."""

from typing import Any

from polybot.domain.market import Outcome
from polybot.domain.order import OrderType, Side
from polybot.domain.resting import TradePrint
from polybot.exchange.wire_user_stream import user_decoder
from polybot.simulator.api.heartbeats import HeartbeatWatch
from polybot.simulator.feeds.user_feed import UserFeed, UserSubscriber
from polybot.simulator.happenings import CloseWindow, PrintTrade, SetLevels
from tests.unit.simulator.listening import Collected
from tests.unit.simulator.samples import ADDRESS, DOLLARS, MARKET, SHARES, SLUG, S, Venue


class Told(Venue):
    """A venue whose user feed one account listens to."""

    def __init__(self, *, delay_ms: int = 0, markets: frozenset[str] = frozenset()) -> None:
        super().__init__(delay_ms=delay_ms)
        self.feed = UserFeed(self.ledger)
        self.queue = Collected()
        self.feed.subscribers.add(UserSubscriber(self.queue, ADDRESS, markets))  # type: ignore[arg-type]
        self.exchange.core.listener.on_record = self.feed.on_record  # type: ignore[method-assign]
        self.show()

    def heard(self) -> list[Any]:
        self.feed.flush()
        return self.queue.take()


def short(event: dict[str, Any]) -> tuple[str, str]:
    return event["type"], event["status"]


def test_a_resting_order_is_placed_then_canceled() -> None:
    venue = Told()
    new = venue.order(Side.BUY, 4000, 10 * SHARES)
    venue.submit(new)
    (placed,) = venue.heard()
    assert short(placed) == ("PLACEMENT", "LIVE")
    assert (placed["event_type"], placed["id"], placed["associate_trades"]) == (
        "order",
        new.order_id,
        None,
    )
    venue.exchange.cancel(venue.account, [new.order_id], venue.now_ns)
    assert [short(event) for event in venue.heard()] == [("CANCELLATION", "CANCELED")]


def test_a_match_is_told_with_each_step_of_its_settlement() -> None:
    venue = Told()
    venue.submit(venue.order(Side.BUY, 5200, 10 * SHARES))
    assert [short(event) for event in venue.heard()] == [
        ("PLACEMENT", "MATCHED"),
        ("UPDATE", "MATCHED"),
        ("TRADE", "MATCHED"),
    ]
    venue.wait(10)
    assert [short(event) for event in venue.heard()] == [
        ("TRADE", "MINED"),
        ("TRADE", "CONFIRMED"),
    ]


def test_a_killed_order_says_why_in_its_status() -> None:
    venue = Told(delay_ms=150)
    venue.submit(venue.order(Side.BUY, 5200, 5 * DOLLARS, kind=OrderType.FAK))
    gone = ((Side.SELL, 5200, 0), (Side.SELL, 5300, 0))
    venue.happen(SetLevels(venue.now_ns, SLUG, gone))
    assert venue.heard() == []
    venue.wait(1)
    (event,) = venue.heard()
    assert event["type"] == "CANCELLATION"
    assert event["status"].startswith("CANCELED_no orders found to match")


def test_a_maker_fill_an_expiry_and_a_close_are_told() -> None:
    venue = Told()
    venue.submit(venue.order(Side.BUY, 4000, 10 * SHARES))
    expires = venue.now_ns // S + 180
    venue.submit(venue.order(Side.BUY, 3000, 10 * SHARES, kind=OrderType.GTD, expiration_s=expires))
    venue.heard()
    sold = TradePrint(
        outcome=Outcome.UP, price_bps=4000, size_shares=4 * SHARES, aggressor=Side.SELL
    )
    venue.happen(PrintTrade(venue.now_ns, SLUG, sold))
    update, trade = venue.heard()
    assert (short(update), update["size_matched"]) == (("UPDATE", "LIVE"), "4")
    assert (trade["trader_side"], trade["trade_owner"]) == ("MAKER", "key-1")
    venue.wait(121)
    ended = [event for event in venue.heard() if event["type"] == "CANCELLATION"]
    assert [event["status"] for event in ended] == ["CANCELED"]
    venue.happen(CloseWindow(venue.now_ns, SLUG))
    assert [short(event) for event in venue.heard()] == [("CANCELLATION", "INVALID")]


def test_orders_lost_to_silence_are_told() -> None:
    venue = Told()
    venue.submit(venue.order(Side.BUY, 4000, 10 * SHARES))
    watch = HeartbeatWatch(venue.exchange, 0)
    watch.beat(venue.account, "", mono_ns=0, now_ns=venue.now_ns)
    venue.heard()
    watch.check(mono_ns=60 * S, now_ns=venue.now_ns)
    assert [short(event) for event in venue.heard()] == [("CANCELLATION", "CANCELED")]


def test_only_wanted_markets_and_own_events_arrive_and_our_reader_understands_them() -> None:
    venue = Told(markets=frozenset({"0xother"}))
    venue.submit(venue.order(Side.BUY, 5200, 10 * SHARES))
    assert venue.heard() == []
    venue = Told(markets=frozenset({MARKET.condition_id}))
    venue.submit(venue.order(Side.BUY, 5200, 10 * SHARES))
    venue.feed.flush()
    decoder = user_decoder()
    for frame in venue.queue.frames:
        assert len(decoder.decode(frame)) == 1
    assert decoder.refused == 0
    stranger = Told()
    stranger.feed.subscribers.clear()
    stranger.feed.subscribers.add(UserSubscriber(stranger.queue, "0xstranger"))  # type: ignore[arg-type]
    stranger.submit(stranger.order(Side.BUY, 5200, 10 * SHARES))
    assert stranger.heard() == []
