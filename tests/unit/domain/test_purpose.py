"""The purposes of orders are words of their own, because grades are told apart by them."""

from polybot.domain import purpose
from polybot.domain.exits import ExitReason


def test_every_purpose_is_another_word_and_every_exit_has_one() -> None:
    words = [
        purpose.ENTRY,
        purpose.PROFIT_LOCK,
        purpose.HARD_STOP,
        purpose.DANGER_EXIT,
        purpose.SAFETY_EXIT,
    ]
    assert len(set(words)) == len(words)
    assert {reason.value for reason in ExitReason} <= set(words)
