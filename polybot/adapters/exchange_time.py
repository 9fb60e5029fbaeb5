"""How far the exchange's clock is from ours, by its GET /time."""

import threading

from polybot.exchange.http_calls import HttpAnswer, HttpCall, Transport
from polybot.ports import Clock

OK = 200
SECOND_NS = 1_000_000_000
# The exchange tells whole seconds, rounded down: half a second is the best guess of the rest.
HALF_SECOND_NS = SECOND_NS // 2
# An answer that took this long says too little about either clock.
SLOWEST_NS = 2 * SECOND_NS


class ExchangeTime:
    """Asks in the transport's threads and keeps the newest difference."""

    def __init__(self, transport: Transport, clock: Clock) -> None:
        self._transport = transport
        self._clock = clock
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
        took_ns = self._clock.monotonic_ns() - sent_ns
        told = answer.body.strip()
        readable = answer.error is None and answer.status == OK and told.isdigit()
        with self._lock:
            self._asking = False
            if not readable:
                # Unreachable is the trader's trouble; of the clocks nothing is known then.
                self._skew_s = None
            elif took_ns <= SLOWEST_NS:
                theirs_ns = int(told) * SECOND_NS + HALF_SECOND_NS + took_ns // 2
                self._skew_s = (self._clock.now_ns() - theirs_ns) / SECOND_NS
