"""Which orders the exchange takes, at what tick and for how long."""

import pytest

from polybot.domain.market import Outcome
from polybot.domain.order import OrderType, Side
from polybot.simulator.api.heartbeats import HeartbeatWatch
from polybot.simulator.books.ledger import replayed
from polybot.simulator.books.records import OrderState, TickChanged
from polybot.simulator.engine.orders import NewOrder
from polybot.simulator.happenings import ChangeTick, CloseWindow, SetLevels
from polybot.simulator.rules import NS_PER_MS, ExchangeRules
from tests.unit.simulator.crowd import NO_LEVELS, Crowd, address_of
from tests.unit.simulator.samples import DOLLARS, MARKET, SHARES, SLUG, START, S

BUY, SELL, UP, DOWN = Side.BUY, Side.SELL, Outcome.UP, Outcome.DOWN
GTC, GTD, FOK, FAK = OrderType.GTC, OrderType.GTD, OrderType.FOK, OrderType.FAK
TICK_TEXT = "breaks minimum tick size rule: "


def raw(crowd: Crowd, side: Side, kind: OrderType, maker: int, taker: int) -> NewOrder:
    """Build an order with just these amounts."""
    crowd.count += 1
    return NewOrder(
        order_id=f"0x{crowd.count:064x}",
        account=crowd.account("ann"),
        owner="key of ann",
        maker=address_of("ann"),
        signature_type=0,
        token_id=MARKET.token_up,
        side=side,
        order_type=kind,
        maker_amount=maker,
        taker_amount=taker,
    )


def tick_of(crowd: Crowd) -> int:
    return crowd.ledger.state.windows[SLUG].market.tick_bps


@pytest.mark.parametrize(
    ("side", "kind", "maker", "taker", "text"),
    [
        # Fewer than five shares rest nowhere, but may be taken.
        (BUY, GTC, 1_960_000, 4 * SHARES, "Size (4) lower than the minimum: 5"),
        (SELL, GTC, 4_990_000, 2_594_800, "Size (4.99) lower than the minimum: 5"),
        (SELL, FAK, 4 * SHARES, 2_000_000, ""),
        # A BUY that takes is worth a dollar; one that rests need not be.
        (BUY, FAK, 990_000, 1_903_800, "invalid amount for a marketable BUY order ($0.99)"),
        (BUY, FAK, 1_000_000, 1_923_000, ""),
        (BUY, GTC, 50_000, 5 * SHARES, ""),
        # Decimals: a market BUY 2 and 4, a limit order 2 of the shares and 4 of the dollars.
        (BUY, FAK, 1_001_000, 1_925_000, "market buy orders maker amount supports a max accuracy"),
        (BUY, FOK, 2_600_000, 4_999_990, "market buy orders maker amount supports a max accuracy"),
        (BUY, GTC, 2_602_600, 5_005_000, "the buy orders maker amount supports a max accuracy"),
        (SELL, GTC, 5_001_000, 2_600_520, "the sell orders maker amount supports a max accuracy"),
        # Prices: on the tick, from one tick to one below a dollar.
        (BUY, GTC, 2_605_000, 5 * SHARES, "Price (0.521) " + TICK_TEXT + "0.01"),
        (BUY, GTC, 25_000, 5 * SHARES, "Price (0.005) " + TICK_TEXT + "0.01"),
        (SELL, GTC, 5 * SHARES, 4_975_000, "Price (0.995) " + TICK_TEXT + "0.01"),
        (BUY, GTC, 5 * SHARES, 5 * SHARES, "price must be greater than 0 and less than 1"),
    ],
)
def test_item_05_sizes_amounts_and_prices_are_checked(
    side: Side, kind: OrderType, maker: int, taker: int, text: str
) -> None:
    crowd = Crowd(shares=50 * SHARES)
    crowd.show()
    refusal = crowd.exchange.submit(raw(crowd, side, kind, maker, taker), crowd.now_ns)
    assert text in refusal if text else refusal == ""


def test_item_05_a_fok_spends_its_whole_budget_or_nothing_and_a_fak_what_it_can() -> None:
    crowd = Crowd()
    crowd.show()
    dollars = 30 * DOLLARS
    text = crowd.refusal("ann", BUY, 5200, dollars, kind=FOK)
    assert text == "order couldn't be fully filled. FOK orders are fully filled or killed."
    order = crowd.place("ann", BUY, 5200, dollars, kind=FAK)
    assert (order.filled_usdc, order.filled_shares) == (26 * DOLLARS, 50 * SHARES)
    whole = crowd.place("bob", BUY, 5300, 21_200_000, kind=FOK)
    assert (whole.filled_usdc, whole.filled_shares) == (21_200_000, 40 * SHARES)


def test_item_05_an_implied_price_a_hair_below_the_ask_does_not_take() -> None:
    crowd = Crowd()
    crowd.show(NO_LEVELS, ((700, 100 * SHARES),))
    # 1.00 / 14.29 is 0.069979: the taker amount was rounded up.
    short = raw(crowd, BUY, FAK, 1_000_000, 14_290_000)
    assert crowd.exchange.submit(short, crowd.now_ns).startswith("no orders found to match")
    exact = raw(crowd, BUY, FAK, 1_000_000, 14_285_700)
    assert crowd.exchange.submit(exact, crowd.now_ns) == ""


def test_item_06_a_held_order_meets_the_book_of_its_release_and_cannot_be_canceled() -> None:
    crowd = Crowd(rules=ExchangeRules(taker_delay_ns=150 * NS_PER_MS), shares=50 * SHARES)
    crowd.show()
    fok = crowd.place("ann", BUY, 5200, 5_200_000, kind=FOK)
    canceled, refused = crowd.exchange.cancel(crowd.account("ann"), [fok.order_id], crowd.now_ns)
    assert (canceled, list(refused.values())) == (
        [],
        ["order match delayed due to market conditions"],
    )
    # Another account's order is taken first, and the outside leaves.
    crowd.level(SELL, 5200, 0)
    crowd.place("bob", SELL, 5200, 9 * SHARES)
    crowd.wait(0.149)
    assert fok.state is OrderState.HELD
    crowd.wait(0.002)
    assert (fok.state, fok.reason[:31]) == (OrderState.KILLED, "order couldn't be fully filled.")


@pytest.mark.parametrize("delay_ms", [0, 50, 250])
def test_item_06_the_delay_is_as_long_as_the_rules_say(delay_ms: int) -> None:
    crowd = Crowd(rules=ExchangeRules(taker_delay_ns=delay_ms * NS_PER_MS))
    crowd.show()
    order = crowd.place("ann", BUY, 5200, 5 * SHARES)
    assert (order.state is OrderState.HELD) is (delay_ms > 0)
    crowd.wait(delay_ms / 1000)
    assert order.state is OrderState.MATCHED
    assert order.updated_ns == START + delay_ms * NS_PER_MS


@pytest.mark.parametrize(
    ("side", "price", "expected"),
    [(BUY, 9600, 100), (BUY, 9700, 10), (SELL, 400, 100), (SELL, 300, 10)],
)
def test_item_07_an_accounts_resting_order_beyond_96_or_4_cents_refines_the_tick(
    side: Side, price: int, expected: int
) -> None:
    crowd = Crowd(shares=50 * SHARES)
    crowd.show(NO_LEVELS, NO_LEVELS)
    crowd.place("ann", side, price, 10 * SHARES)
    assert tick_of(crowd) == expected


@pytest.mark.parametrize(
    ("outcome", "price", "expected"),
    [(UP, 9600, 100), (UP, 9700, 10), (DOWN, 9700, 10), (DOWN, 400, 100)],
)
def test_item_07_an_accounts_trade_beyond_96_or_4_cents_refines_the_tick(
    outcome: Outcome, price: int, expected: int
) -> None:
    crowd = Crowd()
    up = price if outcome is UP else 10_000 - price
    side = SELL if outcome is UP else BUY
    levels = ((up, 50 * SHARES),)
    crowd.show(*((NO_LEVELS, levels) if side is SELL else (levels, NO_LEVELS)))
    assert tick_of(crowd) == 100
    crowd.place("ann", BUY, price, 40 * SHARES, outcome=outcome)
    assert tick_of(crowd) == expected


def test_item_07_the_outside_market_refines_it_too_and_nothing_makes_it_coarse_again() -> None:
    crowd = Crowd()
    crowd.show(((9600, SHARES),), ((9700, SHARES),))
    assert tick_of(crowd) == 100
    crowd.level(BUY, 9650, SHARES)
    assert tick_of(crowd) == 10
    crowd.show()
    crowd.exchange.advance(crowd.now_ns, [ChangeTick(crowd.now_ns, SLUG, 100)])
    assert tick_of(crowd) == 10
    changes = [record for record in crowd.journal() if isinstance(record, TickChanged)]
    assert len(changes) == 1
    assert replayed(None, crowd.journal()).state.windows[SLUG].market.tick_bps == 10


def test_item_07_a_fine_price_is_refused_before_the_change_and_old_orders_stay_after_it() -> None:
    crowd = Crowd()
    crowd.show()
    old = crowd.place("ann", BUY, 4900, 5 * SHARES)
    assert (TICK_TEXT + "0.01") in crowd.refusal("bob", BUY, 4915, 6 * SHARES)
    crowd.exchange.advance(crowd.now_ns, [ChangeTick(crowd.now_ns, SLUG, 10)])
    assert (TICK_TEXT + "0.001") in crowd.refusal("bob", BUY, 4915, 6 * SHARES)
    assert crowd.refusal("bob", BUY, 4910, 6 * SHARES) == ""
    assert old.state is OrderState.LIVE


@pytest.mark.parametrize(("ahead_s", "text"), [(179, "invalid expiration"), (180, "")])
def test_item_09_a_gtd_order_is_stated_three_minutes_ahead(ahead_s: int, text: str) -> None:
    crowd = Crowd()
    crowd.show()
    stated = START // S + ahead_s
    assert crowd.refusal("ann", BUY, 4000, 5 * SHARES, kind=GTD, expiration_s=stated) == text


def test_item_09_a_gtd_order_ends_a_minute_early_and_only_a_gtd_order_has_an_end() -> None:
    crowd = Crowd()
    crowd.show()
    stated = START // S + 200
    order = crowd.place("ann", BUY, 4000, 5 * SHARES, kind=GTD, expiration_s=stated)
    crowd.wait(139.999)
    assert order.state.value == "LIVE"
    crowd.wait(0.001)
    assert order.state.value == "EXPIRED"
    assert crowd.refusal("ann", BUY, 4000, 5 * SHARES, expiration_s=stated) == "invalid expiration"


def test_item_09_the_end_of_a_window_ends_resting_and_held_orders_and_trading() -> None:
    crowd = Crowd(rules=ExchangeRules(taker_delay_ns=150 * NS_PER_MS))
    crowd.show()
    resting = crowd.place("ann", BUY, 4000, 5 * SHARES)
    held = crowd.place("bob", BUY, 5200, 5 * SHARES)
    crowd.exchange.advance(crowd.now_ns, [CloseWindow(crowd.now_ns, SLUG)])
    assert {resting.state, held.state} == {OrderState.INVALID}
    assert crowd.refusal("ann", BUY, 4000, 5 * SHARES).startswith("No orderbook exists")
    assert crowd.exchange.book(SLUG) is None
    assert crowd.ledger.free_usdc(crowd.account("ann")) == 1000 * DOLLARS


def test_item_02_the_same_order_again_is_a_duplicate_also_when_it_is_over() -> None:
    crowd = Crowd()
    crowd.show()
    new = crowd.new("ann", BUY, 4000, 5 * SHARES)
    assert crowd.exchange.submit(new, crowd.now_ns) == ""
    duplicate = f"order {new.order_id} is invalid. Duplicated."
    assert crowd.exchange.submit(new, crowd.now_ns) == duplicate
    crowd.exchange.cancel(crowd.account("ann"), [new.order_id], crowd.now_ns)
    assert crowd.exchange.submit(new, crowd.now_ns) == duplicate


def test_item_08_a_taking_buy_needs_its_cost_and_its_fee_and_a_sale_pays_it_out_of_proceeds() -> (
    None
):
    crowd = Crowd(money_usdc=5_374_710, shares=0)
    crowd.show()
    # 10 x 0.52 and 10 x 0.07 x 0.52 x 0.48 = 0.17472.
    text = crowd.refusal("ann", BUY, 5200, 10 * SHARES)
    assert "the balance is not enough -> balance: 5374710, order amount: 5374720" in text
    crowd.exchange.external_deposit(crowd.account("ann"), 10, crowd.now_ns)
    crowd.place("ann", BUY, 5200, 10 * SHARES)
    assert crowd.account("ann").cash_usdc == 0
    crowd.wait(5)
    crowd.place("ann", SELL, 5000, 10 * SHARES)
    # 10 x 0.50 less 10 x 0.07 x 0.50 x 0.50.
    assert crowd.account("ann").cash_usdc == 5_000_000 - 175_000


def test_item_16_silence_of_one_account_ends_its_orders_and_nobody_elses() -> None:
    crowd = Crowd()
    crowd.show()
    mine, other = (crowd.place(name, BUY, 4000, 5 * SHARES) for name in ("ann", "bob"))
    watch = HeartbeatWatch(crowd.exchange, 0)
    ann = crowd.account("ann")
    accepted, first = watch.beat(ann, "", mono_ns=0, now_ns=crowd.now_ns)
    assert accepted
    assert watch.beat(ann, "wrong", mono_ns=S, now_ns=crowd.now_ns) == (False, first)
    assert watch.beat(ann, first, mono_ns=5 * S, now_ns=crowd.now_ns)[0]
    watch.check(mono_ns=15 * S, now_ns=crowd.now_ns)
    assert mine.state is OrderState.LIVE
    watch.check(mono_ns=20 * S, now_ns=crowd.now_ns)
    assert (mine.state, other.state) == (OrderState.CANCELED, OrderState.LIVE)
    book = crowd.exchange.book(SLUG)
    assert book is not None
    assert book.size_at(BUY, 4000) == 5 * SHARES


def test_item_16_silence_is_noticed_after_10_to_15_seconds() -> None:
    noticed = []
    for heard_s in range(5):
        crowd = Crowd()
        crowd.show()
        order = crowd.place("ann", BUY, 4000, 5 * SHARES)
        watch = HeartbeatWatch(crowd.exchange, 0)
        watch.beat(crowd.account("ann"), "", mono_ns=heard_s * S, now_ns=crowd.now_ns)
        for second in range(heard_s, heard_s + 30):
            watch.check(mono_ns=second * S, now_ns=crowd.now_ns)
            if order.state is OrderState.CANCELED:
                noticed.append(second - heard_s)
                break
    assert noticed == [15, 14, 13, 12, 11]


def test_item_05_a_quote_through_two_accounts_fills_the_best_first_with_what_it_shows() -> None:
    crowd = Crowd()
    crowd.show(((4000, 10 * SHARES),), ((6000, 10 * SHARES),))
    low = crowd.place("ann", BUY, 5000, 10 * SHARES)
    high = crowd.place("bob", BUY, 5100, 10 * SHARES)
    crowd.exchange.advance(
        crowd.now_ns, [SetLevels(crowd.now_ns, SLUG, ((SELL, 4900, 12 * SHARES),))]
    )
    assert (high.filled_shares, low.filled_shares) == (10 * SHARES, 2 * SHARES)
    assert crowd.account("ann").cash_usdc == 999 * DOLLARS


def test_item_04_a_listed_market_has_no_book_and_takes_no_order_before_trading_begins() -> None:
    crowd = Crowd()
    assert crowd.exchange.book(SLUG) is None
    text = crowd.refusal("ann", BUY, 4000, 5 * SHARES)
    assert text == "the market is not yet ready to process new orders"
    crowd.show(NO_LEVELS, NO_LEVELS)
    assert crowd.exchange.book(SLUG) is not None
    assert crowd.refusal("ann", BUY, 4000, 5 * SHARES) == ""
