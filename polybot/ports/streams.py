"""Websocket feeds as a service sees them."""

from collections.abc import Sequence
from typing import Protocol

import msgspec


class StreamFrame(msgspec.Struct, frozen=True):
    """One frame of a stream, or a change of its connection when `data` is empty.

    `stream` is "market", "user", "price", "rtds", "binance" or "coinbase". `state` is "",
    "connected", "disconnected: <why>" when it ended, or "stale: <why>" when it was given up because
    nothing came; `quiet_ns` says then for how long nothing had come (monotonic time).
    """

    stream: str
    mono_ns: int
    data: bytes = b""
    state: str = ""
    quiet_ns: int = 0


class Stream(Protocol):
    """A websocket feed that reconnects by itself and tells when it did."""

    name: str

    def subscribe(self, subjects: Sequence[str]) -> None:
        """Replace what is subscribed: token ids, condition ids or price symbols."""

    def take(self) -> list[StreamFrame]:
        """Return the frames that arrived since the last call, oldest first."""

    def age_s(self) -> float | None:
        """Return seconds since the last data frame, None when there was none yet."""

    async def start(self) -> None:
        """Begin to connect."""

    async def stop(self) -> None:
        """Close the connection."""
