"""The vocabulary of configuration fields: what each annotation on a schema field means."""

from decimal import Decimal

import msgspec


class Doc(msgspec.Struct, frozen=True):
    """Say what a key does; shown by `polybot config schema` and required for every key."""

    text: str


class Range(msgspec.Struct, frozen=True):
    """Bound a number, both ends included."""

    low: int | float | Decimal
    high: int | float | Decimal


class OneOf(msgspec.Struct, frozen=True):
    """Bound a text to a set of words."""

    words: tuple[str, ...]


class Secret(msgspec.Struct, frozen=True):
    """Mark a value that is never shown, logged or hashed."""


class EnvName(msgspec.Struct, frozen=True):
    """Accept the value from these environment names too (the names older bots used)."""

    names: tuple[str, ...]
