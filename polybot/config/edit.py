"""Changes single values in a person's configuration files and leaves every other line as it is."""

import json
import re
import tomllib
from collections.abc import Mapping

from polybot.errors import ConfigError

_ASSIGNMENT = re.compile(r"\s*(?P<comment>#\s*)?(?P<name>[A-Za-z0-9_]+)\s*=")


def with_toml_values(text: str, section: str, values: Mapping[str, str | int]) -> str:
    """Return a TOML text with these values in one section.

    A value that is there is replaced, a default that is commented out is put in force, anything
    else is added right under the section's heading. Raises ConfigError when the text is written in
    a way this cannot change safely.
    """
    lines = text.splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    for name, value in values.items():
        _set(lines, section, name, f"{name} = {_literal(value)}\n")
    edited = "".join(lines)
    _check(text, edited, section, values)
    return edited


def with_variable(text: str, name: str, value: str) -> str:
    """Return a .env text in which a variable has a value, in place of every earlier one."""
    return f"{without_variable(text, name)}{name}={value}\n"


def without_variable(text: str, name: str) -> str:
    """Return a .env text without any value of a variable."""
    pattern = re.compile(rf"\s*(export\s+)?{re.escape(name)}\s*=")
    kept = [line for line in text.splitlines() if not pattern.match(line)]
    return "".join(f"{line}\n" for line in kept)


def _set(lines: list[str], section: str, name: str, line: str) -> None:
    start = _heading(lines, section)
    if start is None:
        lines += [*(["\n"] if lines else []), f"[{section}]\n", line]
        return
    commented = None
    for index in range(start + 1, len(lines)):
        if lines[index].lstrip().startswith("["):
            break
        found = _ASSIGNMENT.match(lines[index])
        if found is None or found["name"] != name:
            continue
        if found["comment"] is None:
            lines[index] = line
            return
        commented = index if commented is None else commented
    if commented is None:
        lines.insert(start + 1, line)
    else:
        lines[commented] = line


def _heading(lines: list[str], section: str) -> int | None:
    heading = re.compile(rf"\s*\[\s*{re.escape(section)}\s*\]\s*(#.*)?$")
    return next((index for index, line in enumerate(lines) if heading.match(line)), None)


def _literal(value: str | int) -> str:
    return json.dumps(value)


def _check(before: str, after: str, section: str, values: Mapping[str, str | int]) -> None:
    told = ", ".join(f"{name} = {_literal(value)}" for name, value in values.items())
    unsafe = ConfigError([f"cannot change this file safely; write into its [{section}]: {told}"])
    try:
        wanted, found = tomllib.loads(before), tomllib.loads(after)
    except tomllib.TOMLDecodeError as error:
        raise unsafe from error
    wanted[section] = {**wanted.get(section, {}), **values}
    if found != wanted:
        raise unsafe
