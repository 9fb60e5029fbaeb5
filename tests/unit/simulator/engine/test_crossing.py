"""What an order meets at each price, and who of those who stand there gets it."""

from polybot.domain.market import Outcome
from polybot.domain.matching import Execution, order_at
from polybot.domain.order import OrderType, Side
from polybot.simulator.engine.crossing import divide, offers, own_crossed
from polybot.simulator.engine.window_book import WindowBook
from tests.unit.simulator.crowd import Crowd, address_of
from tests.unit.simulator.samples import SHARES, SLUG

BUY, SELL, UP, DOWN = Side.BUY, Side.SELL, Outcome.UP, Outcome.DOWN
ANN, BOB, CID = (address_of(name) for name in ("ann", "bob", "cid"))


def crowded() -> tuple[Crowd, WindowBook]:
    """Show 20 shares outside at 0.50, then ann's 10, 15 more outside, bob's 5, and 5 more."""
    crowd = Crowd(shares=100 * SHARES)
    crowd.show(((5000, 20 * SHARES), (4900, 9 * SHARES)), ())
    crowd.place("ann", BUY, 5000, 10 * SHARES)
    crowd.level(BUY, 5000, 35 * SHARES)
    crowd.place("bob", SELL, 5000, 5 * SHARES, outcome=DOWN)
    crowd.level(BUY, 5000, 40 * SHARES)
    book = crowd.exchange.book(SLUG)
    assert book is not None
    return crowd, book


def test_offers_are_the_outside_and_the_others_but_not_ones_own() -> None:
    _, book = crowded()
    sell = order_at(UP, SELL, OrderType.GTC, 4900, 10 * SHARES)
    assert list(offers(book, sell, CID)) == [(5000, 55 * SHARES), (4900, 9 * SHARES)]
    assert list(offers(book, sell, ANN)) == [(5000, 45 * SHARES), (4900, 9 * SHARES)]
    buy_down = order_at(DOWN, BUY, OrderType.GTC, 5100, 10 * SHARES)
    assert list(offers(book, buy_down, BOB)) == [(5000, 50 * SHARES), (5100, 9 * SHARES)]


def test_an_execution_goes_to_those_who_came_first() -> None:
    _, book = crowded()
    sell = order_at(UP, SELL, OrderType.GTC, 5000, 100 * SHARES)

    def shared(shares: int, address: str = CID) -> tuple[int, list[int]]:
        division = divide(book, sell, address, Execution(5000, shares * SHARES))
        return division.outside_shares // SHARES, [part // SHARES for _, part in division.makers]

    assert shared(20) == (20, [])
    assert shared(25) == (20, [5])
    assert shared(45) == (35, [10])
    assert shared(48) == (35, [10, 3])
    assert shared(55) == (40, [10, 5])
    assert shared(40, ANN) == (35, [5])


def test_those_who_stay_move_up_by_what_left_ahead_of_them() -> None:
    crowd, book = crowded()
    first, second = crowd.ledger.state.orders
    sell = order_at(UP, SELL, OrderType.GTC, 5000, 100 * SHARES)
    division = divide(book, sell, CID, Execution(5000, 25 * SHARES))
    assert division.queues == ((first, 0), (second, 15 * SHARES))
    division = divide(book, sell, CID, Execution(5000, 4 * SHARES))
    assert division.queues == ((first, 16 * SHARES), (second, 31 * SHARES))


def test_ones_own_orders_across_are_found_on_both_tokens() -> None:
    crowd, book = crowded()
    (mine, yours) = crowd.ledger.state.orders.values()
    sell = order_at(UP, SELL, OrderType.GTC, 5000, 10 * SHARES)
    assert own_crossed(book, sell, ANN) == [mine]
    assert own_crossed(book, sell, BOB) == [yours]
    assert own_crossed(book, order_at(UP, SELL, OrderType.GTC, 5100, 10 * SHARES), ANN) == []
