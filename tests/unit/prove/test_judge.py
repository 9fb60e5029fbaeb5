"""Every check of the judge finds nothing on an honest floor, and what it is there for on others."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from polybot.domain.fill import FillStatus
from polybot.domain.order import OrderStatus, OrderTrigger
from polybot.services.trader.state import TraderState
from tests.prove.evidence import Evidence, Post
from tests.prove.judge import (
    ALWAYS,
    AT_REST,
    SOON,
    WHILE_DEAD,
    Check,
    a_start_restores_the_whole_journal,
    cash_is_equal,
    ended_intents_are_true,
    every_intent_ended,
    every_order_has_one_intent,
    fills_are_equal,
    findings,
    no_intent_is_written_twice,
    nothing_is_posted_twice,
    nothing_is_posted_unwritten,
    nothing_is_sent_before_the_reconcile,
    nothing_recovered_is_posted,
    reserves_are_equal,
    shares_are_equal,
    stops_keep_their_times,
    the_database_holds_each_event_once,
    the_journal_can_be_applied,
    what_was_paid_out_is_settled,
)
from tests.story import CLOSE_NS, bought, fill_at, opening, order_at, paid_out, reported
from tests.unit.prove.books import (
    BODY,
    STOP,
    a_row,
    an_execution,
    ended,
    evidence_of,
    reconciled,
    stopped,
    submitted,
    take,
    unanswered,
    with_body,
)

EVERY_CHECK = {**ALWAYS, **WHILE_DEAD, **SOON, **AT_REST}
S, T = OrderStatus, OrderTrigger


@pytest.mark.parametrize("check", EVERY_CHECK, ids=lambda check: check.__name__)
def test_an_honest_floor_passes_every_check(check: Check, tmp_path: Path) -> None:
    assert check(evidence_of(tmp_path)) == []


def order_nobody_wrote_down(evidence: Evidence) -> None:
    evidence.exchange["orders"].append(a_row(order_id="0xstranger"))


def order_written_twice(evidence: Evidence) -> None:
    take(evidence, [submitted()])


def order_posted_twice(evidence: Evidence) -> None:
    evidence.requests.posts.append(Post(CLOSE_NS + 1, BODY, number=2, life=1))


def order_posted_unwritten(evidence: Evidence) -> None:
    evidence.requests.posts.append(Post(CLOSE_NS + 1, '{"another": 1}', number=2, life=1))


def order_posted_by_a_later_life(evidence: Evidence) -> None:
    evidence.trader.sessions[-1].over_ns = CLOSE_NS - 1
    take(evidence, [reconciled()], session="s2")


def order_before_the_reconcile(evidence: Evidence) -> None:
    take(evidence, [submitted(1, "other"), reconciled()], session="s2")


def stop_with_another_time(evidence: Evidence) -> None:
    take(evidence, [stopped(STOP)])
    take(evidence, [stopped(msgspec.structs.replace(STOP, since_ns=78))], session="s2")


def stop_that_is_gone(evidence: Evidence) -> None:
    take(evidence, [stopped(STOP)])
    take(evidence, [stopped()], session="s2")


def event_that_does_not_fit(evidence: Evidence) -> None:
    take(evidence, [reported(1, FillStatus.CONFIRMED)])


def journal_with_a_hole(evidence: Evidence) -> None:
    evidence.journals["trader"].damage = "trimmed past 7"


def checkpoint_that_forgot_cash(evidence: Evidence) -> None:
    evidence.restored = TraderState(cash_usdc=1)


def checkpoint_with_another_order(evidence: Evidence) -> None:
    whole = evidence.trader.state
    restored = TraderState.from_snapshot(whole.to_snapshot({}))
    restored.orders[order_at().venue_order_id] = order_at()
    evidence.restored = restored


def fill_we_do_not_know(evidence: Evidence) -> None:
    evidence.exchange["executions"].append(an_execution(trade_id="t9"))


def fill_with_another_fee(evidence: Evidence) -> None:
    evidence.exchange["executions"][0]["fee_usdc"] += 1


def fill_the_exchange_undid(evidence: Evidence) -> None:
    evidence.exchange["executions"][0]["status"] = "FAILED"


def a_micro_dollar_less(evidence: Evidence) -> None:
    evidence.exchange["accounts"][0]["cash_usdc"] -= 1


def a_micro_share_more(evidence: Evidence) -> None:
    evidence.exchange["accounts"][0]["shares"][fill_at().token_id] += 1


def order_that_rests_unknown_to_us(evidence: Evidence) -> None:
    evidence.exchange["orders"][0] |= {"state": "LIVE", "filled_shares": 0}


def placed_order_that_was_never_there(evidence: Evidence) -> None:
    evidence.exchange["orders"].clear()


def event_that_is_not_stored(evidence: Evidence) -> None:
    del evidence.database.events["trader"][3]


def event_stored_with_other_bytes(evidence: Evidence) -> None:
    session, kind, made_ns, body = evidence.database.events["trader"][3]
    evidence.database.events["trader"][3] = (session, kind, made_ns, body + " ")


def event_stored_that_nobody_wrote(evidence: Evidence) -> None:
    evidence.database.events["trader"][3] = evidence.database.events["trader"][4]
    del evidence.journals["trader"].events[3]


def event_stored_twice(evidence: Evidence) -> None:
    evidence.database.twice.append("trader 3")


def conflict_in_the_database(evidence: Evidence) -> None:
    evidence.database.conflicts.append("expected event 3 of trader")


@pytest.mark.parametrize(
    ("check", "harm"),
    [
        (every_order_has_one_intent, order_nobody_wrote_down),
        (no_intent_is_written_twice, order_written_twice),
        (nothing_is_posted_twice, order_posted_twice),
        (nothing_is_posted_unwritten, order_posted_unwritten),
        (nothing_recovered_is_posted, order_posted_by_a_later_life),
        (nothing_is_sent_before_the_reconcile, order_before_the_reconcile),
        (stops_keep_their_times, stop_with_another_time),
        (stops_keep_their_times, stop_that_is_gone),
        (the_journal_can_be_applied, event_that_does_not_fit),
        (the_journal_can_be_applied, journal_with_a_hole),
        (a_start_restores_the_whole_journal, checkpoint_that_forgot_cash),
        (a_start_restores_the_whole_journal, checkpoint_with_another_order),
        (fills_are_equal, fill_we_do_not_know),
        (fills_are_equal, fill_with_another_fee),
        (fills_are_equal, fill_the_exchange_undid),
        (cash_is_equal, a_micro_dollar_less),
        (shares_are_equal, a_micro_share_more),
        (reserves_are_equal, order_that_rests_unknown_to_us),
        (ended_intents_are_true, placed_order_that_was_never_there),
        (the_database_holds_each_event_once, event_that_is_not_stored),
        (the_database_holds_each_event_once, event_stored_with_other_bytes),
        (the_database_holds_each_event_once, event_stored_that_nobody_wrote),
        (the_database_holds_each_event_once, event_stored_twice),
        (the_database_holds_each_event_once, conflict_in_the_database),
    ],
)
def test_a_harmed_floor_is_found_out(
    check: Check, harm: Callable[[Evidence], None], tmp_path: Path
) -> None:
    evidence = evidence_of(tmp_path)
    assert check(evidence) == []
    harm(evidence)
    assert check(evidence)
    assert [each.check for each in findings(evidence, {check: EVERY_CHECK[check]})]


def test_an_intent_without_an_end_is_found_at_rest(tmp_path: Path) -> None:
    evidence = evidence_of(tmp_path, unanswered())
    (found,) = every_intent_ended(evidence)
    assert found.endswith("is still SUBMITTED")


@pytest.mark.parametrize("status", [(S.REJECTED, T.REJECT), (S.NOT_PLACED, T.PROVE_ABSENT)])
def test_an_order_called_absent_must_not_have_stood_in_the_book(
    status: tuple[OrderStatus, OrderTrigger], tmp_path: Path
) -> None:
    evidence = evidence_of(tmp_path, ended(*status))
    evidence.exchange["executions"].clear()
    (found,) = ended_intents_are_true(evidence)
    assert "was placed there" in found
    # One that was killed without a trade never stood there.
    evidence.exchange["orders"] = [a_row(state="KILLED")]
    assert ended_intents_are_true(evidence) == []


def test_a_resting_order_must_be_open_on_both_sides_with_the_same_rest(tmp_path: Path) -> None:
    evidence = evidence_of(tmp_path, ended(S.ACCEPTED, T.ACCEPT))
    evidence.exchange["orders"] = [a_row(state="LIVE", filled_shares=0)]
    assert reserves_are_equal(evidence) == []
    evidence.exchange["orders"] = [a_row(state="LIVE", filled_shares=1)]
    assert "shares open" in reserves_are_equal(evidence)[0]
    evidence.exchange["orders"] = [a_row(state="CANCELED")]
    assert "open only in our books" in reserves_are_equal(evidence)[0]


def test_a_winner_is_cash_for_us_before_the_exchange_pays_it_out(tmp_path: Path) -> None:
    evidence = evidence_of(tmp_path, [opening(), reconciled(), *with_body([*bought(), paid_out()])])
    fill = fill_at()
    # Not paid out yet: the exchange still holds shares.
    assert cash_is_equal(evidence) == []
    assert shares_are_equal(evidence) == []
    account = evidence.exchange["accounts"][0]
    account["cash_usdc"] += account["shares"].pop(fill.token_id)
    assert cash_is_equal(evidence) == []
    account["cash_usdc"] -= 1
    assert cash_is_equal(evidence)


def test_a_payout_may_come_before_the_outcome_but_not_for_ever(tmp_path: Path) -> None:
    evidence = evidence_of(tmp_path)
    account, fill = evidence.exchange["accounts"][0], fill_at()
    size = account["shares"].pop(fill.token_id)
    account["cash_usdc"] += size
    assert cash_is_equal(evidence)
    assert shares_are_equal(evidence)
    payout = {"token_id": fill.token_id, "size_shares": size, "payout_usdc": size}
    evidence.exchange["windows"] = [{"payouts": [payout]}]
    assert cash_is_equal(evidence) == shares_are_equal(evidence) == []
    assert what_was_paid_out_is_settled(evidence)
    take(evidence, [paid_out()])
    assert what_was_paid_out_is_settled(evidence) == cash_is_equal(evidence) == []


def test_whoever_is_heard_again_takes_his_own_claim_back(tmp_path: Path) -> None:
    evidence = evidence_of(tmp_path)
    silent = msgspec.structs.replace(STOP, source="silent_tracker")
    take(evidence, [stopped(silent, STOP)])
    take(evidence, [stopped(STOP)], session="s2")
    assert stops_keep_their_times(evidence) == []
