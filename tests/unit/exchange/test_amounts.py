from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from polybot.errors import InvalidValue
from polybot.exchange.amount_checks import OrderTerms, amounts_problem
from polybot.exchange.amounts import (
    OrderAmounts,
    OrderRules,
    budget_for_shares,
    limit_amounts,
    market_buy_amounts,
    market_sell_amounts,
)
from polybot.exchange.order_hash import WireSide
from tests.unit.exchange.examples import vectors

CENT = OrderRules(tick_bps=100)
MILL = OrderRules(tick_bps=10)
BUY, SELL = WireSide.BUY, WireSide.SELL

TICKS = st.sampled_from([1000, 100, 50, 25, 10, 1])
CENTS = st.integers(100, 100_000).map(lambda cents: cents * 10_000)
SIZES = st.integers(500, 1_000_000).map(lambda hundredths: hundredths * 10_000)
DUST = st.integers(1, 500).map(lambda hundredths: hundredths * 10_000)


@st.composite
def priced_rules(draw: st.DrawFn) -> tuple[int, OrderRules]:
    tick = draw(TICKS)
    return tick * draw(st.integers(1, 10_000 // tick - 1)), OrderRules(tick_bps=tick)


@pytest.mark.parametrize(
    ("side", "price", "size", "expected"),
    [
        (BUY, 9900, 5_000_000, (4_950_000, 5_000_000)),
        (SELL, 9900, 5_000_000, (5_000_000, 4_950_000)),
        # The official client's floats cut these by a hundredth of a share or by a tick.
        (BUY, 5700, 5_020_000, (2_861_400, 5_020_000)),
        (BUY, 2900, 8_200_000, (2_378_000, 8_200_000)),
    ],
)
def test_a_limit_order_has_exactly_its_price_and_size(
    side: WireSide, price: int, size: int, expected: tuple[int, int]
) -> None:
    assert limit_amounts(side, price, size, CENT) == expected


@pytest.mark.parametrize("price", [0, 50, 9905, 9950, 10_000, -100, 10_100])
def test_a_price_off_the_tick_or_outside_the_market_is_refused(price: int) -> None:
    with pytest.raises(InvalidValue, match="on the tick"):
        limit_amounts(BUY, price, 5_000_000, CENT)
    for build in (market_buy_amounts, market_sell_amounts):
        with pytest.raises(InvalidValue, match="on the tick"):
            build(price, 5_000_000, CENT)


# Sizes that the official clients' floats cut by a hundredth of a share, as floor(size * 100) does.
@pytest.mark.parametrize("hundredths", [502, 506, 510, 803, 820, 1010, 1607, 3306, 6412, 9999])
@pytest.mark.parametrize("side", [BUY, SELL])
def test_no_size_loses_a_hundredth_of_a_share(side: WireSide, hundredths: int) -> None:
    size = hundredths * 10_000
    amounts = limit_amounts(side, 5000, size, CENT)
    assert (amounts.taker if side is BUY else amounts.maker) == size
    assert market_sell_amounts(5000, size, CENT).maker == size


# At these prices floor(price * 100) is a tick lower, and a market BUY is killed for no visible
# reason.
@pytest.mark.parametrize(
    ("price", "shares"), [(2900, 34_482_700), (5700, 17_543_800), (5800, 17_241_300)]
)
def test_a_market_buy_at_a_price_that_floats_cut_accepts_its_ask(price: int, shares: int) -> None:
    amounts = market_buy_amounts(price, 10_000_000, CENT)
    assert amounts == (10_000_000, shares)
    assert OrderTerms(BUY, "FOK", amounts).accepts(price)


@pytest.mark.parametrize("budget", [2_030_000, 5_020_000, 8_200_000])
def test_no_budget_loses_a_cent(budget: int) -> None:
    assert market_buy_amounts(5000, budget, CENT).maker == budget


# Ticks of 0.1, 0.01, 0.005, 0.0025, 0.001 and 0.0001: a price one tick inside either end, and one
# beside the grid.
@pytest.mark.parametrize("tick", [1000, 100, 50, 25, 10, 1])
def test_every_tick_of_the_exchange_has_its_grid(tick: int) -> None:
    rules = OrderRules(tick_bps=tick)
    for price in (tick, 10_000 - tick):
        assert limit_amounts(BUY, price, 5_010_000, rules) == (price * 501, 5_010_000)
        assert limit_amounts(SELL, price, 5_010_000, rules) == (5_010_000, price * 501)
    for price in (0, 10_000, *([tick + 1] if tick > 1 else [])):
        with pytest.raises(InvalidValue, match="on the tick"):
            limit_amounts(BUY, price, 5_010_000, rules)


# Decimals of a limit order's dollars at each tick, as the clients' rounding tables have them.
@given(priced=priced_rules(), size=SIZES)
def test_a_limit_order_never_has_more_decimals_than_its_tick_allows(
    priced: tuple[int, OrderRules], size: int
) -> None:
    price, rules = priced
    decimals = {1000: 3, 100: 4, 50: 5, 25: 6, 10: 5, 1: 6}[rules.tick_bps]
    dollars, shares = limit_amounts(BUY, price, size, rules)
    assert dollars % 10 ** (6 - decimals) == 0
    assert shares % 10_000 == 0


def test_a_finer_tick_allows_finer_prices() -> None:
    assert limit_amounts(BUY, 9910, 5_000_000, MILL) == (4_955_000, 5_000_000)
    assert limit_amounts(SELL, 9990, 5_010_000, MILL) == (5_010_000, 5_004_990)


def test_a_tick_of_zero_is_refused() -> None:
    with pytest.raises(InvalidValue, match="tick"):
        limit_amounts(BUY, 5000, 5_000_000, OrderRules(tick_bps=0))


@pytest.mark.parametrize("size", [0, -5_000_000, 4_990_000])
def test_a_resting_order_below_the_least_size_is_refused(size: int) -> None:
    with pytest.raises(InvalidValue, match="at least 5"):
        limit_amounts(BUY, 5000, size, CENT)


def test_a_size_with_more_than_two_decimals_is_refused() -> None:
    with pytest.raises(InvalidValue, match=r"2 decimals, was 5\.001"):
        limit_amounts(BUY, 5000, 5_001_000, CENT)


@pytest.mark.parametrize(
    ("price", "budget", "shares"),
    [
        (5700, 10_000_000, 17_543_800),
        # Rounded up this one would imply 0.069996 and never match an ask of 0.07.
        (700, 1_000_000, 14_285_700),
        (9900, 25_000_000, 25_252_500),
    ],
)
def test_a_market_buy_spends_its_budget_and_rounds_the_shares_down(
    price: int, budget: int, shares: int
) -> None:
    assert market_buy_amounts(price, budget, CENT) == (budget, shares)


def test_a_market_buy_on_a_finer_tick_keeps_four_decimals() -> None:
    assert market_buy_amounts(9910, 10_000_000, MILL) == (10_000_000, 10_090_800)


@pytest.mark.parametrize("budget", [0, 990_000, 1_005_000, -1_000_000])
def test_a_budget_below_a_dollar_or_with_split_cents_is_refused(budget: int) -> None:
    with pytest.raises(InvalidValue, match="budget"):
        market_buy_amounts(5000, budget, CENT)


def test_a_market_sell_may_be_small_and_rounds_the_dollars_down() -> None:
    assert market_sell_amounts(9900, 1_230_000, CENT) == (1_230_000, 1_217_700)
    assert market_sell_amounts(9910, 5_010_000, MILL) == (5_010_000, 4_964_900)


def test_dust_on_a_fine_tick_never_accepts_a_bid_below_its_limit() -> None:
    # Four decimals would ask for 0.0499, which a bid of 0.998 pays.
    assert market_sell_amounts(9990, 50_000, MILL) == (50_000, 49_950)
    finest = OrderRules(tick_bps=1)
    assert market_sell_amounts(28, 480_000, finest) == (480_000, 1_344)
    assert market_sell_amounts(9990, 5_010_000, MILL) == (5_010_000, 5_004_900)


@pytest.mark.parametrize(("price", "size"), [(5000, 0), (5000, 5000), (1, 10_000)])
def test_a_market_sell_of_nothing_is_refused(price: int, size: int) -> None:
    with pytest.raises(InvalidValue):
        market_sell_amounts(price, size, OrderRules(tick_bps=1))


@given(priced=priced_rules(), size=SIZES, side=st.sampled_from(WireSide))
def test_a_limit_order_always_passes_the_checks_of_the_exchange(
    priced: tuple[int, OrderRules], size: int, side: WireSide
) -> None:
    price, rules = priced
    terms = OrderTerms(side, "GTC", limit_amounts(side, price, size, rules))
    assert terms.limit_bps == price
    assert amounts_problem("0x1", terms, rules) == ""


@given(priced=priced_rules(), budget=CENTS)
def test_a_market_buy_always_matches_an_ask_at_its_limit_and_never_one_above(
    priced: tuple[int, OrderRules], budget: int
) -> None:
    price, rules = priced
    terms = OrderTerms(BUY, "FAK", market_buy_amounts(price, budget, rules))
    assert terms.accepts(price)
    assert not terms.accepts(price + rules.tick_bps)
    assert amounts_problem("0x1", terms, rules) == ""


@given(priced=priced_rules(), size=SIZES | DUST)
def test_a_market_sell_always_matches_a_bid_at_its_limit_and_never_one_below(
    priced: tuple[int, OrderRules], size: int
) -> None:
    price, rules = priced
    assume(price * size >= 100 * 10_000)
    terms = OrderTerms(SELL, "FOK", market_sell_amounts(price, size, rules))
    assert terms.accepts(price)
    assert not terms.accepts(price - rules.tick_bps)
    assert amounts_problem("0x1", terms, rules) == ""


def test_the_budget_for_a_size_is_in_whole_cents_and_never_buys_more() -> None:
    assert budget_for_shares(9900, 25_000_000) == 24_750_000
    assert budget_for_shares(9910, 5_000_000) == 4_950_000


@given(priced=priced_rules(), size=SIZES)
def test_the_budget_for_a_size_never_costs_more_than_the_size(
    priced: tuple[int, OrderRules], size: int
) -> None:
    price, _ = priced
    budget = budget_for_shares(price, size)
    assert budget % 10_000 == 0
    assert 0 <= price * size / 10_000 - budget < 10_000


def rules_of(decimals: int) -> OrderRules:
    return OrderRules(tick_bps=10 ** (4 - decimals), minimum_shares=10_000)


@pytest.mark.recordings
def test_limit_amounts_equal_the_official_client_where_its_floats_are_right() -> None:
    checked = 0
    for case in vectors("amounts_and_utils.json")["functions"]["get_order_amounts"]:
        arguments = case["args"]
        price = Fraction(str(arguments["price"])) * 10_000
        size = Fraction(str(arguments["size"])) * 1_000_000
        rules = rules_of(arguments["round_config"]["price"])
        on_grid = price % rules.tick_bps == 0 and size % 10_000 == 0 and 0 < price < 10_000
        if not on_grid:
            continue
        side, maker, taker = case["result"]
        ours = limit_amounts(WireSide(side), int(price), int(size), rules)
        if ours != (maker, taker):
            # The client lost a hundredth of a share to its floats.
            shares = taker if side == BUY else maker
            assert shares == int(size) - 10_000
        checked += 1
    assert checked > 50


def test_amounts_have_names() -> None:
    assert OrderAmounts(1, 2)._asdict() == {"maker": 1, "taker": 2}
