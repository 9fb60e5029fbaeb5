"""An analyst that asks OpenAI's API to comment on a digest, in a child process.

The `openai` package takes seconds to load and tens of megabytes to keep, and is needed a few times
a day: so each comment is a process of its own (`python -m polybot.adapters.openai_analyst`), which
reads one request from its standard input and writes one answer. The key travels there too, never in
an argument list.
"""

import logging
import queue
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import msgspec

from polybot.domain.digest import Digest
from polybot.ports import Comment

logger = logging.getLogger(__name__)

MOST_INSIGHTS = 10
LONGEST_INSIGHT = 500
TEMPERATURE = 0.7
MOST_TOKENS = 2000
# The child's start and the package's import, beside the API's own time.
START_S = 20.0
SYSTEM = (
    "You analyze the results of an automated trading system on Polymarket's short crypto up/down "
    "markets. You always answer with valid JSON."
)
PROMPT = (
    "These are the figures of the system's settled trades. Money is in micro-dollars, prices in "
    "1e-4 dollars, rates are 0..1, hours those of the trading zone.\n\n{digest}\n\n"
    "What do they show: what works, which mistakes repeat, what deserves a closer look? Say only "
    'what the figures support, and say when there are too few. Answer as JSON: {{"insights": '
    '["sentence", ...]}} with 2 to 5 sentences.'
)


class AnalystRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What the child is asked; `base_url` is empty for the official API."""

    digest: Digest
    model: str
    api_key: str
    base_url: str = ""
    timeout_s: float = 60.0

    def __repr__(self) -> str:
        return f"AnalystRequest(model={self.model!r})"


class AnalystAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What the child says: insights, or why there are none."""

    insights: tuple[str, ...] = ()
    error: str = ""


class _Insights(msgspec.Struct, frozen=True, kw_only=True):
    insights: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalystSettings:
    """How the API is reached; the key is never shown."""

    model: str
    api_key: str = field(repr=False)
    base_url: str = ""
    timeout_s: float = 60.0


class OpenAiAnalyst:
    """Comments one digest after the other, in a thread that waits for the children."""

    name = "openai"

    def __init__(
        self,
        settings: AnalystSettings,
        *,
        wake: Callable[[], None],
        command: Sequence[str] = (sys.executable, "-m", "polybot.adapters.openai_analyst"),
    ) -> None:
        self._settings = settings
        self._wake = wake
        self._command = tuple(command)
        self._questions: queue.SimpleQueue[tuple[str, Digest] | None] = queue.SimpleQueue()
        self._comments: deque[Comment] = deque()
        self._child: subprocess.Popen[bytes] | None = None
        self._thread: threading.Thread | None = None
        self._stopped = False

    def ask(self, mark: str, digest: Digest) -> None:
        """Queue a question; its comment comes with `take`."""
        self._questions.put((mark, digest))
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="analyst", daemon=True)
            self._thread.start()

    def take(self) -> list[Comment]:
        """Return the comments that arrived since the last call."""
        taken = []
        while self._comments:
            taken.append(self._comments.popleft())
        return taken

    def stop(self) -> None:
        """End the question under way and forget the others."""
        self._stopped = True
        self._questions.put(None)
        child = self._child
        if child is not None and child.poll() is None:
            child.kill()
        if self._thread is not None:
            self._thread.join(timeout=2)

    def _run(self) -> None:
        while (question := self._questions.get()) is not None and not self._stopped:
            mark, digest = question
            answer = self._answer(digest)
            self._comments.append(Comment(mark, answer.insights, answer.error))
            self._wake()

    def _answer(self, digest: Digest) -> AnalystAnswer:
        settings = self._settings
        request = AnalystRequest(
            digest=digest,
            model=settings.model,
            api_key=settings.api_key,
            base_url=settings.base_url,
            timeout_s=settings.timeout_s,
        )
        try:
            self._child = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
            if self._stopped:
                self._child.kill()
            output, _ = self._child.communicate(
                msgspec.json.encode(request), timeout=settings.timeout_s + START_S
            )
        except OSError as error:
            return AnalystAnswer(error=f"the analyst could not be started: {error.strerror}")
        except subprocess.TimeoutExpired:
            if self._child is not None:
                self._child.kill()
                self._child.communicate()
            return AnalystAnswer(error=f"no answer within {settings.timeout_s:g} s")
        try:
            return msgspec.json.decode(output, type=AnalystAnswer)
        except msgspec.MsgspecError:
            return AnalystAnswer(error=f"the analyst ended with {self._child.returncode}")


def comment(request: AnalystRequest) -> AnalystAnswer:
    """Ask the API once; whatever goes wrong becomes the answer's `error`."""
    import openai  # noqa: PLC0415 (loads for seconds, and only here)

    client = openai.OpenAI(
        api_key=request.api_key,
        base_url=request.base_url or None,
        timeout=request.timeout_s,
        max_retries=0,
    )
    prompt = PROMPT.format(digest=msgspec.json.encode(request.digest).decode())
    try:
        completion = client.chat.completions.create(
            model=request.model,
            temperature=TEMPERATURE,
            max_tokens=MOST_TOKENS,
            response_format={"type": "json_object"},
            messages=[
                {"role": "system", "content": SYSTEM},
                {"role": "user", "content": prompt},
            ],
        )
    except openai.OpenAIError as error:
        return AnalystAnswer(error=f"{type(error).__name__}: {error}"[:LONGEST_INSIGHT])
    if not completion.choices:
        return AnalystAnswer(error="expected a completion, was none")
    return read_insights(completion.choices[0].message.content or "")


def read_insights(text: str) -> AnalystAnswer:
    """Check the model's text against its schema; it is data, shown and never obeyed."""
    try:
        told = msgspec.json.decode(text, type=_Insights)
    except msgspec.MsgspecError as error:
        return AnalystAnswer(error=f'expected {{"insights": [...]}}, was {text[:100]!r}: {error}')
    sentences = (_plain(sentence) for sentence in told.insights[:MOST_INSIGHTS])
    return AnalystAnswer(insights=tuple(sentence for sentence in sentences if sentence))


def _plain(sentence: str) -> str:
    """Return a sentence of printable characters, cut to a length that fits a screen."""
    return " ".join("".join(c if c.isprintable() else " " for c in sentence).split())[
        :LONGEST_INSIGHT
    ]


def main() -> int:
    """Answer one request from standard input on standard output."""
    request = msgspec.json.decode(sys.stdin.buffer.read(), type=AnalystRequest)
    sys.stdout.buffer.write(msgspec.json.encode(comment(request)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
