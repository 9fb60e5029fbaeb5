"""The markets the trader watches: found, subscribed, looked at, and summed up at the end."""

import logging

import msgspec

from polybot.domain.market import Market
from polybot.errors import MarketRefused
from polybot.messages.trading import WindowDiscovered, WindowRefused
from polybot.ports import MarketCatalog, Stream
from polybot.services.trader.agents import Agent
from polybot.services.trader.bookkeeping import Bookkeeper
from polybot.services.trader.market_data import MarketData
from polybot.services.trader.preflight import WindowChecks
from polybot.services.trader.windows import LINGER_NS, WindowSchedule

logger = logging.getLogger(__name__)

SECOND_NS = 1_000_000_000
# Looks per market second when no book changes: timers (time decay, T-0 exits) need them.
LOOKS_PER_SECOND = 2
PROBLEM_LOG_NS = 60 * SECOND_NS


class MarketWatch(msgspec.Struct):
    """Keeps subscriptions and known markets in step with market time."""

    schedule: WindowSchedule
    catalog: MarketCatalog
    stream: Stream
    data: MarketData
    books: Bookkeeper
    agents: tuple[Agent, ...]
    checks: WindowChecks
    _recorded: dict[str, str] = msgspec.field(default_factory=dict)
    _looked: dict[str, int] = msgspec.field(default_factory=dict)
    _problem_said_ns: int | None = None

    def follow(self, market_ns: int, mono_ns: int) -> None:
        """Look for windows that open, take over what changed, and subscribe to what is live."""
        self.schedule.ask(market_ns, mono_ns)
        for answer in self.catalog.take():
            if answer.error is not None and not isinstance(answer.error, MarketRefused):
                self._say_problem(f"looking up {answer.slug}: {answer.error}", mono_ns)
            market = self.schedule.accept(answer)
            if market is not None:
                self._learn(market)
        self._record_refusals()
        self._take_over_ticks()
        self._take_over_listings()
        self.stream.subscribe(self.data.watch(self.schedule.live(market_ns)))

    def open_markets(self, market_ns: int) -> list[Market]:
        """Return the known markets whose window is open."""
        known = self.schedule.known.values()
        return [market for market in known if market.open_ns <= market_ns < market.close_ns]

    def due(self, market_ns: int) -> list[Market]:
        """Return the open markets to look at now: their book changed, or a timer may be over."""
        moment = market_ns * LOOKS_PER_SECOND // SECOND_NS
        touched, self.data.touched = self.data.touched, set()
        due = [
            market
            for market in self.open_markets(market_ns)
            if market.slug in touched or self._looked.get(market.slug) != moment
        ]
        for market in due:
            self._looked[market.slug] = moment
        return [self.books.state.markets[market.slug] for market in due]

    def finish(self, market_ns: int) -> list[str]:
        """Sum up what each agent did in windows that are over; returns the slugs of those."""
        finished = []
        state = self.books.state
        for slug, market in state.markets.items():
            if market.close_ns + LINGER_NS > market_ns:
                continue
            for agent in self.agents:
                if agent.follows(market) and (agent.name, slug) not in state.summarized:
                    self.books.record(agent.summary(slug))
                    finished.append(slug)
            self._looked.pop(slug, None)
        return finished

    def describe_refusals(self) -> str:
        """Say which windows are not traded or not entered, and why; "" when all may be."""
        refused = [f"not trading {error}" for error in self.schedule.refused.values()]
        objected = self.checks.describe(list(self.schedule.known))
        return "; ".join([*refused, objected] if objected else refused)

    def _take_over_ticks(self) -> None:
        changed, self.data.ticks = self.data.ticks, {}
        for slug, tick_bps in changed.items():
            market = self.schedule.known.get(slug)
            if market is not None and market.tick_bps != tick_bps:
                self.schedule.replace(msgspec.structs.replace(market, tick_bps=tick_bps))
                self._learn(self.schedule.known[slug])

    def _take_over_listings(self) -> None:
        """Take over what the order book's service says of ticks and sizes; a tick only shrinks."""
        listed, self.checks.listed = self.checks.listed, {}
        for slug, told in listed.items():
            market = self.schedule.known.get(slug)
            if market is None:
                continue
            changed = msgspec.structs.replace(
                market,
                tick_bps=min(told.tick_bps, market.tick_bps),
                min_size_shares=told.min_size_shares,
            )
            if changed != market:
                self.schedule.replace(changed)
                self._learn(changed)

    def _record_refusals(self) -> None:
        refused = self.schedule.refused
        for slug in [slug for slug in self._recorded if slug not in refused]:
            del self._recorded[slug]
        for slug, refusal in refused.items():
            if self._recorded.get(slug) != refusal.code:
                self._recorded[slug] = refusal.code
                event = WindowRefused(slug=slug, code=refusal.code, reason=str(refusal))
                self.books.record(event)

    def _learn(self, market: Market) -> None:
        if self.books.state.markets.get(market.slug) != market:
            self.books.record(WindowDiscovered(market=market))

    def _say_problem(self, problem: str, mono_ns: int) -> None:
        said = self._problem_said_ns
        if said is None or mono_ns - said >= PROBLEM_LOG_NS:
            self._problem_said_ns = mono_ns
            logger.warning("%s (asking on)", problem)
