from collections.abc import Iterator
from pathlib import Path

import pytest

from polybot.exchange.wire_codec import decode
from polybot.exchange.wire_orders import PostOrderBody
from tests.bench.sample_market import TOKEN_UP
from tests.bench.trading_stand import TradingStand


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[TradingStand]:
    stand = TradingStand(tmp_path)
    yield stand
    stand.close()


def test_every_entry_makes_one_request_of_its_own(stand: TradingStand) -> None:
    orders = []
    for _ in range(3):
        assert stand.enter() > 0
        orders.append(decode(stand.request().body, PostOrderBody).order)
    assert {order.token_id for order in orders} == {TOKEN_UP}
    assert len({order.salt for order in orders}) == 3
    assert stand.reads.calls == []


def test_an_entry_records_a_decision_an_approval_and_the_order_before_it_is_sent(
    stand: TradingStand,
) -> None:
    stand.enter_durably()
    stand.enter_durably()
    # The verdict of the preflight, and three records of each entry.
    assert stand.journal.synced_seq == stand.journal.last_seq == 1 + 2 * 3
