from polybot.adapters.storage.domain_rows import read_fills, read_orders
from polybot.adapters.storage.ledger import Ledger
from polybot.adapters.storage.models import FillRow, VenueOrderRow
from polybot.domain.fill import FillStatus
from polybot.domain.order import OrderStatus
from tests.story import SHARES, bought, fill_at, order_at, records, slug_at


def test_orders_and_fills_come_back_as_the_values_they_were(ledger: Ledger) -> None:
    ledger.store(records(bought()))

    assert read_orders(ledger.database) == (
        order_at(
            status=OrderStatus.FILLED,
            filled_shares=SHARES,
            filled_usdc=23_750_000,
            fee_usdc=83_120,
        ),
    )
    assert read_fills(ledger.database) == (fill_at(status=FillStatus.CONFIRMED),)


def test_they_can_be_chosen_and_come_oldest_first(ledger: Ledger) -> None:
    ledger.store(records([*bought(1), *bought(0)]))

    assert [order.slug for order in read_orders(ledger.database)] == [slug_at(0), slug_at(1)]
    assert [fill.slug for fill in read_fills(ledger.database)] == [slug_at(0), slug_at(1)]
    chosen = read_orders(ledger.database, VenueOrderRow.slug == slug_at(1))
    assert [order.slug for order in chosen] == [slug_at(1)]
    assert read_fills(ledger.database, FillRow.slug == "another") == ()
