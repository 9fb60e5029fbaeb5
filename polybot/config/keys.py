"""The list of every configuration key, read once from the schema's annotations."""

import enum
import typing
from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from typing import Any

import msgspec

from polybot.config.fields import Doc, EnvName, OneOf, Range, Secret
from polybot.config.schema import AgentConfig, Config
from polybot.config.section import Section

ENVIRONMENT_PREFIX = "POLYBOT__"


class Kind(enum.Enum):
    """What a value is; the words are shown to people."""

    TEXT = "a text"
    FLAG = "true or false"
    INTEGER = "a whole number"
    NUMBER = "a number"
    AMOUNT = "an exact number"
    TEXTS = "a list of texts"
    ANY = "a value the strategy takes"


class Required(enum.Enum):
    """The default of a key that has none."""

    REQUIRED = "required"


REQUIRED = Required.REQUIRED

_KINDS: dict[object, Kind] = {
    str: Kind.TEXT,
    bool: Kind.FLAG,
    int: Kind.INTEGER,
    float: Kind.NUMBER,
    Decimal: Kind.AMOUNT,
    tuple[str, ...]: Kind.TEXTS,
    dict[str, Any]: Kind.ANY,
}


class Key(msgspec.Struct, frozen=True):
    """One key: `path` is dotted, with `*` for an agent's index and for a parameter's name."""

    path: str
    kind: Kind
    default: Any
    doc: str
    bounds: Range | None = None
    words: tuple[str, ...] = ()
    secret: bool = False
    environment_names: tuple[str, ...] = ()

    @property
    def section(self) -> str:
        """Return the path without its last part, "" for a key of the top level."""
        return self.path.rpartition(".")[0]

    @property
    def name(self) -> str:
        """Return the last part of the path."""
        return self.path.rpartition(".")[2]

    def expected(self) -> str:
        """Say what a value must be: its kind and its range."""
        if self.words:
            return "one of " + ", ".join(self.words)
        if self.bounds is not None:
            return f"{self.kind.value} between {self.bounds.low} and {self.bounds.high}"
        return self.kind.value


def override_name(path: str) -> str:
    """Return the environment name that overrides a path: risk.pause_s is POLYBOT__RISK__PAUSE_S."""
    return ENVIRONMENT_PREFIX + path.upper().replace(".", "__")


def path_of_override(name: str) -> str:
    """Return the path an override's environment name stands for."""
    return name.removeprefix(ENVIRONMENT_PREFIX).lower().replace("__", ".")


@cache
def all_keys() -> dict[str, Key]:
    """Return every key by its path, in the schema's order."""
    return {key.path: key for key in _keys_of(Config, "")}


@cache
def sections() -> dict[str, type[Section]]:
    """Return every section's struct by its name, in the schema's order; agents are none."""
    hints = typing.get_type_hints(Config)
    return {
        field.name: hints[field.name]
        for field in msgspec.structs.fields(Config)
        if isinstance(hints[field.name], type) and issubclass(hints[field.name], Section)
    }


def key_at(path: str) -> Key | None:
    """Return the key a concrete path belongs to, such as agents.0.name; None when unknown."""
    parts = path.split(".")
    if parts[0] == "agents" and len(parts) > 1 and parts[1].isdecimal():
        parts[1] = "*"
        if parts[2:3] == ["parameters"] and len(parts) == 4:  # noqa: PLR2004 - agents.0.parameters.x
            parts[3] = "*"
    return all_keys().get(".".join(parts))


def _keys_of(struct: type[Section], prefix: str) -> Iterator[Key]:
    hints = typing.get_type_hints(struct, include_extras=True)
    for field in msgspec.structs.fields(struct):
        hint, path = hints[field.name], prefix + field.name
        if isinstance(hint, type) and issubclass(hint, Section):
            yield from _keys_of(hint, f"{path}.")
        elif hint == tuple[AgentConfig, ...]:
            yield from _keys_of(AgentConfig, f"{path}.*.")
        else:
            yield _key(path, hint, field)


def _key(path: str, hint: Any, field: msgspec.structs.FieldInfo) -> Key:
    bare, notes = typing.get_args(hint)[0], hint.__metadata__
    kind = _KINDS[bare]
    default = REQUIRED if field.required else field.default
    if field.default_factory is not msgspec.NODEFAULT:
        default = field.default_factory()
    if kind is Kind.ANY:
        path, default = f"{path}.*", None
    return Key(
        path=path,
        kind=kind,
        default=default,
        doc=next(note.text for note in notes if isinstance(note, Doc)),
        bounds=next((note for note in notes if isinstance(note, Range)), None),
        words=next((note.words for note in notes if isinstance(note, OneOf)), ()),
        secret=any(isinstance(note, Secret) for note in notes),
        environment_names=next((note.names for note in notes if isinstance(note, EnvName)), ()),
    )
