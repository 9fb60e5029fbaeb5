"""An agent: one strategy with its own parameters, capital and memory, over many windows."""

from collections import Counter
from typing import Any

import msgspec

from polybot.domain.market import Market
from polybot.messages.trading import WindowSummarized
from polybot.strategies.base import Decision, Strategy

SECOND_NS = 1_000_000_000


class _Watch(msgspec.Struct):
    """What an agent keeps of one window."""

    memory: Any = None
    said: tuple[str, ...] = ()
    looks: int = 0
    holds: Counter[str] = msgspec.field(default_factory=Counter)
    second: int = -1
    entered: bool = False


class Agent(msgspec.Struct):
    """Remembers per window what the strategy remembers, and what was last said about it."""

    name: str
    strategy: Strategy
    capital_usdc: int
    series: frozenset[str]
    _watches: dict[str, _Watch] = msgspec.field(default_factory=dict)

    def follows(self, market: Market) -> bool:
        """Return whether this agent trades a market's series."""
        return not self.series or market.slug.rsplit("-", 1)[0] in self.series

    def memory(self, slug: str) -> Any:
        """Return the strategy's memory of a window, None at first."""
        return self._watch(slug).memory

    def is_new_second(self, slug: str, market_ns: int) -> bool:
        """Return True once per market second and window."""
        watch = self._watch(slug)
        second = market_ns // SECOND_NS
        if second == watch.second:
            return False
        watch.second = second
        return True

    def note(self, slug: str, decision: Decision) -> None:
        """Keep the strategy's memory and count the look."""
        watch = self._watch(slug)
        watch.memory = decision.memory
        watch.looks += 1
        if decision.action == "hold":
            watch.holds[decision.reason] += 1

    def is_news(self, slug: str, saying: tuple[str, ...]) -> bool:
        """Return whether this is another thing than was last said of a window, and remember it."""
        watch = self._watch(slug)
        if saying == watch.said:
            return False
        watch.said = saying
        return True

    def entered(self, slug: str) -> None:
        """Note that an entry order was sent in a window."""
        self._watch(slug).entered = True

    def summary(self, slug: str) -> WindowSummarized:
        """Return what this agent did in a window that is over, and forget the window."""
        watch = self._watches.pop(slug, _Watch())
        return WindowSummarized(
            agent=self.name,
            strategy=self.strategy.name,
            slug=slug,
            looks=watch.looks,
            holds=dict(watch.holds),
            entered=watch.entered,
        )

    def memories(self) -> dict[str, msgspec.Raw]:
        """Return the strategy's memories by window, encoded for a checkpoint."""
        return {
            slug: msgspec.Raw(msgspec.json.encode(watch.memory))
            for slug, watch in self._watches.items()
            if watch.memory is not None
        }

    def restore(self, slug: str, memory: msgspec.Raw) -> None:
        """Take a memory back from a checkpoint; msgspec.MsgspecError when it does not fit."""
        self._watch(slug).memory = msgspec.json.decode(memory, type=self.strategy.memory_type)

    def _watch(self, slug: str) -> _Watch:
        watch = self._watches.get(slug)
        if watch is None:
            watch = self._watches[slug] = _Watch()
        return watch
