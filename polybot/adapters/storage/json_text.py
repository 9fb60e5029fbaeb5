"""Values that live in one column: JSON text in and out."""

from typing import Any, TypeVar

import msgspec

Value = TypeVar("Value")


def to_text(value: Any) -> str:
    """Write a value as JSON text."""
    return msgspec.json.encode(value).decode()


def from_text(text: str, kind: type[Value]) -> Value:
    """Read JSON text back into a value of a type."""
    return msgspec.json.decode(text, type=kind)
