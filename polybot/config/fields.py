"""The vocabulary of configuration fields: what each annotation on a schema field means."""

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Doc:
    """Say what a key does; shown by `polybot config schema` and required for every key."""

    text: str


@dataclass(frozen=True, slots=True)
class Range:
    """Bound a number, both ends included."""

    low: int | float | Decimal
    high: int | float | Decimal


@dataclass(frozen=True, slots=True)
class OneOf:
    """Bound a text to a set of words."""

    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Secret:
    """Mark a value that is never shown, logged or hashed."""


@dataclass(frozen=True, slots=True)
class EnvName:
    """Accept the value from these environment names too (the names older bots used)."""

    names: tuple[str, ...]
