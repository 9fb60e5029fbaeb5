"""Websocket feeds that keep themselves connected: `stream` is the feed, `connection` one try."""

from polybot.adapters.websocket_stream.stream import Dialect, WebsocketStream

__all__ = ["Dialect", "WebsocketStream"]
