"""A wallet, an order and credentials for the exchange tests; the key is Hardhat's public one."""

import gzip
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from polybot.exchange.l2_auth import ApiCredentials
from polybot.exchange.order_hash import UnsignedOrder, WireSide
from polybot.exchange.signing import OrderSigner
from tests.recordings_path import recordings_dir

KEY = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
ADDRESS = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
OTHER_ADDRESS = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
SIGNER = OrderSigner(KEY)
# The deposit wallet of ADDRESS.
DEPOSIT_WALLET = "0xBc0fF067b7740Eff76C1ca93c875Ba6B890d6B50"
TOKEN_ID = 71321045679252212594626385532706912750332728571942532289631379312455583992563
CREDENTIALS = ApiCredentials(
    api_key="00000000-0000-0000-0000-000000000001",
    secret="c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2U=",
    passphrase="pp",
)
ORDER = UnsignedOrder(
    salt=479249096354,
    maker=ADDRESS,
    signer=ADDRESS,
    token_id=TOKEN_ID,
    maker_amount=4_950_000,
    taker_amount=5_000_000,
    side=WireSide.BUY,
    timestamp_ms=1_795_000_000_000,
)


def order(**changes: Any) -> UnsignedOrder:
    return msgspec.structs.replace(ORDER, **changes)


def recorded_lines(path: Path) -> list[bytes]:
    return gzip.decompress(path.read_bytes()).splitlines()


def vectors(name: str) -> Any:
    """Return a file of test vectors, or skip the test where they are absent."""
    directory = recordings_dir()
    if directory is None:
        pytest.skip("the recorded markets and vectors are not on this machine")
    return json.loads((directory / "vectors" / name).read_text())
