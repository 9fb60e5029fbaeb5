from typing import Any

import msgspec
import pytest
from eth_account.messages import encode_typed_data
from hypothesis import given
from hypothesis import strategies as st

from polybot.errors import InvalidValue
from polybot.exchange.contracts import (
    CTF_DOMAIN,
    NEG_RISK_DOMAIN,
    ORDER_DOMAIN_NAME,
    PROTOCOL_DOMAIN,
    ExchangeDomain,
)
from polybot.exchange.keccak import keccak256
from polybot.exchange.order_hash import (
    ORDER_TYPE,
    SignatureType,
    UnsignedOrder,
    WireSide,
    order_digest,
    order_id,
)
from tests.unit.exchange.examples import ADDRESS, OTHER_ADDRESS, order, vectors

DOMAINS = [CTF_DOMAIN, NEG_RISK_DOMAIN, PROTOCOL_DOMAIN]
WIRE_NAMES = {
    "token_id": "tokenId",
    "maker_amount": "makerAmount",
    "taker_amount": "takerAmount",
    "signature_type": "signatureType",
    "timestamp_ms": "timestamp",
}
TYPES = {
    "Order": [
        {"name": name, "type": kind}
        for kind, name in (
            field.split(" ") for field in ORDER_TYPE.removeprefix("Order(")[:-1].split(",")
        )
    ]
}


def wire_fields(subject: UnsignedOrder) -> dict[str, Any]:
    return {
        WIRE_NAMES.get(name, name): value for name, value in msgspec.structs.asdict(subject).items()
    }


def reference_digest(subject: UnsignedOrder, domain: ExchangeDomain) -> bytes:
    signable = encode_typed_data(
        {
            "name": ORDER_DOMAIN_NAME,
            "version": domain.version,
            "chainId": domain.chain_id,
            "verifyingContract": domain.verifying_contract,
        },
        TYPES,
        wire_fields(subject),
    )
    return keccak256(b"\x19\x01" + signable.header + signable.body)


@pytest.mark.parametrize(
    ("domain", "expected"),
    [
        (CTF_DOMAIN, "0x70d4d3a075d4b2336be7b2ea247913d7095bd6bdba552ebd3185985bd8237734"),
        (NEG_RISK_DOMAIN, "0x31245caf9dc370c5b08aea78fc7b29978e65ffa9c0b392773572e7c88b931ff6"),
        (PROTOCOL_DOMAIN, "0x1bba4b3ed18cfb805ef66fb9f13752e5411bed6d77ba02fc3bd4db0040b74cac"),
    ],
)
def test_an_order_has_the_id_the_official_client_computes(
    domain: ExchangeDomain, expected: str
) -> None:
    assert order_id(order(), domain) == expected


def test_a_deposit_wallet_order_has_the_id_of_the_inner_order() -> None:
    wallet_order = order(
        maker=OTHER_ADDRESS, signer=OTHER_ADDRESS, signature_type=SignatureType.POLY_1271
    )
    expected = "0xc2dd631406d43fd73017a5e89cc05cd96cd6eb4e674d9611b1b5431eff33366a"
    assert order_id(wallet_order, CTF_DOMAIN) == expected


UINTS = st.integers(0, 2**256 - 1)
BYTES32 = st.binary(min_size=32, max_size=32).map(lambda raw: "0x" + raw.hex())
ORDERS = st.builds(
    order,
    salt=st.integers(0, 2**53 - 1),
    maker=st.sampled_from([ADDRESS, OTHER_ADDRESS]),
    token_id=UINTS,
    maker_amount=UINTS,
    taker_amount=UINTS,
    side=st.sampled_from(WireSide),
    signature_type=st.integers(0, 3),
    timestamp_ms=st.integers(0, 2**63),
    metadata=BYTES32,
    builder=BYTES32,
)


@given(subject=ORDERS, domain=st.sampled_from(DOMAINS))
def test_any_order_hashes_as_eth_account_hashes_it(
    subject: UnsignedOrder, domain: ExchangeDomain
) -> None:
    assert order_digest(subject, domain) == reference_digest(subject, domain)


@pytest.mark.parametrize(
    "changes",
    [{"maker_amount": -1}, {"token_id": 2**256}, {"maker": "0x12"}, {"builder": "0x"}],
)
def test_a_field_that_does_not_fit_its_type_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidValue):
        order_id(order(**changes), CTF_DOMAIN)


def published_order(vector: dict[str, Any]) -> tuple[UnsignedOrder, ExchangeDomain]:
    """Return the order and the domain of a published test vector."""
    message, domain = vector["typed_data"]["message"], vector["typed_data"]["domain"]
    fields = {name: message[WIRE_NAMES.get(name, name)] for name in UnsignedOrder.__struct_fields__}
    where = ExchangeDomain(domain["version"], domain["verifyingContract"], domain["chainId"])
    return UnsignedOrder(**fields), where


@pytest.mark.recordings
@pytest.mark.parametrize("name", ["order_v2.json", "order_v3.json"])
def test_published_vectors_hash_to_their_ids(name: str) -> None:
    checked = 0
    for vector in vectors(name)["vectors"]:
        if "order_hash" not in vector:
            continue
        subject, where = published_order(vector)
        assert order_id(subject, where) == vector["order_hash"]
        checked += 1
    assert checked >= 2
