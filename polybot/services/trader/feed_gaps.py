"""When each stream was away: facts for the journal, and a few words for the status."""

import msgspec

from polybot.messages.trading import FeedGap, FeedStateChanged
from polybot.ports import MarketClock, StreamFrame
from polybot.services.trader.bookkeeping import Bookkeeper

CONNECTED = "connected"


class _Away(msgspec.Struct, frozen=True):
    began_ns: int
    why: str


class FeedGaps(msgspec.Struct):
    """Records every change of a connection, and each gap once it is over.

    A stream's first connection ends no gap: nothing was heard before it.
    """

    books: Bookkeeper
    market_clock: MarketClock
    count: int = 0
    _connected: set[str] = msgspec.field(default_factory=set)
    _away: dict[str, _Away] = msgspec.field(default_factory=dict)
    _last: FeedGap | None = None

    def note(self, frame: StreamFrame) -> None:
        """Take a change of a connection; frames with data say nothing new."""
        if not frame.state:
            return
        connected = frame.state == CONNECTED
        self.books.record(
            FeedStateChanged(feed=frame.stream, connected=connected, detail=frame.state)
        )
        if connected:
            self._connected.add(frame.stream)
            self._end(frame.stream)
        elif frame.stream in self._connected:
            self._connected.discard(frame.stream)
            self._begin(frame)

    def is_connected(self, stream: str) -> bool:
        """Return whether a stream is connected now."""
        return stream in self._connected

    def describe(self) -> str:
        """Return which streams are away and what the last gap was, "" when there was none."""
        now_ns = self.market_clock.now_ns()
        words = [
            f"{stream} stream away for {self._wall_s(now_ns - away.began_ns):.1f} s ({away.why})"
            for stream, away in sorted(self._away.items())
        ]
        if not words and self._last is not None:
            last = self._last
            lasted_s = self._wall_s(last.ended_ns - last.began_ns)
            words.append(
                f"{self.count} gaps, the last of the {last.stream} stream: {lasted_s:.1f} s"
            )
        return ", ".join(words)

    def _wall_s(self, market_ns: int) -> float:
        # A gap is kept in market time, to be laid beside windows; people count their own seconds.
        return market_ns / 1e9 / max(1.0, self.market_clock.speed())

    def _begin(self, frame: StreamFrame) -> None:
        quiet_ns = int(frame.quiet_ns * self.market_clock.speed())
        began_ns = self.market_clock.now_ns() - quiet_ns
        self._away[frame.stream] = _Away(began_ns, frame.state)

    def _end(self, stream: str) -> None:
        away = self._away.pop(stream, None)
        if away is None:
            return
        self.count += 1
        self._last = FeedGap(
            stream=stream,
            began_ns=away.began_ns,
            ended_ns=self.market_clock.now_ns(),
            why=away.why,
        )
        self.books.record(self._last)
