"""When a process that keeps crashing is held back, and when it is well again."""

from typing import Annotated

from polybot.config.fields import Doc, Range
from polybot.config.section import Section


class CrashLoopConfig(Section, frozen=True, kw_only=True):
    """What happens to a process that crashes again and again."""

    crashes: Annotated[
        int,
        Range(0, 100),
        Doc(
            "crashes within window_s from which on a start waits, and the trader starts without "
            "entries; 0: never"
        ),
    ] = 3
    window_s: Annotated[float, Range(1, 86_400), Doc("seconds in which crashes are counted")] = 60.0
    first_wait_s: Annotated[
        float,
        Range(0.1, 60),
        Doc("seconds the first such start waits; each next one twice as long"),
    ] = 1.0
    longest_wait_s: Annotated[
        float,
        Range(0.1, 600),
        Doc("longest wait; of trader and watchdog never more than 2/5 of watchdog.fence_s"),
    ] = 30.0
    quiet_s: Annotated[
        float, Range(1, 86_400), Doc("seconds without a crash after which the loop is over")
    ] = 300.0
