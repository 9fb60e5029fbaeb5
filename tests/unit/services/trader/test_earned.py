"""Results are kept as they are after their corrections, until their window is forgotten."""

import msgspec

from polybot.messages.trading import AgentResult, AgentResultCorrected
from polybot.services.trader.earned import Earned
from tests.story import AGENT, slug_at

RESULT = AgentResult(agent=AGENT, slug=slug_at(), pnl_usdc=-5, day="2026-08-20", wall_ns=7)
CORRECTED = AgentResultCorrected(
    agent=AGENT, slug=slug_at(), pnl_usdc=3, change_usdc=8, day="2026-08-20", wall_ns=9
)


def test_a_corrected_result_keeps_its_day_and_its_time() -> None:
    earned = Earned()
    earned.counted(RESULT)
    assert earned.corrected(CORRECTED) == RESULT
    assert earned.of(AGENT, slug_at()) == msgspec.structs.replace(RESULT, pnl_usdc=3)


def test_a_correction_of_a_result_nobody_kept_is_no_result() -> None:
    earned = Earned()
    assert earned.corrected(CORRECTED) is None
    assert earned.of(AGENT, slug_at()) is None


def test_a_copy_stays_as_it_was_and_a_window_is_forgotten() -> None:
    earned = Earned()
    earned.counted(RESULT)
    copy = earned.copy()
    earned.forget(slug_at(1))
    assert earned == copy
    earned.forget(slug_at())
    assert earned.results == {}
    assert copy.of(AGENT, slug_at()) == RESULT
