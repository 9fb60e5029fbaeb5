"""Requests of a route stay below its limit in any ten seconds; the longest prefix decides."""

import pytest

from polybot.exchange.route_limits import CLOB_ROUTES, GAMMA_ROUTES, RouteLimiter
from tests.fakes import FakeClock


def sent_in(limiter: RouteLimiter, clock: FakeClock, path: str, seconds: int) -> int:
    """Try a hundred times a second; return how many were let through."""
    sent = 0
    for _ in range(seconds * 100):
        sent += limiter.take(path) == 0.0
        clock.advance(0.01)
    return sent


@pytest.mark.parametrize(
    ("routes", "path", "limit"),
    [
        (CLOB_ROUTES, "/balance-allowance", 200),
        (CLOB_ROUTES, "/balance-allowance/update", 50),
        (CLOB_ROUTES, "/data/orders", 500),
        (CLOB_ROUTES, "/auth/ban-status/closed-only", 100),
        (GAMMA_ROUTES, "/events/slug/btc-updown-5m-1", 500),
    ],
)
def test_a_route_stays_below_its_limit(routes: dict[str, int], path: str, limit: int) -> None:
    clock = FakeClock()
    limiter = RouteLimiter(routes, clock.monotonic_ns)
    first = sent_in(limiter, clock, path, 10)
    assert limit * 0.9 <= first <= limit
    assert sent_in(limiter, clock, path, 10) <= limit


def test_routes_do_not_share_what_they_have() -> None:
    clock = FakeClock()
    limiter = RouteLimiter(CLOB_ROUTES, clock.monotonic_ns)
    while limiter.take("/balance-allowance/update") == 0.0:
        pass
    assert limiter.take("/balance-allowance") == 0.0
    assert 0 < limiter.take("/balance-allowance/update") <= 1.0


def test_a_route_without_a_limit_is_never_held_back() -> None:
    limiter = RouteLimiter({}, FakeClock().monotonic_ns)
    assert {limiter.take("/ok") for _ in range(10_000)} == {0.0}
