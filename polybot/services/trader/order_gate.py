"""The last gate before an order is signed: the exchange's pauses, its rate limits, the preflight.

Nothing here waits: an order that may not go now is denied for a reason, before it is journaled.
"""

import msgspec

from polybot.domain.purpose import ENTRY
from polybot.domain.token_bucket import TokenBucket
from polybot.services.trader.preflight import WindowChecks
from polybot.strategies.base import Intent

SECOND_NS = 1_000_000_000
# Exits try again this soon whatever patience was asked for: a phase may end early.
PROBE_NS = 2 * SECOND_NS
# The part of the burst that entries leave to exits.
EXIT_SHARE = 4
# How long the exchange's warning makes us go at half the speed.
SLOW_NS = 10 * SECOND_NS
# Slower than the exchange fills a bucket, ours holds at most what it gives in this time.
BURST_S = 1.5


class Pause(msgspec.Struct):
    """Until when (monotonic) something waits; exits only until the next probe."""

    reason: str
    until_ns: int
    probe_ns: int
    takers_only: bool = False

    def holds(self, *, enters: bool, takes: bool, now_ns: int) -> bool:
        """Return whether an order has to wait."""
        if self.takers_only and not takes:
            return False
        return now_ns < (self.until_ns if enters else min(self.until_ns, self.probe_ns))


class OrderGate(msgspec.Struct):
    """Knows why an order must wait now, and how many may still be sent this second."""

    orders: TokenBucket
    cancels: TokenBucket
    checks: WindowChecks
    everything: Pause | None = None
    markets: dict[str, Pause] = msgspec.field(default_factory=dict)

    def why_wait(self, slug: str, intent: Intent, now_ns: int) -> str:
        """Return why an order must not be sent now, "" when it may be."""
        enters = intent.purpose == ENTRY
        for pause in (self.everything, self.markets.get(slug)):
            if pause is not None and pause.holds(
                enters=enters, takes=not intent.post_only, now_ns=now_ns
            ):
                return pause.reason
        return self.checks.objection(slug) if enters else ""

    def spare_orders(self, intent: Intent, now_ns: int) -> int:
        """Return how many more orders may be sent now; entries leave a reserve to exits."""
        reserve = self.orders.burst // EXIT_SHARE if intent.purpose == ENTRY else 0
        return self.orders.available(now_ns) - reserve

    def pause_everything(self, pause: Pause) -> None:
        """Let every order wait."""
        self.everything = pause

    def pause_market(self, slug: str, pause: Pause) -> None:
        """Let the orders of one market wait."""
        self.markets[slug] = pause

    def release(self, slug: str) -> None:
        """Let a market's orders go again."""
        self.markets.pop(slug, None)

    def heard(self, *, remaining: int | None, warned: bool, now_ns: int) -> bool:
        """Take over what the exchange says of its own limit; returns whether that slows us anew."""
        if remaining is not None:
            self.orders.at_most(remaining, now_ns)
        if not warned:
            return False
        news = not self.orders.is_slow(now_ns)
        for bucket in (self.orders, self.cancels):
            bucket.slow_down(now_ns + SLOW_NS)
        return news


def bucket_of(per_second: float) -> TokenBucket:
    """Return the bucket of a configured rate."""
    return TokenBucket(per_second=per_second, burst=int(per_second * BURST_S))
