"""What an order is for: the words that strategies, risk and grading share."""

from polybot.domain.exits import ExitReason

ENTRY = "entry"
PROFIT_LOCK = "profit_lock"
HARD_STOP = ExitReason.HARD_STOP.value
DANGER_EXIT = ExitReason.DANGER_EXIT.value
SAFETY_EXIT = ExitReason.SAFETY_EXIT.value
# Sold because a person asked for it, whatever the strategy thinks.
FLATTEN = "flatten"
# Sent to be sent: a strategy that tries an installation out.
DRILL = "drill"
