import pytest

from polybot.exchange import error_texts as texts
from polybot.exchange.amount_checks import OrderTerms, amounts_problem
from polybot.exchange.amounts import OrderAmounts, OrderRules
from polybot.exchange.order_hash import WireSide

CENT = OrderRules(tick_bps=100)
MILL = OrderRules(tick_bps=10)
BUY, SELL = WireSide.BUY, WireSide.SELL


def terms(side: WireSide, order_type: str, maker: int, taker: int) -> OrderTerms:
    return OrderTerms(side, order_type, OrderAmounts(maker, taker))


def test_terms_tell_dollars_from_shares_by_the_side() -> None:
    buy, sell = terms(BUY, "GTC", 4_950_000, 5_000_000), terms(SELL, "FAK", 5_000_000, 4_950_000)
    assert (buy.dollars, buy.shares, buy.is_market) == (4_950_000, 5_000_000, False)
    assert (sell.dollars, sell.shares, sell.is_market) == (4_950_000, 5_000_000, True)
    assert buy.limit_bps == sell.limit_bps == 9900


def test_a_limit_a_hair_below_the_ask_does_not_accept_it() -> None:
    assert not terms(BUY, "FAK", 1_000_000, 14_290_000).accepts(700)
    assert terms(BUY, "FAK", 1_000_000, 14_285_700).accepts(700)
    assert terms(BUY, "FAK", 1_000_000, 14_285_700).accepts(600)


def test_a_sale_accepts_its_limit_and_better() -> None:
    sale = terms(SELL, "FAK", 5_000_000, 4_950_000)
    assert [sale.accepts(price) for price in (9800, 9900, 9990)] == [False, True, True]


@pytest.mark.parametrize(
    ("subject", "rules"),
    [
        (terms(BUY, "GTC", 4_950_000, 5_000_000), CENT),
        (terms(BUY, "GTD", 2_861_400, 5_020_000), CENT),
        (terms(SELL, "GTC", 5_000_000, 4_955_000), MILL),
        (terms(BUY, "FAK", 10_000_000, 17_543_800), CENT),
        (terms(BUY, "FOK", 1_000_000, 1_010_100), CENT),
        (terms(SELL, "FOK", 1_230_000, 1_217_700), CENT),
        (terms(SELL, "FAK", 5_010_000, 4_964_910), MILL),
    ],
)
def test_good_amounts_pass(subject: OrderTerms, rules: OrderRules) -> None:
    assert amounts_problem("0xab", subject, rules) == ""


@pytest.mark.parametrize(
    ("subject", "rules", "problem"),
    [
        (terms(BUY, "GTC", 0, 5_000_000), CENT, texts.INVALID_ORDER_PAYLOAD),
        (terms(BUY, "GTC", 5_000_000, -5), CENT, texts.INVALID_ORDER_PAYLOAD),
        (terms(BUY, "GTC", 5_000_000, 5_000_000), CENT, texts.PRICE_OUT_OF_RANGE),
        (
            terms(BUY, "GTC", 2_020_000, 3_482_700),
            CENT,
            (
                "invalid amounts, the buy orders maker amount supports a max accuracy of "
                "4 decimals, taker amount a max of 2 decimals"
            ),
        ),
        (
            terms(BUY, "FOK", 4_955_000, 5_000_000),
            MILL,
            (
                "invalid amounts, the market buy orders maker amount supports a max accuracy of "
                "2 decimals, taker amount a max of 4 decimals"
            ),
        ),
        (
            terms(BUY, "FAK", 10_000_000, 10_090_810),
            MILL,
            texts.too_many_decimals("market buy", 2, 4),
        ),
        (terms(SELL, "FAK", 5_001_000, 4_950_000), CENT, texts.too_many_decimals("sell", 2, 4)),
        (terms(SELL, "GTC", 5_010_000, 4_950_001), MILL, texts.too_many_decimals("sell", 2, 5)),
        (
            terms(BUY, "GTC", 3_960_000, 4_000_000),
            CENT,
            "order 0xab is invalid. Size (4) lower than the minimum: 5",
        ),
        (
            terms(BUY, "GTC", 4_975_000, 5_000_000),
            CENT,
            "order 0xab is invalid. Price (0.995) breaks minimum tick size rule: 0.01",
        ),
        (
            terms(SELL, "FAK", 10_000_000, 9_950_000),
            CENT,
            "order 0xab is invalid. Price (0.995) breaks minimum tick size rule: 0.01",
        ),
        (
            terms(SELL, "FAK", 19_690_000, 4_330_000),
            CENT,
            (
                "invalid amounts, the taker amount for a $0.22 order of size 19.69 should be "
                "'4.3318' but the value submited is '4.33'. Please check if you are using the "
                "latest version of the 'clob-client' library"
            ),
        ),
        (
            terms(SELL, "GTC", 5_010_000, 4_959_890),
            MILL,
            texts.wrong_taker_amount("0.99", "5.01", "4.9599", "4.95989"),
        ),
        (
            terms(SELL, "FAK", 10_000_000, 40_000),
            CENT,
            "order 0xab is invalid. Price (0.004) breaks minimum tick size rule: 0.01",
        ),
    ],
)
def test_bad_amounts_are_refused_in_the_words_of_the_exchange(
    subject: OrderTerms, rules: OrderRules, problem: str
) -> None:
    assert amounts_problem("0xab", subject, rules) == problem


def test_market_orders_are_not_bound_by_the_least_size() -> None:
    assert amounts_problem("0xab", terms(SELL, "FAK", 1_000_000, 990_000), CENT) == ""
