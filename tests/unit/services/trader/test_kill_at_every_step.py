"""Killed between any two steps, whatever the exchange answers: nothing is sent twice or lost."""

import random
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
KILL_CHANCE = 0.06


class Killed(BaseException):
    """The process is gone between two steps."""


class Steps:
    """Counts steps and kills at one of them, or at random for as long as `dice` are given."""

    def __init__(self, kill_at: int | None = None, dice: random.Random | None = None) -> None:
        self.count = 0
        self.kill_at = kill_at
        self.dice = dice

    def __call__(self, what: str) -> None:
        self.count += 1
        if self.count == self.kill_at or (self.dice and self.dice.random() < KILL_CHANCE):
            raise Killed(what)


def order(side: Side, price_bps: int, shares: int, purpose: str) -> Intent:
    return Intent(
        outcome=Outcome.UP,
        side=side,
        order_type=OrderType.GTC,
        price_bps=price_bps,
        size_shares=shares,
        purpose=purpose,
    )


ENTRIES = {
    "rests": order(Side.BUY, 9400, 10_000_000, "entry"),
    "takes": Intent(
        outcome=Outcome.UP,
        side=Side.BUY,
        order_type=OrderType.FAK,
        price_bps=9500,
        budget_usdc=9_500_000,
        purpose="entry",
    ),
}


def buys_then_sells_half_hearted(entry: Intent) -> Callable[[View], Decision]:
    """Enter, offer what was bought, and cancel the offer shortly before the close."""

    def decide(view: View) -> Decision:
        entries = [o for o in view.orders if o.purpose == "entry"]
        offers = [o for o in view.orders if o.purpose == "offer"]
        held = view.positions.get(Outcome.UP)
        if not entries and view.remaining_s() > 15 and view.up.bid_bps:
            return Decision("enter", "entry", (entry,))
        live = [o for o in offers if o.status in (OrderStatus.ACCEPTED, OrderStatus.UNKNOWN)]
        if live and view.remaining_s() < 8:
            ids = tuple(CancelIntent(venue_order_id=o.venue_order_id, reason="late") for o in live)
            return Decision("cancel", "late", cancels=ids)
        if held and held.shares and not offers:
            return Decision("exit", "offer", (order(Side.SELL, 9900, held.shares, "offer"),))
        return HOLD

    return decide


class Floor:
    """A trader and its exchange through one window, killed at one step and started again."""

    def __init__(
        self,
        behavior: str,
        kill_at: int | None = None,
        *,
        entry: str = "rests",
        keeps_unsynced: bool = False,
        down_s: int = 0,
    ) -> None:
        self.steps = Steps(kill_at)
        self.keeps_unsynced = keeps_unsynced
        self.down_s = down_s
        self.down_left_s: int | None = None
        strategy = ScriptedStrategy(buys_then_sells_half_hearted(ENTRIES[entry]))
        self.trader = WholeTrader(strategy, step=self.steps)
        self.venue = SmallVenue(behavior, self.trader.user, self.steps)
        self.trader.gateway = self.venue
        self.trader.build()

    def run(self) -> None:
        self.start()
        for number in range(TURNS):
            self.turn(number)
        assert self.steps.kill_at is None or self.steps.count >= self.steps.kill_at

    def turn(self, number: int) -> None:
        self._happen(number)
        if self.down_left_s is None:
            self._guarded(self.trader.turn)
        elif self.down_left_s:
            self.down_left_s -= 1
            self.trader.clock.advance(1)
            self.trader.market_clock.advance(1)
        else:
            self.down_left_s = None
            self.trader.clock.advance(1)
            self.trader.market_clock.advance(1)
            self.trader.build()
            self.start()

    def start(self) -> None:
        self._guarded(self._start)

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


def steps_of(behavior: str, entry: str) -> int:
    floor = Floor(behavior, entry=entry)
    floor.run()
    floor.check()
    return floor.steps.count


@pytest.mark.parametrize("down_s", [0, 42])
@pytest.mark.parametrize("keeps_unsynced", [False, True], ids=["power cut", "kill"])
@pytest.mark.parametrize(
    ("behavior", "entry"),
    [
        *((behavior, "rests") for behavior in BEHAVIORS),
        ("accept", "takes"),
        ("lose_answer", "takes"),
    ],
)
def test_killed_at_any_step_nothing_is_sent_twice_or_lost(
    behavior: str, entry: str, keeps_unsynced: bool, down_s: int
) -> None:
    for kill_at in range(1, steps_of(behavior, entry) + 1):
        floor = Floor(behavior, kill_at, entry=entry, keeps_unsynced=keeps_unsynced, down_s=down_s)
        floor.run()
        try:
            floor.check()
        except AssertionError as error:
            error.add_note(f"killed at step {kill_at}")
            raise


@pytest.mark.parametrize("seed", range(40))
def test_killed_again_and_again_at_random_nothing_is_sent_twice_or_lost(seed: int) -> None:
    dice = random.Random(seed)
    floor = Floor(
        dice.choice(BEHAVIORS),
        entry=dice.choice(("rests", "takes")),
        keeps_unsynced=dice.random() < 0.5,
    )
    floor.steps.dice = dice
    floor.start()
    for number in range(2 * TURNS):
        floor.down_s = dice.choice((0, 2, 20))
        if number == TURNS:
            floor.steps.dice = None
        floor.turn(number)
    floor.check()


@pytest.mark.parametrize(
    ("entry", "entered", "shares"),
    [("rests", OrderStatus.FILLED, 10_000_000), ("takes", OrderStatus.CANCELED, 6_000_000)],
)
def test_the_story_itself_buys_offers_cancels_and_settles(
    entry: str, entered: OrderStatus, shares: int
) -> None:
    floor = Floor("accept", entry=entry)
    floor.run()
    statuses = [(o.purpose, o.status) for o in floor.trader.state.orders.values()]
    assert statuses == [("entry", entered), ("offer", OrderStatus.CANCELED)]
    assert floor.trader.state.positions[AGENT, market_at().token_up].shares == shares
    assert floor.trader.state.losses_in_a_row == {AGENT: 0}
