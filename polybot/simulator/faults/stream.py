"""What one websocket connection suffers: frames cut, doubled or held back, a freeze, an end."""

from collections.abc import Callable, Sequence
from typing import TypeAlias

from polybot.simulator.faults.injector import FaultInjector
from polybot.simulator.faults.plan import Fault
from polybot.simulator.faults.wire_quirks import long_statuses

Item: TypeAlias = bytes | float
"""What a client's queue holds: a frame, or the wall seconds to wait before the next one."""


class StreamFaults:
    """Decides what becomes of each data frame of one connection; answers to PING pass it by.

    A frozen connection stays open and silent until its client leaves, or a disconnect meets a frame
    it does not send. A delay holds back everything behind it, because a socket keeps its order.
    """

    def __init__(
        self,
        injector: FaultInjector,
        stream: str,
        *,
        now_ns: Callable[[], int],
        cut: Callable[[], None],
    ) -> None:
        self._injector = injector
        self._stream = stream
        self._now_ns = now_ns
        self._cut = cut
        self.frozen = False

    def passed(self, frame: bytes) -> Sequence[Item]:
        """Return what is sent instead of a frame: itself, nothing, or more."""
        if not self._injector.frames:
            return () if self.frozen else (frame,)
        if self.frozen:
            if self._injector.frame(self._stream, self._now_ns(), (Fault.DISCONNECT,)):
                self._cut()
            return ()
        items: list[Item] = [frame]
        for strike in self._injector.frame(self._stream, self._now_ns()):
            fault = strike.rule.fault
            if fault is Fault.FREEZE:
                self.frozen = True
                return ()
            if fault is Fault.DISCONNECT:
                self._cut()
                return ()
            items = _changed(items, fault, strike.rule.lasts_s)
        return items


def _changed(items: list[Item], fault: Fault, seconds: float) -> list[Item]:
    if fault is Fault.DELAY:
        return [seconds, *items]
    if fault is Fault.DUPLICATE:
        return [*items, items[-1]]
    if fault is Fault.MALFORMED:
        return [_cut_short(item) if isinstance(item, bytes) else item for item in items]
    return [_spelled_long(item) if isinstance(item, bytes) else item for item in items]


def _cut_short(frame: bytes) -> bytes:
    return frame[: len(frame) // 2]


def _spelled_long(frame: bytes) -> bytes:
    is_trade = b'"event_type":"trade"' in frame
    return long_statuses(frame, b"TRADE" if is_trade else b"ORDER")
