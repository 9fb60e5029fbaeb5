"""The trader's work loop: take what arrived, decide once per touched market, send the orders."""

import logging
from typing import Any

import msgspec

from polybot.domain.purpose import ENTRY
from polybot.domain.trading_state import TradingState
from polybot.errors import PolybotError
from polybot.messages.lifecycle import Heartbeat, MarketTimeChanged
from polybot.messages.tracking import WindowSettled, WindowSplit
from polybot.ports import AccountSnapshot, CancelAnswer, HeartbeatBroken, PostAnswer, Vitals
from polybot.ports.crash_points import reach
from polybot.services.trader.agents import Agent
from polybot.services.trader.claims import RECONCILE
from polybot.services.trader.commands import Commands
from polybot.services.trader.market_watch import LOOKS_PER_SECOND, SECOND_NS
from polybot.services.trader.order_answers import LOST_ANSWERS
from polybot.services.trader.parts import TraderPorts, TraderSettings, assemble
from polybot.services.trader.restore import Restored, give_memories
from polybot.services.trader.tape_records import TAPE_COMMAND, TAPE_START, TAPE_TURN
from polybot.services.trader.taped_ports import on_tape

logger = logging.getLogger(__name__)

# A loop that stood still this long may have missed anything: recover before any order.
STALL_NS = 2 * SECOND_NS
SHORTEST_SLEEP_S = 0.005
LONGEST_SLEEP_S = 0.25


class TraderService:
    """One turn: bus, streams, answers, windows, reconcile, brakes, decisions, commit, send."""

    name = "trader"

    def __init__(
        self,
        settings: TraderSettings,
        ports: TraderPorts,
        agents: tuple[Agent, ...],
        restored: Restored,
    ) -> None:
        self.wake = ports.wake
        self.restored = (restored.checkpoint_seq, restored.replayed)
        self._settings = settings
        ports, self._batches = on_tape(ports)
        self._ports = ports
        self._agents = agents
        self._memories = restored.memories
        self._parts = assemble(settings, ports, agents, restored.state)
        self._commands = Commands(self._parts)
        self._ledger = self._parts.ledger
        self._heard: dict[str, int] = {}
        self._last_turn_ns = ports.clock.monotonic_ns()
        self._unfinished = False
        self._decisions = 0

    async def start(self) -> None:
        """Take over the restored state; answers that were awaited will not come any more."""
        self._batches.begin(TAPE_START)
        state = self._ledger.state
        give_memories(self._agents, self._memories)
        self._remember_entries()
        self._ports.inbox.resume_from(state.inbox, state.witnesses)
        reach("start.restored")
        reason = "starting: not reconciled yet"
        self._ledger.claims.claim(RECONCILE, TradingState.RECONCILING, reason)
        self._parts.fence.begin()
        self._parts.crash_brake.begin(self._ports.clock.monotonic_ns())
        self._parts.leave.look_now()
        for order in state.open_orders():
            trigger = LOST_ANSWERS.get(order.status)
            if trigger is not None:
                self._ledger.books.move(order, trigger, code="restart")
        assets = {series.asset for series in self._settings.series}
        await self._parts.feeds.start(sorted(f"{asset}usd" for asset in assets))
        self._batches.end()
        # A life killed in its first moments leaves a tape with a beginning.
        self._ports.tape.flush()

    def turn(self) -> None:
        """Do one pass of work."""
        parts = self._parts
        parts.fence.end_if_raised()
        self._batches.begin(TAPE_TURN)
        now = self._ports.clock.monotonic_ns()
        self._recover(now)
        self._unfinished = True
        self._take_bus(now)
        parts.feeds.take()
        self._take_answers(now)
        if self._ports.market_clock.ready():
            self._work(now, self._ports.market_clock.now_ns())
        self._note_heard()
        self._ports.outbox.commit()
        self._send()
        parts.upkeep.turn(now)
        # Behind all that may fail: on the tape a turn without an end is one that failed.
        self._batches.end()
        self._unfinished = False

    def next_wake_s(self) -> float:
        """Return the time to the next look in wall seconds."""
        speed = self._ports.market_clock.speed()
        if speed <= 0:
            return LONGEST_SLEEP_S
        return min(max(1 / (LOOKS_PER_SECOND * speed), SHORTEST_SLEEP_S), LONGEST_SLEEP_S)

    def status(self) -> str:
        """Say what is traded, what is open, and how old the book is."""
        if not self._ports.market_clock.ready():
            return "waiting for market time (is the simulator running?)"
        if not self._ports.access.ready():
            return "logging in at the exchange"
        live = self._parts.watch.open_markets(self._ports.market_clock.now_ns())
        names = ", ".join(market.slug for market in live) or "none"
        age = self._ports.market.age_s()
        book = "no book yet" if age is None else f"book {age:.1f} s old"
        orders = len(self._ledger.state.open_orders())
        state = self._ledger.claims.describe()
        windows = _count(len(live), "window")
        line = f"{state}; {_count(orders, 'order')} open, {book}; {windows}: {names}"
        kept_out = self._parts.watch.describe_refusals()
        feeds = self._parts.feeds.describe()
        external = self._parts.reconciler.holdings.describe()
        return "; ".join(part for part in (line, external, feeds, kept_out) if part)

    def vitals(self) -> Vitals:
        """Return what the heartbeat carries."""
        feeds = self._parts.feeds
        age = self._ports.market.age_s()
        market_ns = self._ports.market_clock.now_ns()
        return Vitals(
            progress=feeds.data.events + self._decisions,
            trading_state=self._ledger.claims.state.value,
            ages_s={
                "market": -1.0 if age is None else age,
                "reference": feeds.reference.age_s(market_ns),
            },
            market_ns=market_ns,
        )

    def handle(self, request_type: str, body: Any) -> msgspec.Struct:
        """Carry out a command of the operator or the watchdog."""
        self._batches.begin(TAPE_COMMAND, request_type, msgspec.json.encode(body))
        try:
            answer = self._carry_out(request_type, body)
        except PolybotError:
            # A refusal is an outcome too; anything else leaves the batch without an end.
            self._batches.end()
            raise
        self._batches.end()
        return answer

    def _carry_out(self, request_type: str, body: Any) -> msgspec.Struct:
        answer = self._commands.carry_out(request_type, body)
        self._ports.outbox.commit()
        self.wake.set()
        return answer

    async def stop(self) -> None:
        """Write a last checkpoint and close the streams; resting orders stay where they are."""
        self._ports.clock.begin_turn()
        self._ports.outbox.commit()
        self._parts.upkeep.checkpoint()
        await self._parts.feeds.stop()
        self._ports.tape.close()

    def _remember_entries(self) -> None:
        """Let agents know of entries that an earlier life sent in windows not summed up yet."""
        state = self._ledger.state
        agents = {agent.name: agent for agent in self._agents}
        for order in state.orders.values():
            summarized = (order.agent, order.slug) in state.summarized
            if order.purpose == ENTRY and order.agent in agents and not summarized:
                agents[order.agent].entered(order.slug)

    def _recover(self, now: int) -> None:
        """Reconcile when the loop stood still or its last turn failed; nothing old is sent then."""
        stood_still = now - self._last_turn_ns
        self._last_turn_ns = now
        if self._unfinished:
            self._parts.desk.withdraw("its turn failed before it was sent")
        if not self._parts.reconciler.done_once:
            return
        if stood_still > STALL_NS:
            logger.warning("the loop stood still for %.1f s: reconciling", stood_still / 1e9)
            self._parts.reconciler.require("stalled loop")
        elif self._unfinished:
            self._parts.reconciler.require("failed turn")

    def _take_bus(self, now: int) -> None:
        for envelope, body in self._parts.inputs.bus():
            if isinstance(body, MarketTimeChanged):
                self._ports.market_clock.accept(body)
            elif isinstance(body, Heartbeat):
                self._parts.dead_man.heard(body.process, now)
            elif isinstance(body, WindowSettled):
                self._parts.settler.hear(envelope, body)
            elif isinstance(body, WindowSplit):
                self._parts.settler.hear_split(body)
            if envelope.durable:
                self._heard[envelope.source] = envelope.seq
                self._ledger.state.witnesses = self._ports.inbox.witnesses()

    def _note_heard(self) -> None:
        """Note how far a restart need not hear again: an outcome still waiting, it must."""
        for source, seq in self._heard.items():
            self._ledger.state.inbox[source] = self._parts.settler.used_up_to(source, seq)

    def _take_answers(self, now: int) -> None:
        answers = self._ledger.answers
        for answer in self._parts.inputs.answers():
            if isinstance(answer, PostAnswer):
                answers.posted(answer)
                self._parts.refusals.heard(answer, now)
            elif isinstance(answer, CancelAnswer):
                answers.canceled(answer)
                self._parts.refusals.heard(answer, now)
            elif isinstance(answer, HeartbeatBroken):
                self._parts.ledger.strangers.beaten(answer)
            elif isinstance(answer, AccountSnapshot):
                self._parts.refusals.snapshot(answer)
                self._parts.reconciler.accept(answer, now)
            else:
                self._parts.reconciler.look_ups.take(answer, now)
        self._parts.refusals.turn(now)

    def _work(self, now: int, market_ns: int) -> None:
        parts = self._parts
        parts.watch.follow(market_ns, now)
        parts.checks.turn(market_ns, now)
        # The first snapshot waits for the user stream, so that nothing falls between the two.
        listening = parts.feeds.user_connected or parts.reconciler.done_once
        if listening and self._ports.access.ready():
            parts.reconciler.turn(now)
        parts.settler.turn(market_ns)
        for slug in parts.watch.finish(market_ns):
            parts.desk.forget(slug)
        parts.dead_man.turn(now)
        parts.fence.turn(now)
        parts.crash_brake.turn(now)
        parts.ledger.strangers.turn()
        parts.leave.turn(now, {market.version for market in parts.watch.open_markets(market_ns)})
        self._decide(market_ns)

    def _decide(self, market_ns: int) -> None:
        reconciling = self._ledger.claims.is_claimed_by(RECONCILE)
        if reconciling or not self._ports.access.ready():
            return
        flattener = self._parts.flattener
        flattener.turn(market_ns)
        for market in self._parts.watch.due(market_ns):
            for agent in self._agents:
                if agent.follows(market) and not flattener.covers(agent.name):
                    self._parts.desk.decide(agent, market)

    def _send(self) -> None:
        """Send what this turn decided, unless making it durable took so long that it is old."""
        took_ns = self._batches.overrun_ns(STALL_NS)
        if took_ns:
            self._parts.desk.withdraw(f"its turn took {took_ns / 1e9:.1f} s")
            self._ports.outbox.commit()
        if self._ports.access.ready():
            self._decisions += self._parts.desk.send()
            self._parts.fence.end_if_raised()


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
