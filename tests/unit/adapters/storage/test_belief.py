import msgspec

from polybot.adapters.storage.belief import FORGOTTEN_AFTER_NS, read_belief
from polybot.adapters.storage.ledger import Ledger
from polybot.domain.audit import AuditExtent
from polybot.domain.fill import FillStatus
from polybot.domain.order import Side
from polybot.messages.trading import (
    DriftFound,
    ExternalFlowBooked,
    FillMatched,
    OrderSubmitted,
)
from tests.story import (
    OPENING_USDC,
    SHARES,
    bought,
    fill_at,
    market_at,
    opening,
    order_at,
    paid_out,
    records,
    reported,
    settled,
)

COST = 23_750_000 + 83_120
UP = market_at().token_up


def test_an_empty_database_believes_nothing(ledger: Ledger) -> None:
    belief = read_belief(ledger.database)

    assert (belief.orders, belief.fills, belief.cash_usdc, belief.held) == ({}, {}, None, {})


def test_a_purchase_costs_cash_and_is_held(ledger: Ledger) -> None:
    ledger.store(records([opening(), *bought()]))

    belief = read_belief(ledger.database)

    assert belief.cash_usdc == OPENING_USDC - COST
    assert belief.held == {UP: SHARES}
    assert set(belief.orders) == {order_at().venue_order_id}
    assert belief.fills[fill_at().key].status is FillStatus.CONFIRMED
    assert belief.windows == 1


def test_a_sale_brings_cash_less_its_fee(ledger: Ledger) -> None:
    sale = fill_at(trade_id="t9", venue_order_id="0xs", side=Side.SELL, price_bps=9999, fee_usdc=7)
    ledger.store(records([opening(), *bought(), FillMatched(fill=sale)]))

    belief = read_belief(ledger.database)

    assert belief.cash_usdc == OPENING_USDC - COST + 24_997_500 - 7
    assert belief.held == {}


def test_a_failed_fill_gives_everything_back(ledger: Ledger) -> None:
    ledger.store(records([opening(), *bought()[:6], reported(0, FillStatus.FAILED)]))

    belief = read_belief(ledger.database)

    assert (belief.cash_usdc, belief.held) == (OPENING_USDC, {})


def test_a_winner_is_cash_that_may_still_wait(ledger: Ledger) -> None:
    ledger.store(records([opening(), *bought(), paid_out()]))

    belief = read_belief(ledger.database)

    assert belief.cash_usdc == OPENING_USDC - COST + SHARES
    assert (belief.held, belief.won) == ({}, {UP: SHARES})


def test_a_redemption_moves_no_money_in_our_books(ledger: Ledger) -> None:
    redeemed = ExternalFlowBooked(kind="redemption", amount_usdc=SHARES, token_id=UP)
    ledger.store(records([opening(), *bought(), paid_out(), redeemed]))

    belief = read_belief(ledger.database)

    assert belief.cash_usdc == OPENING_USDC - COST + SHARES
    assert belief.won == {}


def test_a_loser_is_neither_held_nor_won(ledger: Ledger) -> None:
    ledger.store(records([opening(), *bought(), paid_out(won=False)]))

    belief = read_belief(ledger.database)

    assert belief.cash_usdc == OPENING_USDC - COST
    assert (belief.held, belief.won, belief.lost) == ({}, {}, frozenset({UP}))


def test_a_fill_that_came_after_the_settlement_is_still_held(ledger: Ledger) -> None:
    late = FillMatched(fill=fill_at(trade_id="late", size_shares=1_000_000))
    ledger.store(records([opening(), *bought(), paid_out(), late]))

    assert read_belief(ledger.database).held == {UP: 1_000_000}


def test_deposits_count_and_what_nobody_can_explain_is_noted(ledger: Ledger) -> None:
    deposit = ExternalFlowBooked(kind="deposit", amount_usdc=5)
    odd = ExternalFlowBooked(kind="unexplained", amount_usdc=-7_000_000, detail="twice off")
    ledger.store(records([opening(), deposit, odd]))

    belief = read_belief(ledger.database)

    assert belief.cash_usdc == OPENING_USDC - 7_000_000 + 5
    assert belief.notes == ("$-7 booked as external: twice off",)


def test_what_drift_called_foreign_is_known_not_to_be_ours(ledger: Ledger) -> None:
    ledger.store(
        records(
            [
                DriftFound(kind="foreign_fill", subject="t9", detail=""),
                DriftFound(kind="foreign_order", subject="0xmanual", detail=""),
                DriftFound(kind="fill", subject="t1", detail=""),
            ]
        )
    )

    assert read_belief(ledger.database).foreign == {"t9", "0xmanual"}


def by_hand(size: int, number: int = 0) -> ExternalFlowBooked:
    token_id = market_at(number).token_up
    return ExternalFlowBooked(kind="shares", amount_usdc=0, token_id=token_id, size_shares=size)


def test_shares_booked_as_external_are_held_while_their_window_has_no_outcome(
    ledger: Ledger,
) -> None:
    ledger.store(records([opening(), *bought(), by_hand(5), by_hand(-2)]))
    belief = read_belief(ledger.database)
    assert belief.held == {UP: SHARES + 3}
    assert belief.external == frozenset()

    ledger.store(records([settled()], source="tracker"))
    belief = read_belief(ledger.database)
    assert belief.held == {UP: SHARES}
    assert belief.external == {UP}


def test_a_narrow_look_keeps_cash_and_positions_whole(ledger: Ledger) -> None:
    ledger.store(records([opening(), *bought(0), *bought(1), *bought(2)]))

    belief = read_belief(ledger.database, AuditExtent(most=2))

    assert set(belief.orders) == {order_at(n).venue_order_id for n in (1, 2)}
    assert {fill.trade_id for fill in belief.fills.values()} == {"t1", "t2"}
    assert belief.since_ns == order_at(1).created_ns
    assert belief.cash_usdc == OPENING_USDC - 3 * COST
    assert len(belief.held) == 3
    assert set(read_belief(ledger.database, AuditExtent(most=9)).orders) == {
        order_at(n).venue_order_id for n in range(3)
    }


def test_an_order_finished_more_than_a_day_ago_may_be_forgotten(ledger: Ledger) -> None:
    first = bought()
    newest = msgspec.structs.replace(
        order_at(1), created_ns=order_at().created_ns + 2 * FORGOTTEN_AFTER_NS
    )
    ledger.store(records(first))
    submitted = records([OrderSubmitted(order=newest, decision_id="d", body="")], first=10)
    envelope, body, hashed = submitted[0]
    envelope = msgspec.structs.replace(envelope, ts_event=newest.created_ns)
    ledger.store([(envelope, body, hashed)])

    assert read_belief(ledger.database).forgettable == {order_at().venue_order_id}
