"""A person's chats, each text on a thread: what the watchdog says must never hold it up."""

import queue
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from polybot.ports.messenger import ChatAnswer

if TYPE_CHECKING:
    from polybot.extras.chat import Channel, Delivery

Deliver = Callable[["Channel", str], "Delivery"]
# More than there are conditions: beyond it a text is refused, and comes again.
MOST_WAITING = 100


class ChatMessenger:
    """Sends texts one after the other to every chat; the chats do not wait for each other."""

    def __init__(
        self, channels: "Sequence[Channel]", wake: Callable[[], None], deliver: Deliver
    ) -> None:
        self.channels = tuple(channel.name for channel in channels)
        self._wake = wake
        self._deliver = deliver
        self._answers: deque[ChatAnswer] = deque()
        self._waiting: list[queue.Queue[tuple[str, str]]] = []
        for channel in channels:
            waiting: queue.Queue[tuple[str, str]] = queue.Queue(MOST_WAITING)
            self._waiting.append(waiting)
            threading.Thread(
                target=self._run, args=(channel, waiting), name=f"chat-{channel.name}", daemon=True
            ).start()

    def send(self, key: str, text: str) -> None:
        """Send a text to every chat; `key` comes back with each answer."""
        for name, waiting in zip(self.channels, self._waiting, strict=True):
            try:
                waiting.put_nowait((key, text))
            except queue.Full:
                self._answers.append(
                    ChatAnswer(key=key, channel=name, delivered=False, tries=0, detail="too many")
                )

    def take(self) -> list[ChatAnswer]:
        """Return what became of texts since the last call, one answer for each chat."""
        taken = []
        while self._answers:
            taken.append(self._answers.popleft())
        return taken

    def _run(self, channel: "Channel", waiting: "queue.Queue[tuple[str, str]]") -> None:
        while True:
            key, text = waiting.get()
            done = self._deliver(channel, text)
            self._answers.append(
                ChatAnswer(
                    key=key,
                    channel=channel.name,
                    delivered=done.delivered,
                    tries=done.tries,
                    detail=done.detail,
                )
            )
            self._wake()
