"""Wakes a work loop from another thread."""

import asyncio
import contextlib


class ThreadWake:
    """Sets an event inside its loop; callable from any thread, harmless before the loop runs."""

    def __init__(self, event: asyncio.Event) -> None:
        self._event = event
        self._loop: asyncio.AbstractEventLoop | None = None

    def attach(self) -> None:
        """Take the running loop; called inside it."""
        self._loop = asyncio.get_running_loop()

    def __call__(self) -> None:
        """Wake the loop."""
        if self._loop is not None:
            # The loop may close while an answer is still on its way; nobody is left to wake then.
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._event.set)
