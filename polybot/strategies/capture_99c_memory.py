"""What the 99c capture remembers of one window from look to look."""

import msgspec

from polybot.domain.danger import Peak
from polybot.domain.entry_filter import AskHistory
from polybot.domain.exits import ExitCounters, ExitReason


class CaptureMemory(msgspec.Struct, frozen=True, kw_only=True):
    """One agent's memory of one window, small enough to travel with every checkpoint.

    What it owns and has ordered is not here: positions and orders say that, also after a restart.
    `exit_reason`, once set, stays: a position that is being left is left. `lock_dropped` says that
    the profit lock was taken back for good. The `last_*_ns` are market times of the last wish of
    their kind, and the `*_tries` count wishes, refused ones included.
    """

    slug: str = ""
    asks: AskHistory = AskHistory()
    peak: Peak = Peak()
    counters: ExitCounters = ExitCounters()
    exit_reason: ExitReason | None = None
    trend_blocked: bool = False
    entry_tries: int = 0
    last_entry_ns: int = 0
    last_exit_ns: int = 0
    lock_tries: int = 0
    last_lock_ns: int = 0
    lock_dropped: bool = False
