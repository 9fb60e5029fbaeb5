import pytest

from polybot.errors import InvalidValue
from polybot.exchange.order_hash import SignatureType
from polybot.exchange.wallet_addresses import (
    deposit_wallet,
    derived_wallets,
    first_deposit_wallet,
    owns_wallet,
    proxy_wallet,
    safe_wallet,
)
from tests.unit.exchange.examples import ADDRESS, DEPOSIT_WALLET, OTHER_ADDRESS

# As polymarket-client 0.14.0 derives them; tests/clients compares many more.
WALLETS = {
    ADDRESS: (
        DEPOSIT_WALLET,
        "0xdf8b9E8f9AB23f261F6e1B171B7454ae6E46Ba76",
        "0x365f0CA36Ae1f641E02fE3B7743673da42A13A70",
        "0xd93B25cb943D14d0d34FBaF01Fc93a0f8b5F6E47",
    ),
    "0x19E7E376E7C213B7E7e7e46cc70A5dD086DAff2A": (
        "0x8154deDBDAAA46c07453E47b5b6C0Ff60B8542b9",
        "0x7a57144fAfde87F5cE4a880D570BAe58eeBC83f2",
        "0x6Cd089333445c89b55B7693c6009DCc229613738",
        "0x75F00B003FBBBA193FABEB06284c3187a4C1232E",
    ),
}


@pytest.mark.parametrize("address", WALLETS)
def test_an_address_has_the_wallets_the_official_client_derives(address: str) -> None:
    derive = (deposit_wallet, first_deposit_wallet, proxy_wallet, safe_wallet)
    assert tuple(function(address) for function in derive) == WALLETS[address]


def test_the_candidates_are_every_wallet_with_its_type_the_newest_kind_first() -> None:
    found = [(each.signature_type, each.address) for each in derived_wallets(ADDRESS)]
    first, second, proxy, safe = WALLETS[ADDRESS]
    assert found == [(3, first), (3, second), (1, proxy), (2, safe), (0, ADDRESS)]
    assert derived_wallets(ADDRESS.lower()) == derived_wallets(ADDRESS)


def test_a_wallet_is_owned_under_its_own_type_only_in_any_letter_case() -> None:
    for candidate in derived_wallets(ADDRESS):
        for kind in SignatureType:
            expected = kind == candidate.signature_type
            assert owns_wallet(ADDRESS, kind, candidate.address.lower()) is expected
            assert not owns_wallet(OTHER_ADDRESS, kind, candidate.address)
    assert not owns_wallet(ADDRESS, 9, ADDRESS)
    assert not owns_wallet(ADDRESS, 0, "")


@pytest.mark.parametrize("address", ["", "0x12", "f39F" * 10])
def test_what_is_no_address_has_no_wallets(address: str) -> None:
    with pytest.raises(InvalidValue, match="an address"):
        derived_wallets(address)
