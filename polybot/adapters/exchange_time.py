"""How far the exchange's clock is from ours, by its GET /time."""

import threading
from collections.abc import Callable

from polybot.exchange.http_calls import HttpAnswer, HttpCall, Transport
from polybot.ports import Clock

OK = 200
SECOND_NS = 1_000_000_000
# The exchange tells whole seconds, rounded down: half a second is the best guess of the rest.
HALF_SECOND_NS = SECOND_NS // 2
# An answer that took this long says too little about either clock.
SLOWEST_NS = 2 * SECOND_NS
# Two clocks read further apart than this say nothing of each other.
BREAK_NS = SECOND_NS // 20


class ExchangeTime:
    """Asks in the transport's threads and keeps the newest difference.

    `agrees` is told the difference of wall and monotonic time whenever the exchange is not further
    from the wall clock than `max_skew_s`. It wants the machine's clock as it is.
    """

    def __init__(
        self,
        transport: Transport,
        clock: Clock,
        *,
        max_skew_s: float = 0.0,
        agrees: Callable[[int], None] = lambda offset_ns: None,
    ) -> None:
        self._transport = transport
        self._clock = clock
        self._max_skew_s = max_skew_s
        self._agrees = agrees
        self._lock = threading.Lock()
        self._skew_s: float | None = None
        self._asking = False

    def ask(self) -> None:
        """Ask for the exchange's time, unless a question is under way."""
        with self._lock:
            if self._asking:
                return
            self._asking = True
        sent_ns = self._clock.monotonic_ns()
        self._transport.send(HttpCall("GET", "/time"), lambda answer: self._done(answer, sent_ns))

    def skew_s(self) -> float | None:
        """Return our wall time minus the exchange's, None when it is not known."""
        with self._lock:
            return self._skew_s

    def _done(self, answer: HttpAnswer, sent_ns: int) -> None:
        answered_ns = self._clock.monotonic_ns()
        wall_ns = self._clock.now_ns()
        stood_still = self._clock.monotonic_ns() - answered_ns > BREAK_NS
        took_ns = answered_ns - sent_ns
        skew_s: float | None = None
        told = answer.body.strip()
        readable = answer.error is None and answer.status == OK and told.isdigit()
        with self._lock:
            self._asking = False
            if not readable:
                # Unreachable is the trader's trouble; of the clocks nothing is known then.
                self._skew_s = None
            elif took_ns <= SLOWEST_NS:
                theirs_ns = int(told) * SECOND_NS + HALF_SECOND_NS + took_ns // 2
                skew_s = self._skew_s = (wall_ns - theirs_ns) / SECOND_NS
        if skew_s is not None and abs(skew_s) <= self._max_skew_s and not stood_still:
            self._agrees(wall_ns - answered_ns)
