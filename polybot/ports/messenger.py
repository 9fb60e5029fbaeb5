"""A person's chats, as the watchdog uses them."""

from typing import Protocol

import msgspec


class ChatAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one text at one chat; `detail` says why it was not delivered."""

    key: str
    channel: str
    delivered: bool
    tries: int = 1
    detail: str = ""


class Messenger(Protocol):
    """Sends texts to a person's chats, off the work loop; without a chat it takes nothing."""

    channels: tuple[str, ...]

    def send(self, key: str, text: str) -> None:
        """Send a text to every chat; `key` comes back with each answer."""

    def take(self) -> list[ChatAnswer]:
        """Return what became of texts since the last call, one answer for each chat."""
