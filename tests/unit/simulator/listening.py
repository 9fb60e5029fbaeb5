"""A websocket client of a stand, and a queue that only collects."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from tests.unit.simulator.stand import Stand


class Collected:
    """Stands in for a client's queue: `events` is everything that was put, decoded."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.full = False

    def put(self, frame: bytes) -> None:
        self.frames.append(frame)

    @property
    def events(self) -> list[Any]:
        found: list[Any] = []
        for frame in self.frames:
            value = json.loads(frame)
            found += value if isinstance(value, list) else [value]
        return found

    def take(self) -> list[Any]:
        events = self.events
        self.frames = []
        return events


class Listener:
    """A websocket that reads frame by frame."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket

    async def say(self, value: object) -> None:
        await self.socket.send_str(value if isinstance(value, str) else json.dumps(value))

    async def hear(self) -> Any:
        """Return the next frame, decoded; a bare word as it is, a closing as its code."""
        message = await self.socket.receive(timeout=5)
        if message.type is not aiohttp.WSMsgType.TEXT:
            return self.socket.close_code
        return message.data if message.data == "PONG" else json.loads(message.data)


@asynccontextmanager
async def listening(stand: Stand, channel: str) -> AsyncIterator[Listener]:
    async with stand.session.ws_connect(f"/ws/{channel}") as socket:
        yield Listener(socket)
