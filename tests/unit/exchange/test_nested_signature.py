import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data

from polybot.errors import InvalidValue
from polybot.exchange.contracts import (
    CTF_DOMAIN,
    NEG_RISK_DOMAIN,
    ORDER_DOMAIN_NAME,
    PROTOCOL_DOMAIN,
    ZERO_BYTES32,
    ExchangeDomain,
)
from polybot.exchange.nested_signature import (
    NESTED_HEX,
    nested_digest,
    unwrap_signature,
    wrap_signature,
)
from polybot.exchange.order_hash import ORDER_TYPE, UnsignedOrder, struct_hash
from tests.unit.exchange.examples import DEPOSIT_WALLET, KEY, SIGNER, order
from tests.unit.exchange.test_order_hash import TYPES, wire_fields

ORDER = order(maker=DEPOSIT_WALLET, signer=DEPOSIT_WALLET, signature_type=3)
CONTENTS = struct_hash(ORDER)
INNER = SIGNER.sign_digest(nested_digest(CONTENTS, DEPOSIT_WALLET, CTF_DOMAIN))
WRAPPED = wrap_signature(INNER, CONTENTS, CTF_DOMAIN)
NESTED_FIELDS = (
    "Order contents,string name,string version,uint256 chainId,"
    "address verifyingContract,bytes32 salt"
)


def signed_by_eth_account(subject: UnsignedOrder, domain: ExchangeDomain) -> str:
    """Sign the nested message as a wallet would that knows nothing but EIP-712."""
    nested = [
        {"name": name, "type": kind}
        for kind, name in (field.split(" ") for field in NESTED_FIELDS.split(","))
    ]
    signable = encode_typed_data(
        {
            "name": ORDER_DOMAIN_NAME,
            "version": domain.version,
            "chainId": domain.chain_id,
            "verifyingContract": domain.verifying_contract,
        },
        {**TYPES, "TypedDataSign": nested},
        {
            "contents": wire_fields(subject),
            "name": "DepositWallet",
            "version": "1",
            "chainId": domain.chain_id,
            "verifyingContract": subject.signer,
            "salt": ZERO_BYTES32,
        },
    )
    return "0x" + Account.sign_message(signable, KEY).signature.hex().removeprefix("0x")


@pytest.mark.parametrize("domain", [CTF_DOMAIN, NEG_RISK_DOMAIN, PROTOCOL_DOMAIN])
def test_the_owner_signs_what_eip_712_says_of_the_nested_message(domain: ExchangeDomain) -> None:
    digest = nested_digest(CONTENTS, DEPOSIT_WALLET, domain)
    assert SIGNER.sign_digest(digest) == signed_by_eth_account(ORDER, domain)


def test_a_wrapped_signature_ends_in_the_type_of_the_order_and_its_length() -> None:
    raw = bytes.fromhex(WRAPPED[2:])
    assert len(raw) == NESTED_HEX // 2 == 317
    assert raw[:65] == bytes.fromhex(INNER[2:])
    assert raw[65:97] == CTF_DOMAIN.prefix[2:]
    assert raw[97:129] == CONTENTS
    assert raw[129:-2] == ORDER_TYPE.encode()
    assert int.from_bytes(raw[-2:], "big") == len(ORDER_TYPE)


def test_the_owners_signature_is_unwrapped_in_any_letter_case() -> None:
    assert unwrap_signature(WRAPPED, CONTENTS, CTF_DOMAIN) == INNER
    assert unwrap_signature(WRAPPED[2:].upper(), CONTENTS, CTF_DOMAIN) == INNER


def test_another_order_or_domain_is_refused_by_name() -> None:
    with pytest.raises(InvalidValue, match="expected the contents hash"):
        unwrap_signature(WRAPPED, bytes(32), CTF_DOMAIN)
    with pytest.raises(InvalidValue, match="expected the domain separator"):
        unwrap_signature(WRAPPED, CONTENTS, NEG_RISK_DOMAIN)


@pytest.mark.parametrize("at", [300, -5, -1])
def test_another_contents_type_is_refused(at: int) -> None:
    digits = list(WRAPPED)
    digits[at] = "f" if digits[at] != "f" else "0"
    with pytest.raises(InvalidValue, match="expected the contents type"):
        unwrap_signature("".join(digits), CONTENTS, CTF_DOMAIN)


@pytest.mark.parametrize("wrapped", ["", "0x", INNER, WRAPPED + "00", WRAPPED[:-2]])
def test_another_length_is_refused(wrapped: str) -> None:
    with pytest.raises(InvalidValue, match="hex digits"):
        unwrap_signature(wrapped, CONTENTS, CTF_DOMAIN)
