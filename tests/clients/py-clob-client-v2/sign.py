"""Signs a batch of orders, one JSON object a line, as py-clob-client-v2 signs and posts them."""

import json
import sys
from functools import cache
from typing import Any

from eth_keys.backends import get_backend
from py_clob_client_v2.order_utils import ExchangeOrderBuilderV2, OrderDataV2, Side
from py_clob_client_v2.order_utils.model.order_data_v2 import order_to_json_v2
from py_clob_client_v2.signer import Signer
from py_clob_client_v2.signing.hmac import build_hmac_signature


class Salted:
    """Gives the builder the salt of the order at hand instead of a random one."""

    salt = 0

    def __call__(self) -> str:
        return str(self.salt)


SALTED = Salted()


@cache
def builder(key: str, contract: str, version: str, chain_id: int) -> ExchangeOrderBuilderV2:
    return ExchangeOrderBuilderV2(
        contract, chain_id, Signer(key, chain_id), SALTED, domain_version=version
    )


def answer(case: dict[str, Any]) -> dict[str, str]:
    SALTED.salt = case["salt"]
    maker = builder(case["key"], case["contract"], case["version"], case["chain_id"])
    signed = maker.build_signed_order(
        OrderDataV2(
            maker=case["maker"],
            tokenId=case["token_id"],
            makerAmount=case["maker_amount"],
            takerAmount=case["taker_amount"],
            side=Side[case["side"]],
            signer=case["signer"],
            signatureType=case["signature_type"],
            timestamp=case["timestamp"],
            metadata=case["metadata"],
            builder=case["builder"],
            expiration=case["expiration"],
        )
    )
    payload = order_to_json_v2(signed, case["owner"], case["order_type"], case["post_only"])
    body = json.dumps(payload, separators=(",", ":"), ensure_ascii=False)
    return {
        "signature": signed.signature,
        "order_id": maker.build_order_hash(maker.build_order_typed_data(signed)),
        "body": body,
        "hmac": build_hmac_signature(case["secret"], case["l2_timestamp"], "POST", "/order", body),
    }


def main() -> None:
    """Say first which library signs, then answer line by line."""
    sys.stdout.write(type(get_backend()).__name__ + "\n")
    for line in sys.stdin:
        sys.stdout.write(json.dumps(answer(json.loads(line))) + "\n")


if __name__ == "__main__":
    main()
