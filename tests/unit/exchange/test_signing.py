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
from polybot.exchange.order_hash import SignatureType, UnsignedOrder, order_digest, order_id
from polybot.exchange.signing import (
    OrderSigner,
    checksum_address,
    recover_address,
    recover_order_signer,
)
from tests.unit.exchange.examples import (
    ADDRESS,
    DEPOSIT_WALLET,
    KEY,
    OTHER_ADDRESS,
    SIGNER,
    order,
    vectors,
)
from tests.unit.exchange.test_order_hash import published_order

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


def deposit_order(**changes: object) -> UnsignedOrder:
    wallet = {"maker": DEPOSIT_WALLET, "signer": DEPOSIT_WALLET}
    return order(signature_type=SignatureType.POLY_1271, **(wallet | changes))


@pytest.mark.parametrize("domain", [CTF_DOMAIN, NEG_RISK_DOMAIN, PROTOCOL_DOMAIN])
def test_a_deposit_wallet_order_is_signed_inside_and_named_by_its_own_hash(
    domain: ExchangeDomain,
) -> None:
    signed = SIGNER.sign_order(deposit_order(), domain)
    assert signed.order_id == order_id(deposit_order(), domain)
    assert len(signed.signature) == 636
    assert signed.signature.endswith("00ba")
    assert recover_order_signer(deposit_order(), domain, signed.signature) == ADDRESS


def test_the_signature_of_a_deposit_wallet_holds_for_no_other_wallet_domain_or_order() -> None:
    signature = SIGNER.sign_order(deposit_order(), CTF_DOMAIN).signature
    with pytest.raises(InvalidValue, match="domain separator"):
        recover_order_signer(deposit_order(), PROTOCOL_DOMAIN, signature)
    for changed in (deposit_order(salt=2), deposit_order(signer=OTHER_ADDRESS)):
        with pytest.raises(InvalidValue, match="contents hash"):
            recover_order_signer(changed, CTF_DOMAIN, signature)


def test_a_plain_signature_is_none_of_a_deposit_wallet() -> None:
    plain = SIGNER.sign_order(order(), CTF_DOMAIN).signature
    with pytest.raises(InvalidValue, match="634 hex digits, was 130"):
        recover_order_signer(deposit_order(), CTF_DOMAIN, plain)
    assert recover_order_signer(order(), CTF_DOMAIN, plain) == ADDRESS


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"signer": ADDRESS}, f"as signer too, was {ADDRESS}"),
        ({"maker": ADDRESS, "signer": ADDRESS}, "expected a deposit wallet"),
        ({"signature_type": 4}, "type 0, 1, 2 or 3, was 4"),
    ],
)
def test_a_wallet_that_fits_no_type_is_never_signed_for(
    changes: dict[str, object], match: str
) -> None:
    wallet = {"maker": DEPOSIT_WALLET, "signer": DEPOSIT_WALLET, "signature_type": 3}
    with pytest.raises(InvalidValue, match=match):
        SIGNER.sign_order(order(**(wallet | changes)), CTF_DOMAIN)


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


@pytest.mark.parametrize(
    "use",
    [
        "require_coincurve()",
        "OrderSigner('11' * 32)",
        "recover_address(bytes(32), '0x' + '11' * 64 + '1b')",
    ],
)
def test_a_missing_coincurve_is_named_with_what_to_do(use: str) -> None:
    script = (
        "import sys; sys.modules['coincurve'] = None; from polybot.exchange.signing import *; "
        f"print('loads without it'); {use}"
    )
    run = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert (run.returncode, run.stdout) == (1, "loads without it\n")
    assert "ConfigError: expected the Python package coincurve" in run.stderr
    assert "pip install coincurve" in run.stderr


@pytest.mark.recordings
def test_published_signatures_are_reproduced() -> None:
    kinds = set()
    for vector in vectors("order_v2.json")["vectors"] + vectors("order_v3.json")["vectors"]:
        subject, domain = published_order(vector)
        signed = OrderSigner(vector["private_key"]).sign_order(subject, domain)
        assert signed.signature == vector["signature"], vector["name"]
        kinds.add((domain.version, subject.signature_type))
    assert kinds >= {("2", 0), ("2", 1), ("2", 2), ("2", 3), ("3", 0), ("3", 3)}
