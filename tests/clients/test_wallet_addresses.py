"""The wallets we derive from an address are those polymarket-client derives."""

import json
from random import Random

from polybot.exchange.signing import checksum_address
from polybot.exchange.wallet_addresses import (
    deposit_wallet,
    derived_wallets,
    first_deposit_wallet,
    proxy_wallet,
    safe_wallet,
)
from tests.clients.environments import POLYMARKET_CLIENT, official_client

ADDRESSES = 300


def test_every_wallet_of_an_address_is_derived_alike() -> None:
    random = Random(1271)
    addresses = [checksum_address(random.randbytes(20)) for _ in range(ADDRESSES)]
    told = official_client(POLYMARKET_CLIENT).run_lines("derive", addresses)
    theirs = [json.loads(line) for line in told]
    derive = (deposit_wallet, first_deposit_wallet, proxy_wallet, safe_wallet)
    assert theirs == [[function(address) for function in derive] for address in addresses]
    for address, wallets in zip(addresses, theirs, strict=True):
        assert {wallet.address for wallet in derived_wallets(address)} == {address, *wallets}
