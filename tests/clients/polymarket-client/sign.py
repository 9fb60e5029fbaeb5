"""Signs a batch of orders, one JSON object a line, as polymarket-client signs and posts them."""

import json
import sys
from functools import cache
from typing import Any

from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_keys.backends import get_backend
from eth_utils import keccak
from polymarket._internal.actions.orders.context import resolve_order_exchange_address
from polymarket._internal.actions.orders.orders import create_signed_order
from polymarket._internal.actions.orders.post import build_post_order_request
from polymarket._internal.actions.orders.typed_data import (
    _build_standard_typed_data,
    build_order_signature,
    build_order_typed_data,
)
from polymarket._internal.actions.orders.types import UnsignedOrder
from polymarket._internal.environment import PRODUCTION_CONFIG
from polymarket._internal.hmac import build_hmac_signature
from polymarket._internal.protocol import is_v2_position_id
from polymarket._internal.wallet import try_classify_wallet_type

ACCOUNT = cache(Account.from_key)
CLASSIFIED = cache(
    lambda signer, wallet: try_classify_wallet_type(
        signer=signer, wallet=wallet, config=PRODUCTION_CONFIG.wallet_derivation
    )
)


def unsigned(case: dict[str, Any]) -> UnsignedOrder:
    return UnsignedOrder(
        builder=case["builder"],
        chain_id=case["chain_id"],
        # Chosen as the client chooses them: by the token's id and the market's kind.
        exchange_address=resolve_order_exchange_address(
            PRODUCTION_CONFIG, asset_id=case["token_id"], neg_risk=case["neg_risk"]
        ),
        expiration=int(case["expiration"]),
        maker=case["maker"],
        maker_amount=int(case["maker_amount"]),
        metadata=case["metadata"],
        order_type=case["order_type"],
        salt=case["salt"],
        side=case["side"],
        signature_type=case["signature_type"],
        signer=case["signer"],
        taker_amount=int(case["taker_amount"]),
        timestamp=int(case["timestamp"]),
        token_id=case["token_id"],
        protocol_version="3" if is_v2_position_id(case["token_id"]) else "2",
    )


def answer(case: dict[str, Any]) -> dict[str, Any]:
    order = unsigned(case)
    account = ACCOUNT(case["key"])
    signed = account.sign_typed_data(full_message=build_order_typed_data(order))
    raw = signed.signature.hex()
    signature = build_order_signature(order, raw if raw.startswith("0x") else "0x" + raw)
    posted = create_signed_order(order, signature, post_only=case["post_only"])
    _, payload = build_post_order_request(posted, owner_api_key=case["owner"])
    # The client has no order id before it posts: this is the hash of the order it wraps.
    inner = _build_standard_typed_data(order, protocol_version=order.protocol_version)
    signable = encode_typed_data(full_message=inner)
    return {
        "wallet_type": CLASSIFIED(account.address, case["maker"]),
        "contract": order.exchange_address,
        "signature": signature,
        "order_id": "0x" + keccak(b"\x19\x01" + signable.header + signable.body).hex(),
        "payload": payload,
        "hmac": build_hmac_signature(
            secret=case["secret"],
            timestamp=int(case["l2_timestamp"]),
            method="POST",
            path="/order",
            body=case["body"],
        ),
    }


def main() -> None:
    """Say first which library signs, then answer line by line."""
    sys.stdout.write(type(get_backend()).__name__ + "\n")
    for line in sys.stdin:
        sys.stdout.write(json.dumps(answer(json.loads(line))) + "\n")


if __name__ == "__main__":
    main()
