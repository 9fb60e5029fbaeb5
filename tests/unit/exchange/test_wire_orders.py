import json

import msgspec
import pytest
from py_clob_client.utilities import order_to_json

from polybot.errors import InvalidValue, ProtocolError
from polybot.exchange.contracts import CTF_DOMAIN
from polybot.exchange.order_hash import WireSide, order_id
from polybot.exchange.wire_codec import decode, encode
from polybot.exchange.wire_orders import (
    OrderBody,
    PostOrderAnswer,
    PostOrderBody,
    order_body,
    unsigned_order,
)
from tests.unit.exchange.examples import ADDRESS, CREDENTIALS, SIGNER, TOKEN_ID, order

ZEROS = "0x" + "0" * 64
SIGNED = SIGNER.sign_order(order(), CTF_DOMAIN)
# The body the official client posts: these keys in this order, no blanks.
OFFICIAL = {
    "order": {
        "salt": 479249096354,
        "maker": ADDRESS,
        "signer": ADDRESS,
        "tokenId": str(TOKEN_ID),
        "makerAmount": "4950000",
        "takerAmount": "5000000",
        "side": "BUY",
        "expiration": "0",
        "signatureType": 0,
        "timestamp": "1795000000000",
        "metadata": ZEROS,
        "builder": ZEROS,
        "signature": SIGNED.signature,
    },
    "owner": CREDENTIALS.api_key,
    "orderType": "GTC",
    "deferExec": False,
    "postOnly": False,
}


def body() -> PostOrderBody:
    return PostOrderBody(order=order_body(SIGNED), owner=CREDENTIALS.api_key, order_type="GTC")


def test_the_body_of_an_order_is_the_official_client_s_byte_for_byte() -> None:
    assert encode(body()) == json.dumps(OFFICIAL, separators=(",", ":")).encode()


def test_the_first_generation_client_carries_the_same_order() -> None:
    class Carried:
        def dict(self) -> object:
            return msgspec.json.decode(encode(order_body(SIGNED)))

    carried = order_to_json(Carried(), CREDENTIALS.api_key, "GTC")
    assert carried == {name: OFFICIAL[name] for name in carried}


def test_a_sale_that_expires_says_so() -> None:
    signed = SIGNER.sign_order(order(side=WireSide.SELL), CTF_DOMAIN)
    wire = order_body(signed, expiration_s=1_795_000_300)
    assert (wire.side, wire.expiration) == ("SELL", "1795000300")


@pytest.mark.parametrize("side", WireSide)
def test_the_order_of_a_posted_body_has_the_id_it_was_signed_for(side: WireSide) -> None:
    signed = SIGNER.sign_order(order(side=side), CTF_DOMAIN)
    posted = decode(
        encode(PostOrderBody(order=order_body(signed), owner="", order_type="FAK")), PostOrderBody
    )
    assert order_id(unsigned_order(posted.order), CTF_DOMAIN) == signed.order_id
    assert not posted.order.is_version_one


def test_an_order_of_the_first_version_is_readable_and_recognized() -> None:
    first = {
        name: value
        for name, value in OFFICIAL["order"].items()  # type: ignore[attr-defined]
        if name not in ("timestamp", "metadata", "builder")
    }
    first.update(taker="0x" + "0" * 40, nonce="0", feeRateBps="0")
    wire = decode(encode({**OFFICIAL, "order": first}), PostOrderBody)
    assert wire.order.is_version_one


@pytest.mark.parametrize("field", ["tokenId", "makerAmount", "timestamp"])
def test_amounts_that_are_no_numbers_are_refused(field: str) -> None:
    wire = decode(encode({**OFFICIAL["order"], field: "many"}), OrderBody)  # type: ignore[dict-item]
    with pytest.raises(InvalidValue, match="whole numbers"):
        unsigned_order(wire)


@pytest.mark.parametrize(
    "change", [{"orderType": "IOC"}, {"order": {}}, {"owner": None}, {"postOnly": "no"}]
)
def test_a_body_of_another_shape_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ProtocolError):
        decode(encode({**OFFICIAL, **change}), PostOrderBody)


@pytest.mark.parametrize(
    ("answer", "placed"),
    [
        ({"success": True, "errorMsg": "", "orderID": "0x1", "status": "live"}, True),
        ({"success": True, "errorMsg": None, "orderID": "0x1"}, True),
        ({"success": True, "errorMsg": "not enough balance", "orderID": ""}, False),
        ({"success": False, "errorMsg": "Insufficient balance", "orderID": None}, False),
        ({"success": True, "errorMsg": "", "orderID": ""}, False),
        ({}, False),
    ],
)
def test_an_order_stands_only_when_every_sign_says_so(
    answer: dict[str, object], placed: bool
) -> None:
    assert decode(encode(answer), PostOrderAnswer).placed is placed


def test_an_answer_names_amounts_and_trades_as_the_exchange_does() -> None:
    answer = PostOrderAnswer(
        success=True,
        order_id="0x1",
        status="matched",
        making_amount="3.25",
        taking_amount="25",
        trade_ids=["t1"],
    )
    assert msgspec.json.decode(encode(answer)) == {
        "success": True,
        "errorMsg": "",
        "orderID": "0x1",
        "status": "matched",
        "makingAmount": "3.25",
        "takingAmount": "25",
        "tradeIDs": ["t1"],
        "transactionsHashes": None,
    }
    assert decode(encode(answer), PostOrderAnswer) == answer
