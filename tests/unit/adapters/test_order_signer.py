import json
from typing import Any

import msgspec
import pytest

from polybot.adapters.order_signer import WalletOrderSigner
from polybot.domain.market import Market, Outcome
from polybot.domain.order import Order, OrderType, Side
from polybot.errors import InvalidValue
from polybot.exchange.contracts import order_domain
from polybot.exchange.order_hash import order_digest, order_id
from polybot.exchange.signing import recover_address, recover_order_signer
from polybot.exchange.wire_codec import decode
from polybot.exchange.wire_orders import PostOrderBody, unsigned_order
from polybot.ports import SignedOrder
from tests.unit.exchange.examples import (
    ADDRESS,
    DEPOSIT_WALLET,
    OTHER_ADDRESS,
    SIGNER,
    TOKEN_ID,
)

MARKET = Market(
    slug="btc-updown-15m-1795000500",
    condition_id="0xab",
    token_up=str(TOKEN_ID),
    token_down="22",
    asset="btc",
    open_ns=1,
    close_ns=2,
)
ORDER = Order(
    intent_id="i1",
    venue_order_id="",
    agent="a",
    slug=MARKET.slug,
    token_id=MARKET.token_up,
    outcome=Outcome.UP,
    side=Side.BUY,
    order_type=OrderType.GTC,
    price_bps=9500,
    size_shares=25_000_000,
    created_ns=0,
    purpose="entry",
)


def order(**changes: Any) -> Order:
    return msgspec.structs.replace(ORDER, **changes)


def market(**changes: Any) -> Market:
    return msgspec.structs.replace(MARKET, **changes)


def sign(wanted: Order, listed: Market = MARKET, **more: Any) -> SignedOrder:
    signer = WalletOrderSigner(
        SIGNER,
        funder=more.pop("funder", ""),
        signature_type=more.pop("signature_type", 0),
        owner="key-1",
    )
    given = {"salt": 7, "timestamp_ms": 1_795_000_000_000, "post_only": False} | more
    return signer.sign(wanted, listed, **given)


def body_of(signed: SignedOrder) -> PostOrderBody:
    return decode(signed.body, PostOrderBody)


@pytest.mark.parametrize(
    ("wanted", "amounts"),
    [
        (order(), ("23750000", "25000000")),
        (order(side=Side.SELL), ("25000000", "23750000")),
        (order(order_type=OrderType.GTD, expires_ns=1), ("23750000", "25000000")),
        # A budget is spent whole; what it buys at least is rounded down to 0.0001 share.
        (
            order(order_type=OrderType.FAK, price_bps=5700, budget_usdc=10_000_000),
            (
                "10000000",
                "17543800",
            ),
        ),
        (
            order(order_type=OrderType.FOK, price_bps=9900, budget_usdc=25_000_000),
            (
                "25000000",
                "25252500",
            ),
        ),
        (order(order_type=OrderType.FAK, side=Side.SELL), ("25000000", "23750000")),
        # A sale at once may be smaller than an order that rests.
        (
            order(order_type=OrderType.FAK, side=Side.SELL, size_shares=1_230_000, price_bps=9900),
            (
                "1230000",
                "1217700",
            ),
        ),
    ],
)
def test_each_kind_of_order_has_its_exact_amounts(wanted: Order, amounts: tuple[str, str]) -> None:
    body = body_of(sign(wanted))

    assert (body.order.maker_amount, body.order.taker_amount) == amounts
    assert (body.order.side, body.order_type) == (wanted.side.value, wanted.order_type.value)


@pytest.mark.parametrize(("version", "neg_risk"), [("v1", False), ("v1", True), ("v2", False)])
def test_the_id_is_the_hash_of_what_is_posted_and_the_wallet_signed_it(
    version: str, neg_risk: bool
) -> None:
    signed = sign(order(), market(version=version, neg_risk=neg_risk))

    posted = body_of(signed).order
    domain = order_domain(version, neg_risk=neg_risk)
    assert signed.venue_order_id == order_id(unsigned_order(posted), domain)
    digest = order_digest(unsigned_order(posted), domain)
    assert recover_address(digest, posted.signature) == ADDRESS


def test_the_same_order_has_the_same_id_and_another_salt_another_one() -> None:
    assert sign(order()) == sign(order())
    assert sign(order()).venue_order_id != sign(order(), salt=8).venue_order_id
    later = sign(order(), timestamp_ms=1_795_000_000_001)
    assert sign(order()).venue_order_id != later.venue_order_id


def test_the_body_names_owner_expiration_and_post_only() -> None:
    wanted = order(order_type=OrderType.GTD, expires_ns=1_795_000_300_999_999_999)

    body = json.loads(sign(wanted, post_only=True).body)

    assert (body["owner"], body["orderType"], body["postOnly"]) == ("key-1", "GTD", True)
    assert body["order"]["expiration"] == "1795000300"
    assert (body["order"]["salt"], body["order"]["timestamp"]) == (7, "1795000000000")
    assert body["order"]["tokenId"] == str(TOKEN_ID)


def test_the_funder_is_the_maker_and_without_one_the_wallet_itself() -> None:
    own, other = (
        body_of(sign(order())),
        body_of(sign(order(), funder=OTHER_ADDRESS, signature_type=1)),
    )
    assert (own.order.maker, own.order.signer, own.order.signature_type) == (ADDRESS, ADDRESS, 0)
    assert (other.order.maker, other.order.signer) == (OTHER_ADDRESS, ADDRESS)
    assert other.order.signature_type == 1


@pytest.mark.parametrize(("version", "neg_risk"), [("v1", False), ("v1", True), ("v2", False)])
def test_a_deposit_wallet_is_maker_and_signer_and_its_owner_signs_inside(
    version: str, neg_risk: bool
) -> None:
    listed = market(version=version, neg_risk=neg_risk)
    signed = sign(order(), listed, funder=DEPOSIT_WALLET, signature_type=3)

    posted = body_of(signed).order
    assert (posted.maker, posted.signer, posted.signature_type) == (DEPOSIT_WALLET,) * 2 + (3,)
    domain = order_domain(version, neg_risk=neg_risk)
    assert signed.venue_order_id == order_id(unsigned_order(posted), domain)
    assert recover_order_signer(unsigned_order(posted), domain, posted.signature) == ADDRESS


def test_a_deposit_wallet_logs_in_as_its_owner() -> None:
    signer = WalletOrderSigner(SIGNER, funder=DEPOSIT_WALLET, signature_type=3, owner="key-1")
    assert (signer.address, signer.funder) == (ADDRESS, DEPOSIT_WALLET)


def test_a_deposit_wallet_without_its_address_is_never_signed_for() -> None:
    with pytest.raises(InvalidValue, match=r"set wallet\.funder"):
        sign(order(), signature_type=3)


@pytest.mark.parametrize(
    ("wanted", "listed", "match"),
    [
        (order(price_bps=9550), MARKET, "on the tick"),
        (order(order_type=OrderType.FAK, price_bps=9550, budget_usdc=10_000_000), MARKET, "tick"),
        (order(side=Side.SELL, price_bps=9950), MARKET, "on the tick"),
        (order(price_bps=9505), market(tick_bps=10), "on the tick"),
        (order(size_shares=4_990_000), MARKET, "at least 5"),
        (order(size_shares=5_001_000), MARKET, "2 decimals"),
        (order(order_type=OrderType.FAK, budget_usdc=990_000), MARKET, "budget"),
        (order(), market(version="v9"), "v9"),
    ],
)
def test_what_breaks_a_rule_of_the_market_is_never_signed(
    wanted: Order, listed: Market, match: str
) -> None:
    with pytest.raises(InvalidValue, match=match):
        sign(wanted, listed)


def test_a_finer_tick_allows_a_finer_price() -> None:
    body = body_of(sign(order(price_bps=9550), market(tick_bps=10)))
    assert (body.order.maker_amount, body.order.taker_amount) == ("23875000", "25000000")
