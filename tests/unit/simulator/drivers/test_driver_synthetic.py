"""The synthetic market runs on for ever, and comes back the same after a restart."""

import itertools

import msgspec
import pytest

from polybot.domain.market import FeeSchedule, SettlementRule
from polybot.domain.settlement import PriceSource, outcome_of
from polybot.errors import InvalidValue
from polybot.exchange.token_ids import is_protocol_id
from polybot.simulator.drivers.driver_synthetic import (
    SyntheticDriver,
    SyntheticTerms,
    first_start_ns,
)
from polybot.simulator.happenings import (
    CloseWindow,
    ListWindow,
    ResolveWindow,
    TellPrice,
    TellStrike,
)
from polybot.simulator.rules import resolution_delay_ns

S = 1_000_000_000
WALL = 1_795_250_123 * S


def terms(*series: str) -> SyntheticTerms:
    return SyntheticTerms(
        seed=7,
        series=series or ("btc-updown-5m", "btc-updown-15m"),
        fee=FeeSchedule(rate_bps=700),
        resolve_after_ns=30 * S,
    )


def test_it_begins_so_that_a_window_opens_at_once() -> None:
    start = first_start_ns(WALL)
    assert 0 <= WALL - start < 920 * S
    assert (start + 20 * S) % (900 * S) == 0
    driver = SyntheticDriver(terms(), start)
    listed = [h for h in driver.take_until(start) if isinstance(h, ListWindow)]
    opens = sorted({h.market.open_ns for h in listed})
    assert opens[0] == start + 20 * S


def test_windows_follow_each_other_without_a_gap_and_the_strike_is_the_close_before() -> None:
    start = first_start_ns(WALL)
    driver = SyntheticDriver(terms("btc-updown-5m"), start)
    told = driver.take_until(start + 1500 * S)
    markets = [h.market for h in told if isinstance(h, ListWindow)]
    for before, after in itertools.pairwise(markets):
        assert before.close_ns == after.open_ns
    assert all(market.rule is SettlementRule.TWAP for market in markets)
    resolved = [h for h in told if isinstance(h, ResolveWindow)]
    for one, two in itertools.pairwise(resolved):
        assert one.close_e8 == two.strike_e8
    for window in resolved:
        assert window.strike_e8 is not None
        assert window.close_e8 is not None
        assert (window.outcome.value == "Up") == (window.close_e8 >= window.strike_e8)
    closes = {h.slug: h.ts_ns for h in told if isinstance(h, CloseWindow)}
    delays = [h.ts_ns - closes[h.slug] for h in resolved]
    assert all(20 * S <= delay <= 90 * S for delay in delays)
    assert len(set(delays)) > 1


def test_item_12_an_outcome_is_known_20_to_90_seconds_after_the_close_the_same_each_time() -> None:
    delays = [resolution_delay_ns(7, f"window-{number}", 30 * S) for number in range(300)]
    assert delays == [resolution_delay_ns(7, f"window-{number}", 30 * S) for number in range(300)]
    assert delays != [resolution_delay_ns(8, f"window-{number}", 30 * S) for number in range(300)]
    assert min(delays) >= 20 * S
    assert max(delays) <= 90 * S
    assert max(delays) - min(delays) > 60 * S


@pytest.mark.parametrize(
    ("protocol", "versions"), [("v1", ["v1"] * 4), ("v2", ["v2"] * 4), ("mixed", ["v1", "v2"] * 2)]
)
def test_item_03_windows_are_of_the_protocol_that_is_asked_for(
    protocol: str, versions: list[str]
) -> None:
    made = msgspec.structs.replace(terms("btc-updown-5m"), protocol=protocol)
    start = first_start_ns(WALL)
    told = SyntheticDriver(made, start).take_until(start + 1500 * S)
    markets = [h.market for h in told if isinstance(h, ListWindow)]
    found = [market.version for market in markets]
    assert found[:4] in (versions, versions[::-1])
    for market in markets:
        tokens = [int(market.token_up), int(market.token_down)]
        is_protocol = market.version == "v2"
        assert [is_protocol_id(token) for token in tokens] == [is_protocol] * 2
        if is_protocol:
            assert tokens[1] - tokens[0] == 1
            assert tokens[0] == int(market.condition_id, 16)


def test_the_price_feed_tells_the_ticks_that_settle_before_the_outcome_is_known() -> None:
    start = first_start_ns(WALL)
    driver = SyntheticDriver(terms("btc-updown-5m"), start)
    told = driver.take_until(start + 400 * S)
    (resolved,) = (h for h in told if isinstance(h, ResolveWindow))
    ticks = {
        h.price_ns: h
        for h in told
        if isinstance(h, TellPrice) and h.source is PriceSource.CHAINLINK_TWAP
    }
    open_ns = start + 20 * S
    assert ticks[open_ns].price_e8 == resolved.strike_e8
    assert ticks[open_ns + 300 * S].price_e8 == resolved.close_e8
    assert ticks[open_ns + 300 * S].ts_ns < resolved.ts_ns
    (strike,) = (h for h in told if isinstance(h, TellStrike) and h.slug == resolved.slug)
    assert strike.strike_e8 == resolved.strike_e8


def test_after_a_seek_the_same_things_happen() -> None:
    start = first_start_ns(WALL)
    one, two = (SyntheticDriver(terms(), start) for _ in range(2))
    one.take_until(start + 1000 * S)
    expected = one.take_until(start + 1100 * S)
    two.seek(start + 1000 * S, lambda _: False)
    two.take_until(start + 1000 * S)
    assert two.take_until(start + 1100 * S) == expected


def test_a_series_that_does_not_exist_is_refused() -> None:
    with pytest.raises(InvalidValue, match="expected a series"):
        SyntheticDriver(terms("btc-updown-7m"), first_start_ns(WALL))


def test_item_12_the_price_to_beat_is_told_a_minute_after_the_open() -> None:
    start = first_start_ns(WALL)
    told = SyntheticDriver(terms("btc-updown-5m"), start).take_until(start + 1500 * S)
    opens = {h.market.slug: h.market.open_ns for h in told if isinstance(h, ListWindow)}
    strikes = [h for h in told if isinstance(h, TellStrike)]
    assert len(strikes) > 2
    assert all(strike.ts_ns == opens[strike.slug] + 60 * S for strike in strikes)


def test_item_12_an_outcome_compares_the_averages_of_sixty_seconds_before_both_ends() -> None:
    start = first_start_ns(WALL)
    told = SyntheticDriver(terms("btc-updown-5m"), start).take_until(start + 1500 * S)
    spots = {
        h.price_ns // S: h.price_e8
        for h in told
        if isinstance(h, TellPrice) and h.source is PriceSource.CHAINLINK
    }
    markets = {h.market.slug: h.market for h in told if isinstance(h, ListWindow)}
    resolved = [h for h in told if isinstance(h, ResolveWindow)]
    assert len(resolved) > 2
    for window in resolved:
        market = markets[window.slug]
        before, after = (
            sum(spots[ns // S - second] for second in range(1, 61)) // 60
            for ns in (market.open_ns, market.close_ns)
        )
        assert (window.strike_e8, window.close_e8) == (before, after)
        assert window.outcome is outcome_of(before, after)


def test_item_12_a_market_resolves_20_to_90_seconds_after_its_end_date() -> None:
    start = first_start_ns(WALL)
    told = SyntheticDriver(terms("btc-updown-5m"), start).take_until(start + 3000 * S)
    markets = {h.market.slug: h.market for h in told if isinstance(h, ListWindow)}
    resolved = [h for h in told if isinstance(h, ResolveWindow)]
    assert len(resolved) > 5
    delays = [h.ts_ns - markets[h.slug].close_ns for h in resolved]
    assert all(20 * S <= delay <= 90 * S for delay in delays)


def test_item_09_trading_stops_at_the_end_date() -> None:
    start = first_start_ns(WALL)
    told = SyntheticDriver(terms("btc-updown-5m"), start).take_until(start + 1000 * S)
    ends = {h.market.slug: h.market.close_ns for h in told if isinstance(h, ListWindow)}
    closed = [h for h in told if isinstance(h, CloseWindow)]
    assert len(closed) > 2
    assert all(h.ts_ns == ends[h.slug] for h in closed)


def test_item_20_a_seed_plays_one_market_and_another_seed_another() -> None:
    start = first_start_ns(WALL)
    other = msgspec.structs.replace(terms("btc-updown-5m"), seed=8)
    first, second, third = (
        SyntheticDriver(made, start).take_until(start + 60 * S)
        for made in (terms("btc-updown-5m"), terms("btc-updown-5m"), other)
    )
    assert first == second
    prices, others = ([h for h in told if isinstance(h, TellPrice)] for told in (first, third))
    assert len(prices) == len(others)
    assert prices != others
