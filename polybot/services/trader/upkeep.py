"""What the trader does by the wall clock: heartbeat, warm connections, checkpoints, forgetting."""

from dataclasses import dataclass

import msgspec

from polybot.ports import CheckpointStore, ExchangeAccess, MarketClock, Outbox
from polybot.services.trader.agents import Agent
from polybot.services.trader.state import SCHEMA, TraderState
from polybot.services.trader.windows import WindowSchedule

SECOND_NS = 1_000_000_000
BEAT_NS = 5 * SECOND_NS
WARM_NS = 20 * SECOND_NS
FORGET_NS = 60 * SECOND_NS


@dataclass(slots=True, kw_only=True)
class Upkeep:
    """Keeps each of its duties at its own interval; called after the turn's events are durable."""

    state: TraderState
    schedule: WindowSchedule
    agents: tuple[Agent, ...]
    access: ExchangeAccess
    outbox: Outbox
    checkpoints: CheckpointStore
    market_clock: MarketClock
    checkpoint_ns: int
    exchange_heartbeat: bool
    _next_checkpoint_ns: int | None = None
    _next_beat_ns: int = 0
    _next_warm_ns: int = 0
    _next_forget_ns: int = 0

    def turn(self, mono_ns: int) -> None:
        """Do what is due."""
        if self.access.ready():
            self._mind_the_exchange(mono_ns)
        if self._next_checkpoint_ns is None:
            self._next_checkpoint_ns = mono_ns + self.checkpoint_ns
        if mono_ns >= self._next_checkpoint_ns:
            self._next_checkpoint_ns = mono_ns + self.checkpoint_ns
            self.checkpoint()
        if mono_ns >= self._next_forget_ns:
            self._next_forget_ns = mono_ns + FORGET_NS
            market_ns = self.market_clock.now_ns()
            self.state.forget_before(market_ns)
            self.schedule.forget_before(market_ns)

    def checkpoint(self) -> None:
        """Save the state as of the newest event, which must be durable."""
        memories = {
            f"{agent.name}/{slug}": memory
            for agent in self.agents
            for slug, memory in agent.memories().items()
        }
        state = msgspec.json.encode(self.state.to_snapshot(memories))
        self.checkpoints.save_in_background(self.outbox.last_seq(), state, SCHEMA)

    def _mind_the_exchange(self, mono_ns: int) -> None:
        if mono_ns >= self._next_beat_ns and self.exchange_heartbeat:
            self._next_beat_ns = mono_ns + BEAT_NS
            self.access.gateway.beat()
        if mono_ns >= self._next_warm_ns:
            self._next_warm_ns = mono_ns + WARM_NS
            self.access.gateway.keep_warm()
