"""Our signer and both official clients make the same bytes of thousands of random orders."""

import json
from collections import Counter
from typing import Any

import pytest

from polybot.exchange.order_hash import SignatureType
from tests.clients.environments import POLYMARKET_CLIENT, PY_CLOB_CLIENT_V2, official_client
from tests.clients.random_orders import RandomOrders, SignedCase, kind_of

ORDERS = 6000
SEED = 20_261_121
PROTOCOLS = [("2", False), ("2", True), ("3", False), ("3", True)]
WALLET_TYPES = {0: "EOA", 1: "POLY_PROXY", 2: "GNOSIS_SAFE", 3: "DEPOSIT_WALLET"}


@pytest.fixture(scope="module")
def cases() -> list[SignedCase]:
    return list(RandomOrders(SEED).take(ORDERS))


def answers_of(name: str, cases: list[SignedCase]) -> list[dict[str, Any]]:
    backend, *lines = official_client(name).run_lines("sign", (case.given for case in cases))
    # Pure Python would sign the same, only slowly enough to be noticed here.
    assert backend == "CoinCurveECCBackend"
    assert len(lines) == len(cases)
    return [json.loads(line) for line in lines]


def test_the_orders_cover_every_wallet_protocol_side_and_lifetime(cases: list[SignedCase]) -> None:
    kinds = Counter(kind_of(case) for case in cases)
    expected = {(*protocol, kind) for protocol in PROTOCOLS for kind in SignatureType}
    assert set(kinds) == expected
    assert min(kinds.values()) > 200
    sides = {(case.given["side"], case.given["order_type"]) for case in cases}
    assert len(sides) == 8
    assert len({case.order_id for case in cases}) == ORDERS


def test_py_clob_client_v2_makes_the_same_bytes(cases: list[SignedCase]) -> None:
    for case, theirs in zip(cases, answers_of(PY_CLOB_CLIENT_V2, cases), strict=True):
        ours = {
            "signature": case.signature,
            "order_id": case.order_id,
            "body": case.body,
            "hmac": case.hmac,
        }
        assert ours == theirs, case.given


def test_polymarket_client_makes_the_same_signatures_and_bodies(cases: list[SignedCase]) -> None:
    for case, theirs in zip(cases, answers_of(POLYMARKET_CLIENT, cases), strict=True):
        body = json.loads(case.body)
        # The only difference: it leaves out a postOnly that is false. Its keys are in another
        # order, which no signature covers.
        if not body["postOnly"]:
            del body["postOnly"]
        ours = {
            "wallet_type": WALLET_TYPES[case.given["signature_type"]],
            "contract": case.given["contract"],
            "signature": case.signature,
            "order_id": case.order_id,
            "payload": body,
            "hmac": case.hmac,
        }
        assert ours == theirs, case.given


def test_one_changed_unit_changes_what_the_clients_sign(cases: list[SignedCase]) -> None:
    for name in (PY_CLOB_CLIENT_V2, POLYMARKET_CLIENT):
        few = cases[:20]
        changed = [
            SignedCase({**case.given, "salt": case.given["salt"] ^ 1}, "", "", "", "")
            for case in few
        ]
        for case, theirs in zip(few, answers_of(name, changed), strict=True):
            assert theirs["signature"] != case.signature
            assert theirs["order_id"] != case.order_id
