"""What a scenario saw of an official client, step by step; runs in the client's environment."""

import dataclasses
import json
import sys
from collections.abc import Awaitable, Callable, Mapping
from enum import Enum
from typing import Any

# The clients agree on no base class of their errors; these are where they keep what was answered.
_ERROR_FIELDS = ("status_code", "status", "error_msg", "code", "heartbeat_id")


class Transcript:
    """Records what each step returned or raised, and goes on either way."""

    def __init__(self) -> None:
        self.steps: dict[str, Any] = {}

    def step(self, name: str, call: Callable[[], Any]) -> Any:
        """Do a step and return its value, None when it raised."""
        try:
            value = call()
        except Exception as error:  # noqa: BLE001 - what a client raises is what is reported
            self.steps[name] = {"raised": _told(error)}
            return None
        self.steps[name] = {"returned": plain(value)}
        return value

    async def wait(self, name: str, call: Callable[[], Awaitable[Any]]) -> Any:
        """Do an asynchronous step and return its value, None when it raised."""
        try:
            value = await call()
        except Exception as error:  # noqa: BLE001 - as above
            self.steps[name] = {"raised": _told(error)}
            return None
        self.steps[name] = {"returned": plain(value)}
        return value

    def write(self) -> None:
        """Write everything as one line of JSON."""
        sys.stdout.write(json.dumps(self.steps) + "\n")


def _told(error: Exception) -> dict[str, Any]:
    fields = {name: plain(getattr(error, name)) for name in _ERROR_FIELDS if hasattr(error, name)}
    return {"type": type(error).__name__, "text": str(error), **fields}


def plain(value: Any) -> Any:
    """Return a value as JSON can carry it; decimals as text."""
    if value is None or isinstance(value, bool | int | float | str):
        return value.value if isinstance(value, Enum) else value
    if hasattr(value, "model_dump"):
        return plain(value.model_dump(mode="json"))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)
        }
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(each) for each in value]
    return str(value)
