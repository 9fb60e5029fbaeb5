"""From what a person wrote to a typed value, and from a value to what may be shown of it."""

import math
import re
import tomllib
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any

from polybot.config.keys import Key, Kind
from polybot.errors import InvalidValue

HIDDEN = "(hidden)"

_TRUE = frozenset({"true", "yes", "on", "1"})
_FALSE = frozenset({"false", "no", "off", "0"})
_SECRET_NAME = re.compile(r"key|secret|pass|phrase|token|credential|mnemonic|seed_", re.IGNORECASE)
# A private key, with or without 0x, or an API key in one of the usual shapes.
_SECRET_SHAPE = re.compile(r"(0x)?[0-9a-fA-F]{64}|sk-\S{8,}")
_USER_IN_URL = re.compile(r"//[^/@\s]+@")
_LONGEST_SHOWN = 80


def typed(key: Key, raw: Any, *, is_text: bool) -> Any:
    """Return the typed value of a key; raises InvalidValue with what was expected and what it was.

    `is_text` says that `raw` is an environment's text; otherwise it is a TOML value, whose floats
    were parsed as Decimal.
    """
    read = _FROM_TEXT[key.kind] if is_text else _FROM_TOML[key.kind]
    try:
        value = read(raw)
    except (TypeError, ValueError, InvalidOperation) as error:
        raise _refusal(key, raw) from error
    if key.words:
        value = str(value).lower()
    if not _allowed(key, value):
        raise _refusal(key, raw)
    return value


def shown(raw: Any, key: Key | None = None, *, name: str = "") -> str:
    """Return a value as a message or a page may show it: never a secret, never long."""
    if (key is not None and key.secret) or looks_secret(name, raw):
        return HIDDEN
    if isinstance(raw, (list, tuple)):
        return "[" + ", ".join(shown(item) for item in raw) + "]"
    if isinstance(raw, bool):
        return "true" if raw else "false"
    text = str(raw) if isinstance(raw, (int, float, Decimal)) else repr(raw)
    text = _USER_IN_URL.sub("//***@", text)
    return text if len(text) <= _LONGEST_SHOWN else text[: _LONGEST_SHOWN - 3] + "..."


def looks_secret(name: str, raw: Any) -> bool:
    """Tell whether a value may be a secret, by its key's name or by its own shape."""
    return bool(_SECRET_NAME.search(name)) or bool(_SECRET_SHAPE.search(str(raw)))


def _refusal(key: Key, raw: Any) -> InvalidValue:
    return InvalidValue(f"expected {key.expected()}, was {shown(raw, key)}")


def _allowed(key: Key, value: Any) -> bool:
    if key.words:
        return value in key.words
    if isinstance(value, float) and not math.isfinite(value):
        return False
    if isinstance(value, Decimal) and not value.is_finite():
        return False
    if key.bounds is None or isinstance(value, bool):
        return True
    # Compared as decimals: 0.999 as a float is not 0.999.
    number = Decimal(str(value))
    return Decimal(str(key.bounds.low)) <= number <= Decimal(str(key.bounds.high))


def _text(raw: Any) -> str:
    if not isinstance(raw, str):
        raise TypeError
    return raw


def _flag(raw: Any) -> bool:
    if not isinstance(raw, bool):
        raise TypeError
    return raw


def _flag_from_text(raw: str) -> bool:
    word = raw.strip().lower()
    if word not in _TRUE | _FALSE:
        raise ValueError
    return word in _TRUE


def _integer(raw: Any) -> int:
    if isinstance(raw, bool) or not isinstance(raw, int):
        raise TypeError
    return raw


def _amount(raw: Any) -> Decimal:
    if isinstance(raw, bool) or not isinstance(raw, (int, Decimal)):
        raise TypeError
    return Decimal(raw)


def _texts(raw: Any) -> tuple[str, ...]:
    if not isinstance(raw, list):
        raise TypeError
    return tuple(_text(item) for item in raw)


def _texts_from_text(raw: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in raw.split(",") if part.strip())


def _any_from_text(raw: str) -> Any:
    """Read a strategy's parameter as TOML would (0.95, true, [1, 2]), else as plain text."""
    try:
        return tomllib.loads(f"value = {raw}", parse_float=Decimal)["value"]
    except tomllib.TOMLDecodeError:
        return raw


_FROM_TOML: dict[Kind, Callable[[Any], Any]] = {
    Kind.TEXT: _text,
    Kind.FLAG: _flag,
    Kind.INTEGER: _integer,
    Kind.NUMBER: lambda raw: float(_amount(raw)),
    Kind.AMOUNT: _amount,
    Kind.TEXTS: _texts,
    Kind.ANY: lambda raw: raw,
}
_FROM_TEXT: dict[Kind, Callable[[str], Any]] = {
    Kind.TEXT: str.strip,
    Kind.FLAG: _flag_from_text,
    Kind.INTEGER: int,
    Kind.NUMBER: float,
    Kind.AMOUNT: Decimal,
    Kind.TEXTS: _texts_from_text,
    Kind.ANY: _any_from_text,
}
