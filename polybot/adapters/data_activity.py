"""What happened to our wallet beside trading, as the exchange's Data API tells it."""

import logging
from collections import deque
from collections.abc import Callable

import msgspec

from polybot.domain.activity import Activity
from polybot.errors import OutcomeUnknown, PolybotError
from polybot.exchange.answers import body_of
from polybot.exchange.http_calls import HttpAnswer, HttpCall, Transport
from polybot.exchange.wire_activity import WalletActivity, activity_of
from polybot.exchange.wire_codec import decode
from polybot.exchange.wire_data import DataPage
from polybot.ports.activity import ActivityAnswer

logger = logging.getLogger(__name__)

ACTIVITY = "/v2/activity"
PAGE = 500
# A page that names itself as the next one must not be asked for ever.
MOST_PAGES = 40


class _Question(msgspec.Struct):
    """One question under way: pages follow each other in the transport's threads."""

    funder: str
    since_s: int
    rows: list[Activity] = msgspec.field(default_factory=list)
    pages: int = 0


class DataApiActivity(msgspec.Struct):
    """Reads GET /v2/activity page by page; `wake` tells the service that an answer is there.

    `funder` returns the address that holds the money, None while nobody has logged in: a question
    is then dropped, for the next one comes soon.
    """

    transport: Transport
    funder: Callable[[], str | None]
    wake: Callable[[], None]
    _answers: deque[ActivityAnswer] = msgspec.field(default_factory=deque)

    def request(self, since_s: int) -> None:
        """Ask for everything since a moment."""
        funder = self.funder()
        if funder is not None:
            self._ask(_Question(funder, since_s), "")

    def take(self) -> list[ActivityAnswer]:
        """Return the answers that arrived since the last call."""
        taken = []
        while self._answers:
            taken.append(self._answers.popleft())
        return taken

    def _ask(self, question: _Question, cursor: str) -> None:
        query = {"user": question.funder, "limit": str(PAGE), "start": str(question.since_s)}
        if cursor:
            query["cursor"] = cursor
        self.transport.send(
            HttpCall("GET", ACTIVITY, query=query), lambda answer: self._read(question, answer)
        )

    def _read(self, question: _Question, answer: HttpAnswer) -> None:
        try:
            cursor = _take_page(question, answer)
        except PolybotError as error:
            self._put(ActivityAnswer(error=error))
            return
        if cursor:
            self._ask(question, cursor)
        else:
            self._put(ActivityAnswer(tuple(question.rows)))

    def _put(self, answer: ActivityAnswer) -> None:
        self._answers.append(answer)
        self.wake()


def _take_page(question: _Question, answer: HttpAnswer) -> str:
    """Add a page's rows to a question; returns the next page's cursor, "" after the last."""
    page = decode(body_of(answer), DataPage[WalletActivity])
    recent = [row for row in page.data if row.timestamp >= question.since_s]
    question.rows += [activity_of(row) for row in recent]
    question.pages += 1
    # Newest first: a page that goes back beyond the moment asked for is the last one needed.
    if len(recent) < len(page.data) or not page.pagination.has_more:
        return ""
    if question.pages >= MOST_PAGES:
        raise OutcomeUnknown(f"expected at most {MOST_PAGES} pages of activity, was more")
    return page.pagination.next_cursor or ""
