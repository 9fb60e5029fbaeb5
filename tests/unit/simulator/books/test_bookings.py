"""A trade changes every account in it at once, and undoing it changes them all back."""

from polybot.domain.fill import FillStatus
from polybot.domain.market import Outcome
from polybot.domain.order import Side
from polybot.simulator.books.bookings import advance_trade, let_arrive
from tests.unit.simulator.crowd import Crowd
from tests.unit.simulator.samples import DOLLARS, MARKET, SHARES


def sold() -> Crowd:
    """Bob sold ann ten shares at half a dollar."""
    crowd = Crowd(shares=10 * SHARES)
    crowd.show((), ())
    crowd.place("ann", Side.BUY, 5000, 10 * SHARES)
    crowd.place("bob", Side.SELL, 5000, 10 * SHARES)
    return crowd


def test_what_is_not_mined_is_there_but_pending() -> None:
    crowd = sold()
    ann, bob = crowd.account("ann"), crowd.account("bob")
    assert (ann.shares[MARKET.token_up], ann.pending) == (
        20 * SHARES,
        {MARKET.token_up: 10 * SHARES},
    )
    assert bob.pending_usdc == 5 * DOLLARS - 175_000
    (taken,), (made,) = crowd.trades_of("bob"), crowd.trades_of("ann")
    assert made.key == f"{taken.key}/{made.order_id}"
    advance_trade(crowd.ledger, taken.trade_id, FillStatus.MINED, 7)
    assert (bob.pending_usdc, taken.mined_ns, made.mined_ns) == (0, 7, 7)
    assert ann.settled_shares(MARKET.token_up) == 10 * SHARES
    for _ in range(2):
        let_arrive(crowd.ledger, made.key)
        assert ann.settled_shares(MARKET.token_up) == 20 * SHARES


def test_undoing_a_trade_gives_back_what_it_moved_whatever_was_pending() -> None:
    before = Crowd(shares=10 * SHARES)
    for statuses in ((), (FillStatus.MINED,), (FillStatus.RETRYING,)):
        crowd = sold()
        (taken,) = crowd.trades_of("bob")
        for status in (*statuses, FillStatus.FAILED):
            advance_trade(crowd.ledger, taken.trade_id, status, 7)
        assert crowd.ledger.state.accounts == before.ledger.state.accounts
        assert not crowd.ledger.pending_rows(taken.slug)
        assert {row.token_id for row in crowd.ledger.trade_rows(taken.trade_id)} == {
            MARKET.token(Outcome.UP)
        }
