"""Which windows to ask for their official outcome, and when; its state lives in the database."""

import msgspec
from msgspec.structs import replace

from polybot.domain.stored import OpenQuestion

# So many questions follow the first one quickly; the exchange mostly resolves within them.
QUICK_RETRIES = 6
# A window that stays open for hours (the exchange dropped it, or disputes it) is asked for ever
# more rarely: after this share of its age.
AGE_SHARE = 10


class AskTimes(msgspec.Struct, frozen=True):
    """Market time from a close to the first question, between quick ones, between slow ones."""

    first_ns: int
    retry_ns: int
    slow_ns: int


class SettlementQueue:
    """The windows without an outcome, and when each is to be asked for next.

    The caller keeps `asked`'s answers in the database and loads them again after a restart.
    """

    def __init__(self, times: AskTimes) -> None:
        self._times = times
        self._open: dict[str, OpenQuestion] = {}

    def __len__(self) -> int:
        return len(self._open)

    def load(self, questions: list[OpenQuestion]) -> None:
        """Replace the queue by what the database holds."""
        self._open = {question.slug: question for question in questions}

    def add(self, slug: str, condition_id: str, close_ns: int) -> None:
        """Add a window, or take its newer metadata."""
        known = self._open.get(slug)
        asks, next_ask_ns = (known.asks, known.next_ask_ns) if known else (0, 0)
        self._open[slug] = OpenQuestion(slug, condition_id, close_ns, asks, next_ask_ns)

    def get(self, slug: str) -> OpenQuestion | None:
        """Return a window that is still open."""
        return self._open.get(slug)

    def remove(self, slug: str) -> None:
        """Take out a window whose outcome is known."""
        self._open.pop(slug, None)

    def due(self, now_ns: int) -> list[OpenQuestion]:
        """Return the windows to ask for now, those that closed first before the others."""
        ready = [question for question in self._open.values() if now_ns >= self._next_ns(question)]
        return sorted(ready, key=lambda question: (question.close_ns, question.slug))

    def next_ns(self) -> int | None:
        """Return the market time of the next question, None when there is none to ask."""
        return min((self._next_ns(question) for question in self._open.values()), default=None)

    def asked(self, slug: str, now_ns: int) -> OpenQuestion:
        """Count one question and return the window with the time of its next one."""
        question = self._open[slug]
        asks = question.asks + 1
        pause_ns = self._times.retry_ns
        if asks > QUICK_RETRIES:
            pause_ns = max(self._times.slow_ns, (now_ns - question.close_ns) // AGE_SHARE)
        self._open[slug] = replace(question, asks=asks, next_ask_ns=now_ns + pause_ns)
        return self._open[slug]

    def _next_ns(self, question: OpenQuestion) -> int:
        return question.next_ask_ns or question.close_ns + self._times.first_ns
