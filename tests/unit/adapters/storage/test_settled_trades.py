from polybot.adapters.storage.ledger import Ledger
from polybot.adapters.storage.reader import LedgerReader
from polybot.domain.grading import Grade
from tests.story import (
    AGENT,
    SECOND_NS,
    SHARES,
    bought,
    graded,
    order_at,
    records,
    slug_at,
    summarized,
)


def test_settled_trades_keep_the_order_of_their_first_grades(
    ledger: Ledger, reader: LedgerReader
) -> None:
    ledger.store(records([*bought(0), *bought(1), summarized(2)]))
    grades = [graded(1, -5, grade="LOSS"), graded(2, 0, trades=0), graded(0, 7), graded(1, 9)]
    ledger.store(records(grades, source="tracker"))

    trades = reader.settled_trades()

    assert [(t.trade_id, t.grade, t.pnl_usdc) for t in trades] == [
        (f"{AGENT}:{slug_at(1)}", Grade.WIN, 9),
        (f"{AGENT}:{slug_at(0)}", Grade.WIN, 7),
    ]
    assert trades[0].bought_shares == SHARES
    assert trades[0].entered_ns == order_at(1).created_ns + SECOND_NS
