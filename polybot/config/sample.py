"""The sample files: config/polybot.toml and config/polybot.env.example, written from the schema.

Every line that sets a value is commented out: a sample changes nothing until a person edits it.
"""

import json
import textwrap
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from polybot.config.environment import DRY_RUN_NAMES, PLAIN_NAMES, UNUSED_NAMES
from polybot.config.keys import REQUIRED, Key, Kind, all_keys, override_name, sections
from polybot.config.schema import AgentConfig, Config

_WIDTH = 96

_TOML_HEAD = """\
# polybot's configuration. Every key is listed with its default, its range and its meaning; lines
# that begin with "# key =" are defaults: remove the "# " to change one. An unknown key is an error.
#   polybot config check     says everything that is wrong, in one list
#   polybot config show      shows every value and where it came from
# The environment wins over .env, .env over this file: POLYBOT__RISK__MAX_ORDER_USDC=25 overrides
# max_order_usdc of [risk]. Secrets belong into .env (mode 600), see polybot.env.example.
"""

_ENV_HEAD = """\
# Every environment name polybot reads. Copy it to .env (in the clone's root, or beside the
# configuration file) and run: chmod 600 .env. The real environment wins over .env, .env over the
# configuration file. Lines that begin with "# NAME=" are examples: remove the "# " to set one.
"""


def sample_toml() -> str:
    """Return config/polybot.toml: every key, its meaning, and its default commented out."""
    blocks = [_TOML_HEAD, "\n".join(_toml_keys(""))]
    for name, section in sections().items():
        blocks.append(_toml_section(f"[{name}]", section.__doc__, f"{name}."))
        if name == "risk":
            blocks.append(_toml_section("[[agents]]", AgentConfig.__doc__, "agents.*."))
    return "\n".join(blocks)


def sample_env() -> str:
    """Return config/polybot.env.example: every environment name with what it does."""
    blocks = [_ENV_HEAD, _env_block("Places", _plain_names())]
    secrets = [line for key in all_keys().values() if key.secret for line in _env_key(key)]
    blocks.append(_env_block("Secrets", secrets))
    blocks.append(_env_block("Names older bots used, for the same values", _older_names()))
    blocks.append(_env_block("Names older bots used that forbid live mode when true", _dry_run()))
    blocks.append(_env_block("Names older bots used that have no effect here", _unused_names()))
    overrides = [
        line for key in all_keys().values() if not key.secret for line in _override_lines(key)
    ]
    blocks.append(
        _env_block("Every key of the configuration file (lists separated by commas)", overrides)
    )
    return "\n".join(blocks)


def toml_value(value: Any) -> str:
    """Write a default as TOML."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float, Decimal)):
        return str(value)
    if isinstance(value, tuple):
        return "[" + ", ".join(toml_value(item) for item in value) + "]"
    return json.dumps(value)


def _toml_section(heading: str, doc: str | None, prefix: str) -> str:
    lines = [*_comment(" ".join((doc or "").split())), heading, *_toml_keys(prefix)]
    return "\n".join(lines)


def _toml_keys(prefix: str) -> Iterator[str]:
    for key in all_keys().values():
        if key.path != prefix + key.name or "*" in key.name:
            continue
        yield from _comment(_sentence(key))
        yield _toml_line(key)
        yield ""
    if prefix == "agents.*.":
        yield from _comment("The strategy's parameters; unset ones take their defaults.")
        yield "# [agents.parameters]"
        yield ""


def _toml_line(key: Key) -> str:
    # [[agents]] itself is real, so its name must be.
    if key.default is REQUIRED:
        return f"{key.name} = {toml_value(Config().agents[0].name)}"
    return f"# {key.name} = {toml_value(key.default)}"


def _sentence(key: Key) -> str:
    extent = f"; {key.expected()}" if key.words or key.bounds is not None else ""
    text = key.doc[0].upper() + key.doc[1:] + extent
    return text if text.endswith(".") else f"{text}."


def _comment(text: str) -> list[str]:
    return textwrap.wrap(
        text, _WIDTH, initial_indent="# ", subsequent_indent="# ", break_long_words=False
    )


def _env_block(title: str, lines: list[str]) -> str:
    return "\n".join([f"# --- {title} ---", *lines, ""])


def _plain_names() -> list[str]:
    return [
        line
        for name, doc in PLAIN_NAMES.items()
        for line in (*_comment(f"{doc[0].upper()}{doc[1:]}."), f"# {name}=")
    ]


def _env_key(key: Key) -> list[str]:
    return [*_comment(_sentence(key)), f"# {override_name(key.path)}="]


def _older_names() -> list[str]:
    sets: dict[str, list[str]] = {}
    for key in all_keys().values():
        for name in key.environment_names:
            sets.setdefault(name, []).append(key.path.replace("*", "0"))
    return [f"# {name}=    # sets {' and '.join(paths)}" for name, paths in sets.items()]


def _dry_run() -> list[str]:
    return [f"# {name}=true" for name in DRY_RUN_NAMES]


def _unused_names() -> list[str]:
    return [f"# {name}: {why}" for name, why in UNUSED_NAMES.items()]


def _override_lines(key: Key) -> list[str]:
    if key.kind is Kind.ANY:
        return ["# POLYBOT__AGENTS__0__PARAMETERS__<NAME>=   (a parameter of the first agent)"]
    default = Config().agents[0].name if key.default is REQUIRED else key.default
    text = ",".join(default) if isinstance(default, tuple) else _plain(default)
    return [f"# {override_name(key.path.replace('*', '0'))}={text}"]


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else toml_value(value)
