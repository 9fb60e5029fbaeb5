"""Every part works on one and the same state."""

from polybot.services.trader.order_gate import BURST_S
from tests.unit.services.trader.whole_trader import SETTINGS, WholeTrader


def test_all_parts_share_state_books_claims_and_answers() -> None:
    parts = WholeTrader().service._parts  # noqa: SLF001 - what hangs together is not shown outside
    ledger = parts.ledger
    books = ledger.books
    assert books.state is ledger.state is parts.upkeep.state is parts.desk.sight.state
    assert (
        books
        is parts.feeds.repair.books
        is parts.feeds.gaps.books
        is parts.watch.books
        is parts.desk.books
    )
    assert books is parts.reconciler.books is parts.reconciler.look_ups.books
    assert books is parts.reconciler.cash.books is parts.settler.books
    answers = (parts.feeds.answers, parts.reconciler.answers, parts.dead_man.answers)
    assert all(each is ledger.answers for each in answers)
    assert parts.watch.schedule is parts.upkeep.schedule is parts.checks.schedule
    assert parts.checks is parts.watch.checks is parts.desk.gate.checks is parts.refusals.checks
    assert parts.refusals.gate is parts.desk.gate
    assert parts.refusals.answers is ledger.answers
    assert parts.feeds.data is parts.watch.data is parts.desk.sight.data


def test_the_settings_reach_the_parts_they_are_for() -> None:
    parts = WholeTrader().service._parts  # noqa: SLF001
    assert parts.reconciler.sweep_ns == SETTINGS.sweep_ns
    assert parts.reconciler.look_ups.grace_ns == SETTINGS.unknown_grace_ns
    assert parts.upkeep.checkpoint_ns == SETTINGS.checkpoint_ns
    assert parts.dead_man.max_api_errors == SETTINGS.max_api_errors
    assert parts.desk.limits == SETTINGS.limits
    assert parts.desk.gate.orders.burst == int(SETTINGS.orders_per_second * BURST_S)
    assert parts.desk.gate.cancels.burst == int(SETTINGS.cancels_per_second * BURST_S)
    assert parts.checks.max_skew_s == SETTINGS.max_skew_s
    assert parts.settler.max_daily_loss_usdc == SETTINGS.limits.max_daily_loss_usdc
    assert parts.desk.sight.zone is parts.settler.zone is SETTINGS.zone
