import subprocess
import sys

import pytest
from eth_account import Account
from hypothesis import given
from hypothesis import strategies as st

from polybot.errors import ConfigError, InvalidValue
from polybot.exchange.contracts import (
    CTF_DOMAIN,
    NEG_RISK_DOMAIN,
    PROTOCOL_DOMAIN,
    ExchangeDomain,
)
from polybot.exchange.order_hash import SignatureType, order_digest
from polybot.exchange.signing import OrderSigner, checksum_address, recover_address
from tests.unit.exchange.examples import ADDRESS, KEY, OTHER_ADDRESS, SIGNER, order, vectors

DIGESTS = st.binary(min_size=32, max_size=32)
GROUP_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


def test_a_key_has_its_checksummed_address() -> None:
    assert SIGNER.address == ADDRESS
    assert OrderSigner(KEY.removeprefix("0x") + "\n").address == ADDRESS


@pytest.mark.parametrize(
    "address",
    [
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
        "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
        "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
    ],
)
def test_checksums_are_those_of_the_eip_55_text(address: str) -> None:
    assert checksum_address(bytes.fromhex(address[2:])) == address


@pytest.mark.parametrize(
    ("domain", "signature"),
    [
        (
            CTF_DOMAIN,
            (
                "0xb31138ccc5cf8c97ab7548387518a6a0d100aaa1e1df39f372394c890dead9fe"
                "59d5e3fa0873102dda4b5bdd67f0ec70e5d5ebd168c59a08bbf9e05eb8fddb641b"
            ),
        ),
        (
            NEG_RISK_DOMAIN,
            (
                "0xb0fc1d8a5aeacc5133434bbff11d48930c22d4f44d69fc9e863359e25aebc413"
                "3948be7aa39fd13eb695c1fe33f15b43857ab439bffbd50f3fba9ed9021898d01c"
            ),
        ),
        (
            PROTOCOL_DOMAIN,
            (
                "0xebec7ed4256f80d98d1205d0a2fbbfd2deeb9b32510a920ecfe9040814e652a1"
                "47953eb759ba61bcb491eceaafc0c6dfb6d0e5b7e4fc8dbb71d744649c41ff8f1b"
            ),
        ),
    ],
)
def test_a_signature_equals_the_official_one_byte_for_byte(
    domain: ExchangeDomain, signature: str
) -> None:
    signed = SIGNER.sign_order(order(), domain)
    assert signed.signature == signature
    assert signed.order_id == "0x" + order_digest(order(), domain).hex()


@given(key=st.integers(1, GROUP_ORDER - 1), digest=DIGESTS)
def test_any_digest_is_signed_as_eth_account_signs_it(key: int, digest: bytes) -> None:
    account = Account.from_key(key.to_bytes(32, "big"))
    signer = OrderSigner(f"{key:064x}")
    assert signer.address == account.address
    reference = account.unsafe_sign_hash(digest).signature.hex()
    assert signer.sign_digest(digest) == "0x" + reference.removeprefix("0x")


@given(digest=DIGESTS)
def test_the_signer_of_a_digest_is_recovered(digest: bytes) -> None:
    assert recover_address(digest, SIGNER.sign_digest(digest)) == ADDRESS


def test_a_changed_digest_recovers_another_address() -> None:
    signature = SIGNER.sign_digest(b"\x01" * 32)
    assert recover_address(b"\x02" * 32, signature) != ADDRESS


@pytest.mark.parametrize(
    "signature",
    ["", "0x", "0x1234", "nothing", "0x" + "00" * 64 + "1b", "0x" + "11" * 64 + "20"],
)
def test_what_is_no_signature_is_refused(signature: str) -> None:
    with pytest.raises(InvalidValue, match=r"signature|recovery id"):
        recover_address(b"\x01" * 32, signature)


@pytest.mark.parametrize(
    "kind", [SignatureType.EOA, SignatureType.POLY_PROXY, SignatureType.GNOSIS_SAFE]
)
def test_wallets_of_the_first_three_types_are_signed_plainly(kind: SignatureType) -> None:
    subject = order(maker=OTHER_ADDRESS, signature_type=kind)
    signed = SIGNER.sign_order(subject, CTF_DOMAIN)
    assert recover_address(order_digest(subject, CTF_DOMAIN), signed.signature) == ADDRESS


def test_a_deposit_wallet_is_refused_and_named() -> None:
    with pytest.raises(InvalidValue, match=r"was 3; deposit wallets \(type 3\)"):
        SIGNER.sign_order(order(signature_type=SignatureType.POLY_1271), CTF_DOMAIN)


def test_an_order_of_another_signer_is_refused() -> None:
    with pytest.raises(InvalidValue, match=f"was one of {OTHER_ADDRESS}"):
        SIGNER.sign_order(order(signer=OTHER_ADDRESS), CTF_DOMAIN)


@pytest.mark.parametrize("key", ["", "0x12", "x" * 64, "00" * 32, f"{GROUP_ORDER:064x}"])
def test_an_unusable_key_is_refused_without_being_shown(key: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        OrderSigner(key)
    assert not key or key not in str(refusal.value)


def test_a_signer_shows_its_address_and_no_key() -> None:
    assert repr(SIGNER) == f"OrderSigner({ADDRESS})"


def test_a_missing_coincurve_is_named_with_what_to_do() -> None:
    script = "import sys; sys.modules['coincurve'] = None; import polybot.exchange.signing"
    run = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert run.returncode == 1
    assert "ConfigError: expected the Python package coincurve" in run.stderr
    assert "pip install coincurve" in run.stderr


@pytest.mark.recordings
def test_published_signatures_are_reproduced() -> None:
    checked = 0
    for vector in vectors("order_v2.json")["vectors"] + vectors("order_v3.json")["vectors"]:
        message = vector["typed_data"]["message"]
        if message["signatureType"] == SignatureType.POLY_1271:
            continue
        digest = bytes.fromhex(vector["order_hash"][2:])
        assert OrderSigner(vector["private_key"]).sign_digest(digest) == vector["signature"]
        checked += 1
    assert checked >= 5
