"""What goes wrong is drawn from seed and name alone, so that a restart draws the same."""

import msgspec

from polybot.domain.fill import FillStatus
from polybot.simulator.rules import PPM, ExchangeRules, draw_ppm, resolution_delay_ns

S = 1_000_000_000


def test_item_11_which_trades_fail_follows_from_seed_and_trade_alone() -> None:
    rules = ExchangeRules(seed=3, failed_share=100_000, retrying_share=200_000)
    names = [f"trade-{number}" for number in range(4000)]

    def fate(name: str, by: ExchangeRules) -> str:
        first, _ = by.next_step(name, FillStatus.MATCHED) or (FillStatus.MATCHED, 0)
        second, _ = by.next_step(name, first) or (first, 0)
        return f"{first.value} {second.value}"

    fates = [fate(name, rules) for name in names]
    assert fates[::-1] == [fate(name, rules) for name in reversed(names)]
    assert 300 < fates.count("RETRYING FAILED") < 500
    assert 650 < fates.count("RETRYING MINED") < 950
    other = msgspec.structs.replace(rules, seed=4)
    assert fates != [fate(name, other) for name in names]


def test_item_11_a_trade_is_mined_after_1_to_5_seconds_the_same_each_time() -> None:
    rules, other = ExchangeRules(seed=3), ExchangeRules(seed=4)
    names = [f"trade-{number}" for number in range(2000)]
    waits = [rules.mined_after_ns(name) for name in names]
    assert S <= min(waits) < 1.1 * S
    assert 4.9 * S < max(waits) < 5 * S
    assert 2.9 * S < sum(waits) / len(waits) < 3.1 * S
    assert waits == [rules.mined_after_ns(name) for name in names]
    assert waits != [other.mined_after_ns(name) for name in names]
    assert rules.next_step("a", FillStatus.MINED) == (FillStatus.CONFIRMED, 4 * S)


def test_nothing_goes_wrong_unless_asked_for_and_everything_when_all_is() -> None:
    smooth, broken = ExchangeRules(), ExchangeRules(failed_share=PPM, missing_resolution_ppm=PPM)
    for number in range(200):
        mined_ns = smooth.mined_after_ns(str(number))
        assert smooth.next_step(str(number), FillStatus.MATCHED) == (FillStatus.MINED, mined_ns)
        assert broken.next_step(str(number), FillStatus.MATCHED) == (FillStatus.RETRYING, mined_ns)
        assert broken.next_step(str(number), FillStatus.RETRYING) == (FillStatus.FAILED, 5 * S)
        assert (smooth.announces(str(number)), broken.announces(str(number))) == (True, False)
    for final in (FillStatus.CONFIRMED, FillStatus.FAILED):
        assert smooth.next_step("1", final) is None


def test_draws_are_spread_evenly_and_a_delay_of_nothing_stays_nothing() -> None:
    draws = [draw_ppm(1, str(number)) for number in range(2000)]
    assert all(0 <= draw < PPM for draw in draws)
    assert 0.47 * PPM < sum(draws) / len(draws) < 0.53 * PPM
    assert resolution_delay_ns(1, "a", 0) == 0
