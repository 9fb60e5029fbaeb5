"""Every check an order goes through, in the exchange's words."""

import msgspec
import pytest

from polybot.domain.market import FeeSchedule
from polybot.domain.order import OrderType, Side
from polybot.simulator.happenings import ChangeTick
from tests.unit.simulator.samples import DOLLARS, SHARES, SLUG, START, S, Venue


@pytest.fixture
def venue() -> Venue:
    made = Venue(money_usdc=100 * DOLLARS)
    made.show()
    return made


def changed(venue: Venue, **fields: object) -> str:
    new = venue.order(Side.BUY, 4000, 10 * SHARES)
    return venue.submit(type(new)(**{**_fields(new), **fields}))  # type: ignore[arg-type]


def _fields(new: object) -> dict[str, object]:
    return {name: getattr(new, name) for name in new.__struct_fields__}  # type: ignore[attr-defined]


def test_prices_off_the_tick_are_refused_and_a_finer_tick_lets_them_in(venue: Venue) -> None:
    assert "breaks minimum tick size rule: 0.01" in changed(venue, maker_amount=4_005_000)
    venue.happen(ChangeTick(venue.now_ns, SLUG, 10))
    assert changed(venue, maker_amount=4_010_000) == ""


def test_small_resting_orders_are_refused_and_small_market_orders_are_not(venue: Venue) -> None:
    assert "lower than the minimum: 5" in venue.submit(venue.order(Side.BUY, 4000, 4 * SHARES))
    small = venue.order(Side.BUY, 5200, 1_500_000, kind=OrderType.FAK)
    assert venue.submit(small) == ""


def test_a_taking_buy_of_less_than_a_dollar_is_refused(venue: Venue) -> None:
    text = venue.submit(venue.order(Side.BUY, 5200, 500_000, kind=OrderType.FOK))
    assert text == "invalid amount for a marketable BUY order ($0.5), min size: $1"


def test_post_only_goes_with_orders_that_rest(venue: Venue) -> None:
    assert changed(venue, order_type=OrderType.FAK, post_only=True) == "Invalid order payload"
    crossing = venue.order(Side.BUY, 5200, 10 * SHARES, post_only=True)
    assert venue.submit(crossing) == "invalid post-only order: order crosses book"
    assert venue.submit(venue.order(Side.BUY, 5100, 10 * SHARES, post_only=True)) == ""


@pytest.mark.parametrize(
    ("kind", "seconds", "refusal"),
    [
        (OrderType.GTD, 180, ""),
        (OrderType.GTD, 179, "invalid expiration"),
        (OrderType.GTD, None, "invalid expiration"),
        (OrderType.GTC, 500, "invalid expiration"),
        (OrderType.GTC, None, ""),
    ],
)
def test_only_a_gtd_expires_and_not_too_soon(
    venue: Venue, kind: OrderType, seconds: int | None, refusal: str
) -> None:
    stated = 0 if seconds is None else START // S + seconds
    assert changed(venue, order_type=kind, expiration_s=stated) == refusal


def test_a_buy_needs_its_cost_and_its_fee(venue: Venue) -> None:
    # 50 x 0.52 + 80 x 0.53 = 68.4; the fee of 130 shares at 0.53 is 2.26681 at most.
    exact = Venue(money_usdc=71_167_000)
    exact.show()
    assert exact.submit(exact.order(Side.BUY, 5300, 130 * SHARES)) == ""
    short = Venue(money_usdc=71_100_000)
    short.show()
    text = short.submit(short.order(Side.BUY, 5300, 130 * SHARES))
    assert text.startswith("not enough balance / allowance: the balance is not enough")
    assert "balance: 71100000, order amount: 71166810" in text


def test_a_resting_buy_needs_no_fee(venue: Venue) -> None:
    assert venue.submit(venue.order(Side.BUY, 5000, 200 * SHARES)) == ""
    assert venue.ledger.free_usdc(venue.account) == 0
    assert "not enough balance" in venue.submit(venue.order(Side.BUY, 1000, 5 * SHARES))


def test_more_shares_than_are_free_cannot_be_sold(venue: Venue) -> None:
    venue.submit(venue.order(Side.BUY, 5200, 10 * SHARES))
    venue.wait(3)
    assert venue.submit(venue.order(Side.SELL, 6000, 6 * SHARES)) == ""
    assert "balance: 4000000, order amount: 5000000" in venue.submit(
        venue.order(Side.SELL, 6000, 5 * SHARES)
    )


def test_an_implied_price_a_hair_below_the_ask_does_not_take(venue: Venue) -> None:
    # 5.20 dollars for 10.0001 shares is less than 0.52 a share.
    new = venue.order(Side.BUY, 5200, 5_200_000, kind=OrderType.FAK)
    hair = type(new)(**{**_fields(new), "taker_amount": 10_000_100})  # type: ignore[arg-type]
    assert venue.submit(hair).startswith("no orders found to match with FAK order")


def test_a_budget_is_spent_and_improvement_brings_more_shares(venue: Venue) -> None:
    new = venue.order(Side.BUY, 5300, 10_400_000, kind=OrderType.FAK)
    assert venue.submit(new) == ""
    order = venue.ledger.state.orders[new.order_id]
    assert (order.filled_usdc, order.filled_shares) == (10_400_000, 20 * SHARES)


def test_where_there_are_no_fees_nothing_is_charged() -> None:
    venue = Venue(money_usdc=26 * DOLLARS)
    window = venue.ledger.state.windows[SLUG]
    window.market = msgspec.structs.replace(window.market, fee=FeeSchedule(rate_bps=0))
    venue.show()
    assert venue.submit(venue.order(Side.BUY, 5200, 50 * SHARES)) == ""
    assert venue.account.cash_usdc == 0
