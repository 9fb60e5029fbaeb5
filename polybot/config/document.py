"""The configuration file: from TOML to settings by dotted path."""

import tomllib
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from polybot.config.keys import key_at, sections
from polybot.config.origins import Layer, Origin, Setting


def read_document(path: Path) -> tuple[dict[str, Setting], list[str]]:
    """Return a file's settings by path, and the problems that kept others from being read.

    An absent file has no settings: the caller knows whether that is allowed.
    """
    try:
        text = path.read_text("utf-8")
        document = tomllib.loads(text, parse_float=Decimal)
    except FileNotFoundError:
        return {}, []
    except OSError as error:
        return {}, [f"{path}: expected a readable file, was refused: {error.strerror}"]
    except UnicodeDecodeError as error:
        return {}, [f"{path}: expected UTF-8 text, was another byte at {error.start}"]
    except tomllib.TOMLDecodeError as error:
        return {}, [f"{path}: expected TOML, was broken: {error}"]
    origin = Origin(Layer.FILE, str(path), path.parent)
    problems: list[str] = []
    settings = {
        name: Setting(raw, origin) for name, raw in _flattened(document, problems, str(path))
    }
    return settings, problems


def _flattened(
    document: dict[str, Any], problems: list[str], source: str
) -> Iterator[tuple[str, Any]]:
    for name, value in document.items():
        if name == "agents":
            yield from _agents(value, problems, source)
        elif isinstance(value, dict):
            yield from _leaves(name, value)
        elif name in sections():
            problems.append(
                f"{name}: expected a section with keys, [{name}], was one value (in {source})"
            )
        else:
            yield name, value


def _agents(value: Any, problems: list[str], source: str) -> Iterator[tuple[str, Any]]:
    if not isinstance(value, list) or not all(isinstance(agent, dict) for agent in value):
        problems.append(
            f"agents: expected one [[agents]] section per agent, was another shape (in {source})"
        )
        return
    if not value:
        problems.append(f"agents: expected at least one agent, was an empty list (in {source})")
    for index, agent in enumerate(value):
        yield from _leaves(f"agents.{index}", agent)


def _leaves(prefix: str, table: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield every value of a table by path; a strategy's parameter may itself be a table."""
    for name, value in table.items():
        path = f"{prefix}.{name}"
        if isinstance(value, dict) and key_at(path) is None:
            yield from _leaves(path, value)
        else:
            yield path, value
