"""Records survive their journal unchanged."""

import pytest

from polybot.errors import JournalError
from polybot.simulator.books.records import (
    Execution,
    OrderReleased,
    OrderState,
    Payout,
    WindowListed,
    WindowRedeemed,
    decode_record,
    encode_record,
)
from tests.unit.simulator.samples import MARKET

EXECUTION = Execution(
    trade_id="t",
    price_bps=5200,
    size_shares=10,
    notional_usdc=5,
    fee_usdc=1,
    is_maker=False,
    taken=((5200, 10),),
)
PAYOUT = Payout(address="0x1", token_id="1001", size_shares=5, payout_usdc=5)


@pytest.mark.parametrize(
    "record",
    [
        WindowListed(ts_ns=1, market=MARKET, unknown_depth_shares=5),
        OrderReleased(ts_ns=2, order_id="0x1", executions=(EXECUTION,), state=OrderState.LIVE),
        WindowRedeemed(ts_ns=3, slug=MARKET.slug, payouts=(PAYOUT,)),
    ],
)
def test_a_record_reads_back_as_it_was_written(record: WindowListed) -> None:
    assert decode_record(encode_record(record)) == record


def test_a_record_of_an_unknown_kind_is_no_record() -> None:
    with pytest.raises(JournalError, match="a record of the simulated exchange"):
        decode_record(b'{"type":"Surprise","ts_ns":1}')
