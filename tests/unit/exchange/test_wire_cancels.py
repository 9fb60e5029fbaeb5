import subprocess
import sys

from polybot.exchange.wire_cancels import CancelAnswer, CancelMarketBody, CancelOrderBody
from polybot.exchange.wire_codec import decode, encode


def test_cancel_bodies_and_answers_have_the_exchanges_names() -> None:
    assert encode(CancelOrderBody("0x1")) == b'{"orderID":"0x1"}'
    assert encode(CancelMarketBody(market="0xab")) == b'{"market":"0xab"}'
    answer = decode(b'{"canceled":["0x1"],"not_canceled":{"0x2":"order not found"}}', CancelAnswer)
    assert answer == CancelAnswer(canceled=["0x1"], not_canceled={"0x2": "order not found"})


def test_who_only_cancels_loads_no_hash_of_an_order() -> None:
    code = "import polybot.exchange.wire_cancels, sys; sys.exit('Crypto' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
