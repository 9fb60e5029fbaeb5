"""Market time of a mirrored exchange: a simulated one is asked, a real one lives by the wall.

Another simulator runs at a speed of its own and tells it at GET /simulator/time. A real exchange
has no such route, and its market time is wall time.
"""

import threading
from collections.abc import Callable

import msgspec

from polybot.exchange.http_calls import HttpAnswer, HttpCall, Transport
from polybot.ports import Clock, MarketMoment

OK = 200
NOT_FOUND = 404
ASK_EVERY_NS = 500_000_000
# An answer that took longer says too little about when it was true, unless it is the first one.
SLOW_NS = 200_000_000
# A question unanswered for so long is asked again.
TIMEOUT_NS = 5_000_000_000


class _Told(msgspec.Struct, frozen=True):
    """The part of the answer that is used."""

    market_ns: int
    speed: float


class WallUpstreamTime:
    """A real exchange's market time: this machine's wall clock."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def moment(self) -> MarketMoment | None:
        """Return the present moment."""
        return MarketMoment(self._clock.monotonic_ns(), self._clock.now_ns(), 1.0)


class AskedUpstreamTime:
    """Asks twice a second, in the transport's threads; `wake` is called when the time is known.

    A first answer of 404 means a real exchange: from then on it is wall time.
    """

    def __init__(
        self, transport: Transport, clock: Clock, *, wake: Callable[[], None] = lambda: None
    ) -> None:
        self._transport = transport
        self._clock = clock
        self._wake = wake
        self._wall = WallUpstreamTime(clock)
        self._lock = threading.Lock()
        self._newest: MarketMoment | None = None
        self._is_wall = False
        self._asked_ns: int | None = None
        self._is_asking = False

    def moment(self) -> MarketMoment | None:
        """Return the newest moment, None before the first answer; asks when it is due."""
        mono_ns = self._clock.monotonic_ns()
        with self._lock:
            if self._is_wall:
                return self._wall.moment()
            newest = self._newest
            due_ns = TIMEOUT_NS if self._is_asking else ASK_EVERY_NS
            if self._asked_ns is not None and mono_ns - self._asked_ns < due_ns:
                return newest
            self._asked_ns, self._is_asking = mono_ns, True
        call = HttpCall("GET", "/simulator/time")
        self._transport.send(call, lambda answer: self._done(answer, mono_ns))
        return newest

    def _done(self, answer: HttpAnswer, sent_ns: int) -> None:
        now_ns = self._clock.monotonic_ns()
        told = _read(answer)
        with self._lock:
            self._is_asking = False
            if told is None:
                self._is_wall = self._newest is None and answer.status == NOT_FOUND
            elif self._newest is None or now_ns - sent_ns <= SLOW_NS:
                # Half way between question and answer is the best guess of when it was true.
                middle_ns = sent_ns + (now_ns - sent_ns) // 2
                self._newest = MarketMoment(middle_ns, told.market_ns, told.speed)
        self._wake()


def _read(answer: HttpAnswer) -> _Told | None:
    if answer.error is not None or answer.status != OK:
        return None
    try:
        return msgspec.json.decode(answer.body, type=_Told)
    except msgspec.MsgspecError:
        return None
