"""The fair value knows what the average already holds."""

from polybot.simulator.drivers.synthetic_fair import chance_of_up, quoted_chance
from polybot.simulator.drivers.synthetic_prices import PricePath

OPEN_S = 1_800_000_000
CLOSE_S = OPEN_S + 300


def path(seed: int) -> PricePath:
    return PricePath(seed, "btc", OPEN_S - 200)


def test_it_ends_at_the_outcome_by_the_rule() -> None:
    for seed in range(10):
        prices = path(seed)
        is_up = prices.twap_e8(CLOSE_S) >= prices.twap_e8(OPEN_S)
        assert chance_of_up(prices, OPEN_S, CLOSE_S, CLOSE_S - 1) == float(is_up)
        assert chance_of_up(prices, OPEN_S, CLOSE_S, CLOSE_S + 5) == float(is_up)


def test_long_before_it_opens_nothing_is_known() -> None:
    assert chance_of_up(path(3), OPEN_S, CLOSE_S, OPEN_S - 61) == 0.5


def test_it_is_calibrated() -> None:
    """Where it says about 80 %, about 80 % go up."""
    said: list[float] = []
    went: list[float] = []
    for seed in range(400):
        prices = path(seed)
        chance = chance_of_up(prices, OPEN_S, CLOSE_S, OPEN_S + 180)
        if 0.6 < max(chance, 1 - chance) < 0.95:
            is_up = prices.twap_e8(CLOSE_S) >= prices.twap_e8(OPEN_S)
            said.append(max(chance, 1 - chance))
            went.append(float(is_up == (chance > 0.5)))
    assert len(said) > 80
    assert abs(sum(said) - sum(went)) / len(said) < 0.08


def test_makers_are_less_sure_than_the_price_and_never_certain_early() -> None:
    prices = path(1)
    for now in range(OPEN_S, CLOSE_S - 20, 10):
        fair = chance_of_up(prices, OPEN_S, CLOSE_S, now)
        quoted = quoted_chance(prices, OPEN_S, CLOSE_S, now)
        assert abs(quoted - 0.5) <= abs(fair - 0.5)
        assert 0.01 < quoted < 0.99
