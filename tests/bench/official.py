"""The official client as a judge: what it would post for the very order that polybot posts."""

import json
from collections.abc import Mapping

from eth_keys.backends import get_backend
from eth_keys.backends.coincurve import CoinCurveECCBackend
from py_clob_client_v2.clob_types import ApiCreds, RequestArgs
from py_clob_client_v2.headers.headers import create_level_2_headers
from py_clob_client_v2.order_utils import ExchangeOrderBuilderV2, OrderDataV2, Side
from py_clob_client_v2.order_utils.model.order_data_v2 import order_to_json_v2
from py_clob_client_v2.signer import Signer

from polybot.exchange.contracts import CHAIN_ID, CTF_DOMAIN, EXCHANGE_V2
from polybot.exchange.http_calls import HttpCall
from polybot.exchange.order_hash import order_digest
from polybot.exchange.signing import OrderSigner, recover_address
from polybot.exchange.wire_codec import decode
from polybot.exchange.wire_orders import PostOrderBody, unsigned_order
from tests.bench.sample_market import API, PRIVATE_KEY


def check_peer_is_at_its_best() -> None:
    """Assert that the official client signs with libsecp256k1, not with its pure Python."""
    backend = get_backend()
    assert isinstance(backend, CoinCurveECCBackend), f"expected coincurve, was {backend!r}"


def check_request(call: HttpCall) -> None:
    """Assert that a posted request is the official client's own, byte for byte, and well signed."""
    posted = decode(call.body, PostOrderBody)
    digest = order_digest(unsigned_order(posted.order), CTF_DOMAIN)
    signed_by = recover_address(digest, posted.order.signature)
    assert signed_by == OrderSigner(PRIVATE_KEY).address, f"signed by {signed_by}"
    expected = official_body(posted)
    assert call.body.decode() == expected, f"expected {expected}, was {call.body.decode()}"
    headers = official_headers(expected, int(call.headers["POLY_TIMESTAMP"]))
    assert call.headers == headers, f"expected {headers}, was {call.headers}"
    assert (call.method, call.path) == ("POST", "/order"), f"was {call.method} {call.path}"


def check_same_order(call: HttpCall, peer_body: str) -> None:
    """Assert that both sides chose the same order on the same frame."""
    check_same_terms(call, json.loads(peer_body)["order"])


def check_same_terms(call: HttpCall, theirs: Mapping[str, object]) -> None:
    """Assert that a posted request has the terms of another side's order."""
    ours = json.loads(call.body)["order"]
    for field in ("maker", "tokenId", "makerAmount", "takerAmount", "side", "signatureType"):
        assert ours[field] == theirs[field], f"{field}: ours {ours[field]}, theirs {theirs[field]}"


def official_body(posted: PostOrderBody) -> str:
    """Return the body the official client posts for the same fields, salt and timestamp."""
    order = posted.order
    builder = ExchangeOrderBuilderV2(
        EXCHANGE_V2, CHAIN_ID, Signer(PRIVATE_KEY, CHAIN_ID), generate_salt=lambda: str(order.salt)
    )
    signed = builder.build_signed_order(
        OrderDataV2(
            maker=order.maker,
            tokenId=order.token_id,
            makerAmount=order.maker_amount,
            takerAmount=order.taker_amount,
            side=Side[order.side],
            signer=order.signer,
            timestamp=order.timestamp,
        )
    )
    payload = order_to_json_v2(signed, posted.owner, posted.order_type, posted.post_only)
    return json.dumps(payload, separators=(",", ":"), ensure_ascii=False)


def official_headers(body: str, timestamp_s: int) -> dict[str, str]:
    """Return the L2 headers the official client sends with a body."""
    headers: dict[str, str] = create_level_2_headers(
        Signer(PRIVATE_KEY, CHAIN_ID),
        ApiCreds(API.api_key, API.secret, API.passphrase),
        RequestArgs(method="POST", request_path="/order", serialized_body=body),
        timestamp=timestamp_s,
    )
    return headers
