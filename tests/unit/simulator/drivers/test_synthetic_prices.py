"""The synthetic price is the same for the same seed, has no seam, and moves like the real one."""

import statistics
from itertools import pairwise

from polybot.simulator.drivers.synthetic_prices import STRETCH_S, TWAP_S, PricePath

START_S = 1_800_000_000


def test_the_same_seed_gives_the_same_prices_in_whatever_order_they_are_asked_for() -> None:
    one, two = PricePath(7, "btc", START_S), PricePath(7, "btc", START_S)
    seconds = [one.start_s + offset for offset in (5 * STRETCH_S, 10, 3 * STRETCH_S + 1)]
    backwards = {second: two.spot_e8(second) for second in reversed(seconds)}
    assert {second: one.spot_e8(second) for second in seconds} == backwards
    assert PricePath(8, "btc", START_S).spot_e8(seconds[0]) != backwards[seconds[0]]
    assert PricePath(7, "eth", START_S).spot_e8(seconds[0]) < backwards[seconds[0]]


def test_the_average_is_that_of_the_sixty_seconds_before() -> None:
    path = PricePath(7, "btc", START_S)
    second = path.start_s + 1000
    ticks = [path.spot_e8(second - back) for back in range(1, TWAP_S + 1)]
    assert path.twap_e8(second) == sum(ticks) // TWAP_S


def test_a_second_moves_a_few_dollars_and_stretches_join() -> None:
    path = PricePath(7, "btc", START_S)
    prices = [path.spot_e8(path.start_s + offset) for offset in range(8 * STRETCH_S)]
    steps = [abs(b - a) / 1e8 for a, b in pairwise(prices)]
    assert 1 < statistics.mean(steps) < 4
    assert max(steps) < 100
    seams = [steps[n * STRETCH_S - 1] for n in range(1, 8)]
    assert max(seams) < 30


def test_five_minutes_move_the_average_by_what_was_recorded() -> None:
    distances = []
    for seed in range(60):
        path = PricePath(seed, "btc", START_S)
        start = path.start_s + 300
        distances += [
            abs(path.twap_e8(start + 300 * (n + 1)) - path.twap_e8(start + 300 * n)) / 1e8
            for n in range(4)
        ]
    assert 20 < statistics.median(distances) < 38
