"""The exchange's limits of reading routes, and the count that keeps us below them.

Per address and 10 seconds (the exchange's documentation: rate limits). Only what polybot asks for
in numbers is listed; orders and cancels have their own limits per signer (`TokenBucket`).
"""

import threading
from collections.abc import Callable, Mapping
from typing import Final

from polybot.domain.token_bucket import TokenBucket

WINDOW_S: Final = 10
# Half of a limit may go at once, and half within its window: never more than the whole.
HALVES: Final = 2

CLOB_ROUTES: Final[Mapping[str, int]] = {
    "/book": 1500,
    "/books": 500,
    "/price": 1500,
    "/midpoint": 1500,
    "/balance-allowance/update": 50,
    "/balance-allowance": 200,
    "/data/orders": 500,
    "/data/trades": 500,
    "/tick-size": 200,
    "/auth/": 100,
    "": 9000,
}
GAMMA_ROUTES: Final[Mapping[str, int]] = {"/events": 500, "/markets": 300, "": 4000}
DATA_ROUTES: Final[Mapping[str, int]] = {
    "/v2/trades": 300,
    "/v2/activity": 200,
    "/v2/positions": 200,
    "": 800,
}


class RouteLimiter:
    """One bucket for each route that has a limit; requests are counted where they are made."""

    def __init__(self, routes: Mapping[str, int], monotonic_ns: Callable[[], int]) -> None:
        self._monotonic_ns = monotonic_ns
        self._lock = threading.Lock()
        longest_first = sorted(routes, key=len, reverse=True)
        self._buckets = {
            prefix: TokenBucket(
                per_second=routes[prefix] / HALVES / WINDOW_S, burst=routes[prefix] // HALVES
            )
            for prefix in longest_first
        }

    def take(self, path: str) -> float:
        """Count one request; return 0 when it may be sent, else the seconds it should wait."""
        with self._lock:
            now_ns = self._monotonic_ns()
            for prefix, bucket in self._buckets.items():
                if path.startswith(prefix):
                    if bucket.available(now_ns) >= 1:
                        bucket.take(1, now_ns)
                        return 0.0
                    return bucket.wait_s(now_ns)
        return 0.0
