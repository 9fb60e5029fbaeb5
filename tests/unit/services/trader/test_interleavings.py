"""Whatever order the exchange's messages come in, however often, with crashes in between."""

import os
import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from polybot.domain.market import Outcome
from polybot.domain.order import Order, OrderType, Side
from tests.story import market_at
from tests.unit.services.trader.interleaving import AGENTS, MARKETS, World, an_order
from tests.unit.services.trader.interleaving_judge import Judge
from tests.unit.services.trader.model_exchange import Trade

# The walks find more for their time, hypothesis shrinks what it finds; more of both look deeper.
EXAMPLES = int(os.environ.get("POLYBOT_TEST_EXAMPLES", "60"))
WALKS = 10 * EXAMPLES
STEPS = 60

FINAL = ("CONFIRMED", "FAILED")
CUTS = (100, 40, 1, 75)
FATES = ("rest", "match", "match", "delay", "kill", "reject")
STAGES = ("MINED", "CONFIRMED", "RETRYING", "FAILED")
SECONDS = (0, 1, 4, 25)
TROUBLES = ("crash", "crash", "save", "lose_stream", "forget", "rest", "lost", "late")
ENDS = ("close", "outcome", "outcome", "redeem", "all")
WISHES: dict[str, tuple[Any, ...]] = {
    "agent": AGENTS,
    "market": tuple(range(MARKETS)),
    "outcome": tuple(Outcome),
    "side": (Side.BUY, Side.BUY, Side.SELL),
    "order_type": (OrderType.GTC, OrderType.GTC, OrderType.FAK, OrderType.FOK),
    "price_bps": (9500, 5000, 300),
    "size_shares": (10_000_000, 5_120_000, 30_000_000),
}
picks = st.integers(0, 255)
cuts = st.sampled_from(CUTS)
fates = st.sampled_from(FATES)
wishes = st.fixed_dictionaries({name: st.sampled_from(of) for name, of in WISHES.items()})


class Interleavings(RuleBasedStateMachine):
    """Books and exchange; each rule is one thing that can happen, the rarer ones share a rule."""

    @initialize(shrinks=st.booleans())
    def begin(self, shrinks: bool) -> None:
        self.world = World(shrinks=shrinks)
        self.judge = Judge(self.world)
        self.world.come_to_rest()

    @rule(wish=wishes, arrives=st.booleans(), fate=fates, cut=cuts, told=st.booleans())
    def place(self, wish: dict[str, Any], arrives: bool, fate: str, cut: int, told: bool) -> None:
        order = self._wished(wish)
        if order is not None:
            self.world.place(order)
            if arrives:
                self.world.arrive(order, fate, cut, told=told)

    def _wished(self, wish: dict[str, Any]) -> Order | None:
        world, market = self.world, market_at(wish["market"])
        if market.close_ns <= world.now_ns:
            return None
        if wish["side"] is Side.SELL:
            sellable = world.sellable(wish["agent"], market.token(wish["outcome"]))
            shares = min(wish["size_shares"], sellable - sellable % 10_000)
            if shares <= 0:
                return None
            wish = wish | {"size_shares": shares}
        return an_order(len(world.submitted), created_ns=world.now_ns, **wish)

    @precondition(lambda self: self.world.posts)
    @rule(pick=picks, fate=fates, cut=cuts, told=st.booleans())
    def arrive(self, pick: int, fate: str, cut: int, told: bool) -> None:
        posts = self.world.posts
        self.world.arrive(posts[pick % len(posts)], fate, cut, told=told)

    @precondition(lambda self: self.world.posts)
    @rule(pick=picks, late=st.booleans())
    def give_up(self, pick: int, late: bool) -> None:
        posts = self.world.posts
        self.world.give_up(posts[pick % len(posts)], arrives_late=late)

    @precondition(lambda self: self.world.state.open_orders())
    @rule(pick=picks, arrives=st.booleans(), told=st.booleans())
    def cancel(self, pick: int, arrives: bool, told: bool) -> None:
        orders = self.world.state.open_orders()
        self.world.ask_cancel(orders[pick % len(orders)])
        if arrives:
            self.world.arrive_cancel(len(self.world.cancels) - 1, told=told)

    @precondition(lambda self: self.world.cancels)
    @rule(pick=picks, told=st.booleans())
    def arrive_cancel(self, pick: int, told: bool) -> None:
        self.world.arrive_cancel(pick % len(self.world.cancels), told=told)

    @precondition(lambda self: any(not o.is_over for o in self.world.exchange.orders.values()))
    @rule(pick=picks, cut=cuts, fate=st.sampled_from(("match", "kill")))
    def match(self, pick: int, cut: int, fate: str) -> None:
        exchange = self.world.exchange
        alive = [o for o in exchange.orders.values() if not o.is_over]
        listed = alive[pick % len(alive)]
        if listed.state == "DELAYED":
            exchange.resolve(listed.order, fate, cut, self.world.now_ns)
        else:
            exchange.match(listed.order, cut, self.world.now_ns)

    def moving(self) -> list[Trade]:
        return [t for t in self.world.exchange.trades.values() if t.status not in FINAL]

    @precondition(lambda self: self.moving())
    @rule(pick=picks, status=st.sampled_from(STAGES))
    def settle_trade(self, pick: int, status: str) -> None:
        exchange, trades = self.world.exchange, self.moving()
        trade = trades[pick % len(trades)]
        status = "CONFIRMED" if trade.status == "MINED" else status
        if status != "FAILED" or exchange.may_fail(trade):
            exchange.settle(trade, status)

    @precondition(lambda self: self.world.exchange.frames)
    @rule(pick=picks, again=st.booleans())
    def deliver_frame(self, pick: int, again: bool) -> None:
        self.world.deliver_frame(pick % len(self.world.exchange.frames), again=again)

    @precondition(lambda self: self.world.answers)
    @rule(pick=picks)
    def deliver_answer(self, pick: int) -> None:
        answers = self.world.answers
        self.world.deliver(answers.pop(pick % len(answers)))

    @precondition(lambda self: self.world.wire.questions)
    @rule(pick=picks, parts=st.lists(picks, min_size=1, max_size=4), fails=st.booleans())
    def read(self, pick: int, parts: list[int], fails: bool) -> None:
        questions = self.world.wire.questions
        chosen = questions[pick % len(questions)]
        for part in parts:
            if chosen in questions:
                self.world.read(questions.index(chosen), part, fails=fails)

    @rule(seconds=st.sampled_from(SECONDS))
    def turn(self, seconds: int) -> None:
        self.world.turn(seconds)

    @rule(what=st.sampled_from(TROUBLES), wish=wishes, pick=st.integers(0, 7))
    def disturb(self, what: str, wish: dict[str, Any], pick: int) -> None:
        world = self.world
        over = [o for o in world.exchange.orders.values() if o.is_over]
        if what == "crash":
            world.crash(kept=pick)
        elif what == "save":
            world.save()
        elif what == "lose_stream":
            world.reconnect() if world.stream_lost else world.lose_stream()
        elif what == "forget" and over:
            # The exchange shows orders that are over only for a while.
            over[pick % len(over)].forgotten = True
        elif what == "lost" and (order := self._wished(wish)) is not None:
            # Killed after the journal's write: it is kept, or lost with the power, but never sent.
            world.submit(order)
            world.crash(kept=len(world.outbox.uncommitted) if pick % 2 else 0)
        elif what == "late" and world.posts:
            # Bytes of a dead sender, on their way until long after they were given up.
            world.give_up(world.posts[pick % len(world.posts)], arrives_late=True)
            self._rest(keeps_orphans=True)
        elif what == "rest":
            self._rest()

    @rule(
        what=st.sampled_from(ENDS),
        number=st.integers(0, MARKETS - 1),
        outcome=st.sampled_from(("Up", "Down")),
    )
    def end_window(self, what: str, number: int, outcome: str) -> None:
        world = self.world
        if what in ("close", "all") and market_at(MARKETS - 1).close_ns > world.now_ns:
            world.close_window()
        closed = market_at(number).close_ns <= world.now_ns
        if what in ("outcome", "all") and closed and number not in world.outcomes:
            world.tell_outcome(number, outcome)
        if what == "redeem" and number in world.outcomes:
            slug = market_at(number).slug
            if not any(moving.order.slug == slug for moving in self.moving()):
                world.redeem(number)

    @invariant()
    def nothing_is_booked_twice(self) -> None:
        self.judge.check_nothing_twice()

    @invariant()
    def the_worst_case_is_never_understated(self) -> None:
        self.judge.check_orders()
        self.judge.check_exposure()

    def teardown(self) -> None:
        if hasattr(self, "judge"):
            self._rest()
            for trade in self.moving():
                undone = int(trade.trade_id[1:]) % 2 == 0 and self.world.exchange.may_fail(trade)
                self.world.exchange.settle(trade, "FAILED" if undone else "CONFIRMED")
            self._rest()

    def _rest(self, *, keeps_orphans: bool = False) -> None:
        self.world.come_to_rest(keeps_orphans=keeps_orphans)
        self.judge.check_rest()


Interleavings.TestCase.settings = settings(
    max_examples=EXAMPLES,
    stateful_step_count=STEPS,
    suppress_health_check=list(HealthCheck),
)
TestInterleavings = Interleavings.TestCase


class Walk:
    """A walk at random through the same rules: no shrinking, and many times as fast."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.machine = Interleavings()
        self.machine.begin(shrinks=self.dice.random() < 0.5)

    def run(self) -> None:
        for _ in range(STEPS):
            self._step()
            self.machine.nothing_is_booked_twice()
            self.machine.the_worst_case_is_never_understated()
        self.machine.teardown()

    def _step(self) -> None:
        dice, machine, world = self.dice, self.machine, self.machine.world
        pick, fate = dice.randrange(256), dice.choice(FATES)
        cut, told = dice.choice(CUTS), dice.random() < 0.6
        steps: list[tuple[object, Callable[[], None]]] = [
            (True, lambda: machine.place(self._wish(), told, fate, cut, dice.random() < 0.6)),
            (world.posts, lambda: machine.arrive(pick, fate, cut, told)),
            (world.posts, lambda: machine.give_up(pick, told)),
            (world.state.open_orders(), lambda: machine.cancel(pick, told, dice.random() < 0.6)),
            (world.cancels, lambda: machine.arrive_cancel(pick, told)),
            (self._alive(), lambda: machine.match(pick, cut, dice.choice(("match", "kill")))),
            (self._alive(), lambda: machine.match(pick, cut, "match")),
            (machine.moving(), lambda: machine.settle_trade(pick, dice.choice(STAGES))),
            (world.exchange.frames, lambda: machine.deliver_frame(pick, not told)),
            (world.answers, lambda: machine.deliver_answer(pick)),
            (world.answers, lambda: machine.deliver_answer(pick)),
            (world.wire.questions, lambda: machine.read(pick, [pick] * (1 + cut % 4), not told)),
            (True, lambda: machine.turn(dice.choice(SECONDS))),
            (
                dice.random() < 0.5,
                lambda: machine.disturb(dice.choice(TROUBLES), self._wish(), pick % 8),
            ),
            (dice.random() < 0.5, self._end_window),
        ]
        _, act = dice.choice([step for step in steps if step[0]])
        act()

    def _alive(self) -> bool:
        return any(not listed.is_over for listed in self.machine.world.exchange.orders.values())

    def _wish(self) -> dict[str, Any]:
        return {name: self.dice.choice(choices) for name, choices in WISHES.items()}

    def _end_window(self) -> None:
        what = self.dice.choice(ENDS)
        outcome = self.dice.choice(("Up", "Down"))
        self.machine.end_window(what, self.dice.randrange(MARKETS), outcome)


@pytest.mark.parametrize("block", range(10))
def test_random_walks_end_with_equal_books(block: int) -> None:
    for seed in range(block * WALKS // 10, (block + 1) * WALKS // 10):
        try:
            Walk(seed).run()
        except Exception as error:
            error.add_note(f"the walk of seed {seed}")
            raise
