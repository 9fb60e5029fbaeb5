"""Derives the wallets of addresses, one a line, as polymarket-client derives them."""

import json
import sys

from polymarket._internal.environment import PRODUCTION_CONFIG
from polymarket._internal.wallet import (
    derive_beacon_deposit_wallet_address,
    derive_proxy_wallet_address,
    derive_safe_wallet_address,
    derive_uups_deposit_wallet_address,
)

DERIVE = (
    derive_beacon_deposit_wallet_address,
    derive_uups_deposit_wallet_address,
    derive_proxy_wallet_address,
    derive_safe_wallet_address,
)


def main() -> None:
    """Answer line by line."""
    config = PRODUCTION_CONFIG.wallet_derivation
    for line in sys.stdin:
        address = json.loads(line)
        sys.stdout.write(json.dumps([derive(address, config) for derive in DERIVE]) + "\n")


if __name__ == "__main__":
    main()
