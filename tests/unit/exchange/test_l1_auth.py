import pytest
from py_clob_client.signer import Signer
from py_clob_client.signing.eip712 import sign_clob_auth_message

from polybot.exchange.error_texts import INVALID_L1_HEADERS
from polybot.exchange.l1_auth import attestation_digest, l1_headers, l1_refusal
from tests.unit.exchange.examples import ADDRESS, KEY, OTHER_ADDRESS, SIGNER, vectors

NOW_S = 1_795_000_000
HEADERS = l1_headers(SIGNER, timestamp_s=NOW_S)


def test_the_headers_carry_the_signature_the_official_client_makes() -> None:
    assert HEADERS == {
        "POLY_ADDRESS": ADDRESS,
        "POLY_SIGNATURE": (
            "0xd9b5b3512c8b579de7bd0854c8b665dec3dd384cb2d514dcbe370012fa0f222b"
            "5a8f7accb3b4105beff10bb5ce3ce139275b6688b41b72638c2b4297349e02ca1c"
        ),
        "POLY_TIMESTAMP": "1795000000",
        "POLY_NONCE": "0",
    }


@pytest.mark.parametrize("nonce", [0, 7, 2**40])
def test_any_nonce_signs_as_py_clob_client_signs_it(nonce: int) -> None:
    reference = sign_clob_auth_message(Signer(KEY, 137), NOW_S, nonce)
    assert l1_headers(SIGNER, timestamp_s=NOW_S, nonce=nonce)["POLY_SIGNATURE"] == reference


def test_headers_a_wallet_signed_are_accepted_whatever_the_case_of_its_address() -> None:
    assert l1_refusal(HEADERS, now_s=NOW_S + 3) == ""
    assert l1_refusal({**HEADERS, "POLY_ADDRESS": ADDRESS.lower()}, now_s=NOW_S) == ""


@pytest.mark.parametrize(
    "change",
    [
        {"POLY_ADDRESS": OTHER_ADDRESS},
        {"POLY_ADDRESS": "0x12"},
        {"POLY_NONCE": "1"},
        {"POLY_NONCE": "one"},
        {"POLY_TIMESTAMP": "1795000001"},
        {"POLY_TIMESTAMP": ""},
        {"POLY_SIGNATURE": "0x00"},
    ],
)
def test_changed_headers_are_refused_in_the_words_of_the_exchange(change: dict[str, str]) -> None:
    assert l1_refusal({**HEADERS, **change}, now_s=NOW_S) == INVALID_L1_HEADERS


def test_missing_and_stale_headers_are_refused() -> None:
    assert l1_refusal({}, now_s=NOW_S) == INVALID_L1_HEADERS
    assert l1_refusal(HEADERS, now_s=NOW_S + 301) == INVALID_L1_HEADERS
    assert l1_refusal(HEADERS, now_s=NOW_S + 301, tolerance_s=400) == ""


@pytest.mark.recordings
def test_the_published_vector_is_reproduced() -> None:
    for vector in vectors("l1_auth.json")["vectors"]:
        digest = attestation_digest(
            vector["address"],
            str(vector["timestamp"]),
            vector["nonce"],
            chain_id=vector["chain_id"],
        )
        assert SIGNER.sign_digest(digest) == vector["signature"]
