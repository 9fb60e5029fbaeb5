"""Killed between any two steps, whatever the exchange answers: nothing is sent twice or lost."""

from collections import Counter
from collections.abc import Callable

import pytest

from polybot.domain.market import Outcome
from polybot.domain.order import OrderStatus, OrderType, Side
from polybot.messages.trading import AgentResult, OrderSubmitted, PositionSettled
from polybot.strategies.base import CancelIntent, Decision, Intent, View
from tests.story import AGENT, market_at, settled
from tests.unit.services.trader import frames
from tests.unit.services.trader.fakes_exchange import HOLD, ScriptedStrategy
from tests.unit.services.trader.small_venue import SmallVenue
from tests.unit.services.trader.whole_trader import WholeTrader

BEHAVIORS = ("accept", "reject", "lose_answer", "lose_request")
TURNS = 130
SHARES = 10_000_000


class Killed(BaseException):
    """The process is gone between two steps."""


class Steps:
    """Counts steps and kills at one of them."""

    def __init__(self, kill_at: int | None = None) -> None:
        self.count = 0
        self.kill_at = kill_at

    def __call__(self, what: str) -> None:
        self.count += 1
        if self.count == self.kill_at:
            raise Killed(what)


def order(side: Side, price_bps: int, purpose: str) -> Intent:
    return Intent(
        outcome=Outcome.UP,
        side=side,
        order_type=OrderType.GTC,
        price_bps=price_bps,
        size_shares=SHARES,
        purpose=purpose,
    )


def buys_then_sells_half_hearted(view: View) -> Decision:
    """Enter, offer what was bought, and cancel the offer shortly before the close."""
    entries = [o for o in view.orders if o.purpose == "entry"]
    offers = [o for o in view.orders if o.purpose == "offer"]
    held = view.positions.get(Outcome.UP)
    if not entries and view.remaining_s() > 15 and view.up.bid_bps:
        return Decision("enter", "entry", (order(Side.BUY, 9400, "entry"),))
    live = [o for o in offers if o.status in (OrderStatus.ACCEPTED, OrderStatus.UNKNOWN)]
    if live and view.remaining_s() < 8:
        ids = tuple(CancelIntent(venue_order_id=o.venue_order_id, reason="late") for o in live)
        return Decision("cancel", "late", cancels=ids)
    if held and held.shares and not offers:
        return Decision("exit", "offer", (order(Side.SELL, 9900, "offer"),))
    return HOLD


class Floor:
    """A trader and its exchange through one window, killed at one step and started again."""

    def __init__(
        self, behavior: str, kill_at: int | None, *, keeps_unsynced: bool = False, down_s: int = 0
    ) -> None:
        self.steps = Steps(kill_at)
        self.keeps_unsynced = keeps_unsynced
        self.down_s = down_s
        self.down_left_s: int | None = None
        strategy = ScriptedStrategy(buys_then_sells_half_hearted)
        self.trader = WholeTrader(strategy, step=self.steps)
        self.venue = SmallVenue(behavior, self.trader.user, self.steps)
        self.trader.gateway = self.venue
        self.trader.build()

    def run(self) -> None:
        self._guarded(self._start)
        for number in range(TURNS):
            self._happen(number)
            if self.down_left_s is None:
                self._guarded(self.trader.turn)
            elif self.down_left_s:
                self.down_left_s -= 1
                self.trader.clock.advance(1)
                self.trader.market_clock.advance(1)
            else:
                self.down_left_s = None
                self.trader.build()
                self._start()
        assert self.steps.kill_at is None or self.steps.count >= self.steps.kill_at

    def _start(self) -> None:
        self.trader.start()
        self.venue.connected = True

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Killed:
            outbox = self.trader.outbox
            if self.keeps_unsynced:
                outbox.committed += outbox.uncommitted
            outbox.uncommitted = []
            self.venue.lose_connections()
            self.trader.inbox.volatile.clear()
            self.down_left_s = self.down_s

    def _happen(self, number: int) -> None:
        if self.trader.market.subscribed:
            self.trader.market.put(frames.books())
        if number == 8:
            self.venue.match(Side.BUY)
        elif number == 30:
            self.venue.close()
        elif number == 40:
            self.trader.inbox.put(settled(), source="tracker")
        elif number == 50:
            self.venue.redeem(market_at().token_up)

    def check(self) -> None:
        state, venue = self.trader.state, self.venue
        committed = [body for _, body in self.trader.outbox.committed]
        journaled = [e.order.venue_order_id for e in committed if isinstance(e, OrderSubmitted)]
        assert max(Counter(journaled).values(), default=0) <= 1
        assert set(venue.ids()) <= set(journaled)
        assert [o.venue_order_id for o in state.open_orders()] == []
        for venue_order_id, booked in state.orders.items():
            filled = sum(f.size_shares for f in venue.fills if f.venue_order_id == venue_order_id)
            assert booked.filled_shares == filled
            ended = (OrderStatus.NOT_PLACED, OrderStatus.REJECTED)
            assert (booked.status in ended) is (venue_order_id not in venue.orders)
        paid = [(e.agent, e.token_id) for e in committed if isinstance(e, PositionSettled)]
        results = [(e.agent, e.slug) for e in committed if isinstance(e, AgentResult)]
        for once in (paid, results):
            assert max(Counter(once).values(), default=0) <= 1
        assert bool(results) is bool(venue.fills)
        assert state.cash_usdc == venue.cash_usdc
        assert state.unredeemed == {}


def steps_of(behavior: str) -> int:
    floor = Floor(behavior, None)
    floor.run()
    floor.check()
    return floor.steps.count


@pytest.mark.parametrize("down_s", [0, 15, 42])
@pytest.mark.parametrize("keeps_unsynced", [False, True], ids=["power cut", "kill"])
@pytest.mark.parametrize("behavior", BEHAVIORS)
def test_killed_at_any_step_nothing_is_sent_twice_or_lost(
    behavior: str, keeps_unsynced: bool, down_s: int
) -> None:
    for kill_at in range(1, steps_of(behavior) + 1):
        floor = Floor(behavior, kill_at, keeps_unsynced=keeps_unsynced, down_s=down_s)
        floor.run()
        try:
            floor.check()
        except AssertionError as error:
            error.add_note(f"killed at step {kill_at}")
            raise


def test_the_story_itself_buys_offers_cancels_and_settles() -> None:
    floor = Floor("accept", None)
    floor.run()
    statuses = [(o.purpose, o.status) for o in floor.trader.state.orders.values()]
    assert statuses == [("entry", OrderStatus.FILLED), ("offer", OrderStatus.CANCELED)]
    assert floor.trader.state.positions[AGENT, market_at().token_up].shares == SHARES
    assert floor.trader.state.losses_in_a_row == {AGENT: 0}
