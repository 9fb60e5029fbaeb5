"""Rows of the checklist that are about one order: who signed it, what it meets, what it costs."""

import hashlib
import json
from collections.abc import AsyncIterator

import msgspec
import pytest

from polybot.domain.order import OrderType, Side
from polybot.exchange.contracts import CTF_DOMAIN, PROTOCOL_DOMAIN, ExchangeDomain
from polybot.exchange.order_hash import order_id
from polybot.exchange.wire_gamma import MARKET_VERSION_PROTOCOL
from polybot.exchange.wire_orders import PostOrderBody, order_body, unsigned_order
from polybot.simulator.books.records import OrderState
from polybot.simulator.happenings import CloseWindow, Happening, ListWindow, SetBook
from polybot.simulator.rules import NS_PER_MS, ExchangeRules
from tests.unit.simulator.crowd import Crowd
from tests.unit.simulator.listening import listening
from tests.unit.simulator.samples import ASKS, BIDS, DOLLARS, MARKET, SHARES, SLUG, START, S
from tests.unit.simulator.stand import Stand, Wallet, standing

BUY, SELL = Side.BUY, Side.SELL
PROTOCOL = msgspec.structs.replace(
    MARKET,
    slug="btc-updown-15m-1800000000",
    condition_id="0x" + "cd" * 32,
    token_up="2001",
    token_down="2002",
    version=MARKET_VERSION_PROTOCOL,
)
NO_BOOK = {"error": "No orderbook exists for the requested token id"}
NO_MATCH = (
    "no orders found to match with FAK order. "
    "FAK orders are partially filled or killed if no match is found."
)
BOOK_FIELDS = (
    *("market", "asset_id", "timestamp", "hash", "bids", "asks"),
    *("min_order_size", "tick_size", "neg_risk", "last_trade_price"),
)


@pytest.fixture
async def stand() -> AsyncIterator[Stand]:
    async with standing(Stand()) as served:
        yield served


@pytest.fixture
async def wallet(stand: Stand) -> Wallet:
    return await stand.login()


def signed_for(wallet: Wallet, domain: ExchangeDomain) -> PostOrderBody:
    """Sign an order of the new protocol's market for a domain."""
    plain = unsigned_order(wallet.order(BUY, 4000, 10 * SHARES).order)
    order = msgspec.structs.replace(plain, token_id=int(PROTOCOL.token_up))
    return PostOrderBody(
        order=order_body(wallet.signer.sign_order(order, domain)),
        owner=wallet.credentials.api_key,
        order_type="GTC",
    )


async def test_item_02_the_answer_names_an_order_by_the_hash_of_what_was_signed(
    wallet: Wallet,
) -> None:
    body = wallet.order(BUY, 4000, 10 * SHARES)
    _, placed = await wallet.post(body)
    assert placed["orderID"] == order_id(unsigned_order(body.order), CTF_DOMAIN)


async def test_item_02_a_market_of_the_new_protocol_takes_signatures_of_its_own_domain() -> None:
    opening: list[Happening] = [
        ListWindow(START, PROTOCOL),
        SetBook(START, PROTOCOL.slug, BIDS, ASKS),
    ]
    async with standing(Stand(opening)) as stand:
        wallet = await stand.login()
        old = await wallet.post(signed_for(wallet, CTF_DOMAIN))
        assert old == (400, {"error": "invalid signature"})
        body = signed_for(wallet, PROTOCOL_DOMAIN)
        status, placed = await wallet.post(body)
        assert status == 200
        assert placed["orderID"] == order_id(unsigned_order(body.order), PROTOCOL_DOMAIN)


async def test_item_02_a_wrong_owner_signer_or_signature_is_named(wallet: Wallet) -> None:
    good = wallet.order(BUY, 4000, 10 * SHARES)
    changed = msgspec.structs.replace
    stranger = changed(good.order, signer="0x" + "9" * 40)
    forged = changed(good.order, maker_amount="4000001")
    owner = "the order owner has to be the owner of the API KEY"
    signer = "the order signer address has to be the address of the API KEY"
    for body, text in (
        (changed(good, owner="somebody-else"), owner),
        (changed(good, order=stranger), signer),
        (changed(good, order=forged), "invalid signature"),
    ):
        assert await wallet.post(body) == (400, {"error": text})
    assert (await wallet.post(good))[0] == 200


async def test_item_04_a_book_is_there_from_its_first_prices_to_its_close() -> None:
    happenings: list[Happening] = [
        ListWindow(START, PROTOCOL),
        SetBook(START + 10 * S, PROTOCOL.slug, BIDS, ASKS),
        CloseWindow(START + 20 * S, PROTOCOL.slug),
    ]
    async with standing(Stand(happenings)) as stand:
        token = {"token_id": PROTOCOL.token_up}
        assert await stand.get("/book", **token) == (404, NO_BOOK)
        stand.step(11)
        assert (await stand.get("/book", **token))[0] == 200
        stand.step(10)
        assert await stand.get("/book", **token) == (404, NO_BOOK)


async def test_item_04_a_book_ends_with_its_best_prices_and_its_hash_can_be_checked(
    stand: Stand, wallet: Wallet
) -> None:
    await wallet.post(wallet.order(BUY, 5200, 10 * DOLLARS, kind="FAK"))
    for token, last, bids, asks in (
        (MARKET.token_up, "0.52", ["0.49", "0.5"], ["0.53", "0.52"]),
        (MARKET.token_down, "0.48", ["0.47", "0.48"], ["0.51", "0.5"]),
    ):
        _, book = await stand.get("/book", token_id=token)
        assert book["last_trade_price"] == last
        assert [level["price"] for level in book["bids"]] == bids
        assert [level["price"] for level in book["asks"]] == asks
        hashed = {name: book[name] for name in BOOK_FIELDS} | {"hash": ""}
        text = json.dumps(hashed, separators=(",", ":"))
        assert book["hash"] == hashlib.sha1(text.encode()).hexdigest()  # noqa: S324


def test_item_05_a_limit_buy_moves_its_shares_and_a_market_buy_its_dollars() -> None:
    crowd = Crowd()
    crowd.show()
    limit = crowd.place("ann", BUY, 6000, 10 * SHARES)
    budget = crowd.place("bob", BUY, 6000, 6 * DOLLARS, kind=OrderType.FAK)
    assert (limit.filled_shares, limit.filled_usdc) == (10 * SHARES, 5_200_000)
    # 6 / 0.52 is more than the 10 shares that were signed for at 0.60.
    assert budget.filled_shares == pytest.approx(11_538_461, abs=2)
    assert budget.filled_usdc == pytest.approx(6 * DOLLARS, abs=1)


def test_item_05_a_limit_order_rests_with_what_it_did_not_find() -> None:
    crowd = Crowd()
    crowd.show()
    order = crowd.place("ann", BUY, 5200, 60 * SHARES)
    assert (order.state, order.filled_shares) == (OrderState.LIVE, 50 * SHARES)
    crowd.place("bob", BUY, 5200, 7 * SHARES)
    book = crowd.exchange.book(SLUG)
    assert book is not None
    assert book.size_at(BUY, 5200) == 17 * SHARES


async def test_item_05_what_finds_nothing_is_told_so_in_full(wallet: Wallet) -> None:
    fak = wallet.order(BUY, 4000, 10 * DOLLARS, kind="FAK")
    fok = wallet.order(BUY, 5200, 900 * DOLLARS, kind="FOK")
    maker = wallet.order(BUY, 5200, 10 * SHARES, post_only=True)
    for body, text in (
        (fak, NO_MATCH),
        (fok, "order couldn't be fully filled. FOK orders are fully filled or killed."),
        (maker, "invalid post-only order: order crosses book"),
    ):
        assert await wallet.post(body) == (400, {"error": text})


def test_item_06_an_offer_that_improves_inside_the_delay_is_the_one_that_is_met() -> None:
    crowd = Crowd(rules=ExchangeRules(taker_delay_ns=150 * NS_PER_MS))
    crowd.show()
    order = crowd.place("ann", BUY, 5200, 10 * SHARES)
    crowd.wait(0.1)
    crowd.level(SELL, 5100, 4 * SHARES)
    crowd.wait(0.05)
    assert (order.filled_shares, order.filled_usdc) == (10 * SHARES, 2_040_000 + 3_120_000)


def test_item_08_a_fee_is_cut_to_five_decimals_and_comes_on_top_of_whole_shares() -> None:
    crowd = Crowd()
    crowd.show()
    # 7.77 x 0.07 x 0.52 x 0.48 is 0.13575744.
    order = crowd.place("ann", BUY, 5200, 7_770_000)
    assert order.fee_usdc == 135_750
    # 7.77 x 0.52 is 4.0404.
    assert crowd.account("ann").cash_usdc == 1000 * DOLLARS - 4_040_400 - 135_750
    assert crowd.account("ann").shares[MARKET.token_up] == 7_770_000


async def test_item_08_a_trade_says_nothing_of_its_fee(stand: Stand, wallet: Wallet) -> None:
    async with listening(stand, "market") as client:
        await client.say({"type": "market", "assets_ids": [MARKET.token_up]})
        await client.hear()
        await wallet.post(wallet.order(BUY, 5200, 10 * SHARES))
        told = [event for event in await client.hear() if event["event_type"] != "price_change"]
        assert [(event["price"], event["fee_rate_bps"]) for event in told] == [("0.52", "0")]
    _, page = await wallet.send("GET", "/data/trades")
    (trade,) = page["data"]
    rates = [row["fee_rate_bps"] for row in (trade, *trade["maker_orders"])]
    assert rates == ["0", "0"]
    account = stand.ledger.account(wallet.signer.address)
    assert account is not None
    assert account.cash_usdc == 1000 * DOLLARS - 5_200_000 - 174_720


async def test_item_08_what_rests_is_missing_from_what_may_be_spent(wallet: Wallet) -> None:
    assert (await wallet.post(wallet.order(BUY, 4000, 1500 * SHARES)))[0] == 200
    text = "not enough balance / allowance: the balance is not enough -> "
    status, told = await wallet.post(wallet.order(BUY, 4000, 1001 * SHARES))
    assert (status, told["error"]) == (400, f"{text}balance: 400000000, order amount: 400400000")
    await wallet.send("DELETE", "/cancel-all")
    assert (await wallet.post(wallet.order(BUY, 4000, 1001 * SHARES)))[0] == 200


def test_item_08_a_held_buy_reserves_its_cost_and_its_fee() -> None:
    rules = ExchangeRules(taker_delay_ns=150 * NS_PER_MS)
    crowd = Crowd(rules=rules, money_usdc=10 * DOLLARS)
    crowd.show()
    assert crowd.place("ann", BUY, 5200, 10 * SHARES).state is OrderState.HELD
    text = crowd.refusal("ann", BUY, 5200, 10 * SHARES)
    assert text.endswith("balance: 4625280, order amount: 5374720")


async def test_item_09_at_the_end_date_orders_become_invalid_and_none_is_taken() -> None:
    async with standing(Stand([CloseWindow(MARKET.close_ns, SLUG)])) as stand:
        wallet = await stand.login()
        stand.step(299)
        _, placed = await wallet.post(wallet.order(BUY, 4000, 10 * SHARES))
        stand.step(1)
        _, row = await wallet.send("GET", f"/data/order/{placed['orderID']}")
        assert row["status"] == "INVALID"
        assert await wallet.post(wallet.order(BUY, 4000, 10 * SHARES)) == (400, NO_BOOK)
        _, market = await stand.get(f"/markets/slug/{SLUG}")
        assert market["acceptingOrders"] is False


async def test_item_10_a_sale_gives_shares_and_takes_dollars(stand: Stand, wallet: Wallet) -> None:
    await wallet.post(wallet.order(BUY, 5200, 20 * SHARES))
    stand.step(10)
    _, sold = await wallet.post(wallet.order(SELL, 5000, 12_500_000))
    assert (sold["status"], sold["makingAmount"], sold["takingAmount"]) == (
        "matched",
        "12.5",
        "6.25",
    )
    _, page = await wallet.send("GET", "/data/trades", id=sold["tradeIDs"][0])
    assert (page["count"], page["data"][0]["side"]) == (1, "SELL")
