"""Wall time that does not jump: a new one is followed once the exchange's clock confirms it."""

import json
import logging
from pathlib import Path

from polybot.config.private_files import read_text, replace_text
from polybot.errors import StorageError
from polybot.ports import Clock

logger = logging.getLogger(__name__)

SECOND_NS = 1_000_000_000
# Less than this is a clock being kept right, and followed at once.
JUMP_NS = SECOND_NS
LOOK_NS = SECOND_NS // 2
# Two readings further apart than this say nothing of each other: the process stood still.
_BREAK_NS = SECOND_NS // 20


class ConfirmedTime:
    """The difference of wall and monotonic time that the exchange's clock agreed with last.

    One file of a floor, written by the watchdog and read by every process, of this boot alone:
    monotonic time begins anew with each.
    """

    def __init__(self, path: Path, boot: str) -> None:
        self._path = path
        self._boot = boot
        self._written_ns: int | None = None

    def offset_ns(self) -> int | None:
        """Return wall minus monotonic time as it was confirmed, None when it never was."""
        try:
            told = json.loads(read_text(self._path) or "{}")
            return int(told["offset_ns"]) if told.get("boot") == self._boot else None
        except (StorageError, ValueError, KeyError, TypeError, AttributeError) as error:
            logger.warning("cannot read the confirmed time in %s: %s", self._path, error)
            return None

    def confirm(self, offset_ns: int) -> None:
        """Write that the exchange agrees with the wall clock as it is now."""
        if self._written_ns is not None and abs(self._written_ns - offset_ns) < JUMP_NS // 10:
            return
        try:
            text = json.dumps({"boot": self._boot, "offset_ns": offset_ns})
            replace_text(self._path, text, private=False)
        except StorageError as error:
            # Without it a jump is not followed, which is the safe side.
            logger.warning("cannot keep the confirmed time: %s", error)
            return
        self._written_ns = offset_ns


class SteadyClock:
    """The wall clock, as long as it goes with the monotonic one.

    When it jumps by a second or more, time goes on by the monotonic clock: no time-out, cool-down
    or window ends early or late because somebody set the clock. `jump_s` tells by how much.
    """

    def __init__(self, clock: Clock, confirmed: ConfirmedTime) -> None:
        self._clock = clock
        self._confirmed = confirmed
        self._looked_ns = 0
        self._jump_ns = 0
        self._offset_ns = self._measure()
        known = confirmed.offset_ns()
        if known is not None and abs(self._offset_ns - known) >= JUMP_NS:
            jump_ns, self._offset_ns = self._offset_ns - known, known
            self._tell_jump(jump_ns)

    def now_ns(self) -> int:
        """Return UTC epoch nanoseconds."""
        mono_ns = self._clock.monotonic_ns()
        wall_ns = self._clock.now_ns()
        offset_ns = wall_ns - mono_ns
        if abs(offset_ns - self._offset_ns) < JUMP_NS and not self._jump_ns:
            self._offset_ns = offset_ns
            return wall_ns
        self._mind(self._measure())
        return self._clock.monotonic_ns() + self._offset_ns

    def monotonic_ns(self) -> int:
        """Return nanoseconds of the system-wide monotonic clock."""
        return self._clock.monotonic_ns()

    def jump_s(self) -> float:
        """Return how far the wall clock is from the time that is told, 0 while they are one."""
        self.now_ns()
        return self._jump_ns / SECOND_NS

    def _measure(self) -> int:
        """Return wall minus monotonic time, both read in one go."""
        while True:
            began_ns = self._clock.monotonic_ns()
            wall_ns = self._clock.now_ns()
            if self._clock.monotonic_ns() - began_ns < _BREAK_NS:
                return wall_ns - began_ns

    def _mind(self, offset_ns: int) -> None:
        jump_ns = offset_ns - self._offset_ns
        if abs(jump_ns) < JUMP_NS:
            if self._jump_ns:
                logger.warning("the wall clock is back at the time that was told meanwhile")
            self._jump_ns = 0
            self._offset_ns = offset_ns
            return
        if abs(jump_ns - self._jump_ns) >= JUMP_NS:
            self._tell_jump(jump_ns)
            self._looked_ns = 0
        now_ns = self._clock.monotonic_ns()
        if self._looked_ns and now_ns - self._looked_ns < LOOK_NS:
            return
        self._looked_ns = now_ns
        confirmed_ns = self._confirmed.offset_ns()
        if confirmed_ns is not None and abs(confirmed_ns - offset_ns) < JUMP_NS:
            logger.warning(
                "the exchange's clock confirms the wall clock: time follows it by %+.1f s",
                jump_ns / SECOND_NS,
            )
            self._jump_ns = 0
            self._offset_ns = offset_ns

    def _tell_jump(self, jump_ns: int) -> None:
        self._jump_ns = jump_ns
        logger.warning(
            "the wall clock jumped by %+.1f s: time goes on by the monotonic clock until the "
            "exchange's clock confirms it",
            jump_ns / SECOND_NS,
        )
