"""Gets back the books that are missing: asks for a whole one, and says why one was dropped."""

import logging
from collections.abc import Iterable

import msgspec

from polybot.domain.refusals import Refusals
from polybot.errors import InvalidValue, NotFound, PolybotError, ProtocolError
from polybot.exchange.wire_codec import decode
from polybot.exchange.wire_market import BookAnswer
from polybot.messages.trading import BookDistrusted
from polybot.ports import BookReply, BookSource, Clock
from polybot.services.trader.bookkeeping import Bookkeeper
from polybot.services.trader.market_data import MarketData

logger = logging.getLogger(__name__)

SECOND_NS = 1_000_000_000
# The stream sends a snapshot by itself; only when none came for this long is one asked for.
PATIENCE_NS = 3 * SECOND_NS
LONGEST_PATIENCE_NS = 30 * SECOND_NS


class _Wait(msgspec.Struct):
    """When a missing book is asked for next, and how long after that again (monotonic time)."""

    at_ns: int
    pause_ns: int = PATIENCE_NS


class BookRepair(msgspec.Struct):
    """Watches over the books of `data`; while one is missing nobody decides on it.

    `distrusted` counts the books dropped because they could not be true, `repaired` those that
    were asked for and taken.
    """

    data: MarketData
    source: BookSource
    books: Bookkeeper
    clock: Clock
    distrusted: int = 0
    repaired: int = 0
    _waits: dict[str, _Wait] = msgspec.field(default_factory=dict)
    _faults: Refusals = msgspec.field(default_factory=Refusals)
    _failures: Refusals = msgspec.field(default_factory=Refusals)
    _said_hopeless: bool = False

    def turn(self, replies: Iterable[BookReply]) -> None:
        """Take the books that came, record what was dropped, and ask for what is due."""
        now_ns = self.clock.monotonic_ns()
        for reply in replies:
            self._take(reply, now_ns)
        faults, self.data.faults = self.data.faults, []
        for fault in faults:
            self.distrusted += 1
            slug = self.data.slug(fault.token_id)
            self.books.record(
                BookDistrusted(
                    slug=slug, token_id=fault.token_id, fault=fault.kind.value, detail=fault.detail
                )
            )
            what = f"{slug}, token {fault.token_id[:12]}…: {fault.detail}"
            self._warn(self._faults, "not trading on a book, fetching it anew", what, now_ns)
        self._ask(now_ns)
        if self.data.hashes.is_hopeless() and not self._said_hopeless:
            self._said_hopeless = True
            logger.warning(
                "book hashes are no longer checked: none of the first %d was as documented",
                self.data.hashes.failed,
            )

    def _ask(self, now_ns: int) -> None:
        missing = self.data.missing() if self.data.is_connected else []
        if len(self._waits) > len(missing):
            self._waits = {token: self._waits[token] for token in missing if token in self._waits}
        for token in missing:
            wait = self._waits.get(token)
            if wait is None:
                self._waits[token] = _Wait(now_ns + PATIENCE_NS)
            elif now_ns >= wait.at_ns:
                wait.at_ns = now_ns + wait.pause_ns
                wait.pause_ns = min(2 * wait.pause_ns, LONGEST_PATIENCE_NS)
                self.source.request(token)

    def _take(self, reply: BookReply, now_ns: int) -> None:
        if reply.token_id not in self._waits:
            return
        try:
            if reply.error is not None:
                raise reply.error
            problem = self._restore(reply)
        except NotFound:
            # No book before a market opens and after it closed: that is how it is.
            return
        except (PolybotError, InvalidValue) as error:
            problem = str(error)
        if problem:
            self._warn(self._failures, "a book that was asked for cannot be used", problem, now_ns)

    def _restore(self, reply: BookReply) -> str:
        answer = decode(reply.body, BookAnswer)
        if answer.asset_id != reply.token_id:
            raise ProtocolError(
                f"expected the book of token {reply.token_id}, was {answer.asset_id}"
            )
        problem = self.data.restore(answer)
        if not problem and reply.token_id not in self.data.missing():
            self.repaired += 1
        return problem

    def _warn(self, counter: Refusals, what: str, detail: str, now_ns: int) -> None:
        line = counter.note(detail, now_ns)
        if line:
            logger.warning("%s: %s", what, line)
