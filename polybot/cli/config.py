"""`polybot config`: check, show and explain the configuration."""

import json
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any

import typer

from polybot.cli.identity import sees_secrets
from polybot.cli.options import Json, examples
from polybot.cli.output import plural, say, show_json, show_table, warn
from polybot.cli.processes import floor_runs
from polybot.config.keys import REQUIRED, Key, all_keys, key_at, override_name
from polybot.config.load import LoadedConfig, load
from polybot.config.origins import Layer
from polybot.config.sample import sample_env, sample_toml, toml_value
from polybot.config.values import HIDDEN
from polybot.errors import ConfigError

app = typer.Typer(
    help="Check, show and explain the configuration.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)


class SchemaFormat(StrEnum):
    """What `polybot config schema` prints."""

    TABLE = "table"
    JSON = "json"
    TOML = "toml"
    ENV = "env"


@app.command(epilog=examples("POLYBOT_CONFIG=my.toml polybot config check"))
def check(as_json: Json = False) -> None:
    """Check the whole configuration and list every problem of it; exit code 4 when there is one."""
    try:
        # A member of the group does not see the private key: whether there is one, root is told.
        loaded = load(keyless=not sees_secrets())
    except ConfigError as error:
        if as_json:
            show_json({"ok": False, "problems": error.problems, "warnings": []})
        raise
    if as_json:
        show_json(
            {
                "ok": True,
                "problems": [],
                "warnings": list(loaded.warnings),
                "config": str(loaded.locations.config_path),
                "hash": loaded.hash,
            }
        )
        return
    for warning in loaded.warnings:
        warn(f"warning: {warning}")
    say(f"ok: {_file_of(loaded)}, {loaded.config.mode} mode, hash {loaded.hash[:12]}")


@app.command(epilog=examples("polybot config show --changed"))
def show(
    as_json: Json = False,
    changed: Annotated[
        bool, typer.Option("--changed", help="Only values that are not defaults.")
    ] = False,
) -> None:
    """Show every value and where it came from; secrets are hidden."""
    runs = floor_runs(load(lenient=True).locations.runtime_dir)
    loaded = load(join_floor=runs, keyless=not sees_secrets())
    paths = [
        path
        for path, origin in loaded.origins.items()
        if not changed or origin.layer is not Layer.DEFAULT
    ]
    if as_json:
        show_json(
            {
                "values": {path: _json_value(loaded, path) for path in paths},
                "origins": {path: loaded.origins[path].describe() for path in paths},
                "locations": _locations(loaded),
                "hash": loaded.hash,
            }
        )
        return
    show_table(
        ("key", "value", "origin"),
        [(path, _shown(loaded, path), loaded.origins[path].describe()) for path in paths],
    )
    say()
    for name, place in _locations(loaded).items():
        say(f"{name:<12} {place}")
    say(f"{'hash':<12} {loaded.hash}")


@app.command(
    epilog=examples("polybot config schema", "polybot config schema --format toml > polybot.toml")
)
def schema(
    as_json: Json = False,
    output: Annotated[
        SchemaFormat, typer.Option("--format", "-f", help="table, json, toml (a sample) or env.")
    ] = SchemaFormat.TABLE,
) -> None:
    """List every key with its type, range, default, meaning and environment names."""
    if as_json or output is SchemaFormat.JSON:
        show_json([_described(key) for key in all_keys().values()])
    elif output is SchemaFormat.TOML:
        typer.echo(sample_toml(), nl=False)
    elif output is SchemaFormat.ENV:
        typer.echo(sample_env(), nl=False)
    else:
        for key in all_keys().values():
            say(f"{key.path} = {_default(key)}")
            say(f"    {key.doc} ({key.expected()})")
        say()
        say(plural(len(all_keys()), "key"))


def _file_of(loaded: LoadedConfig) -> str:
    path = loaded.locations.config_path
    return str(path) if path.is_file() else f"no file at {path}, defaults"


def _locations(loaded: LoadedConfig) -> dict[str, str]:
    locations = loaded.locations
    return {
        "config": str(locations.config_path),
        "state_dir": str(locations.state_dir),
        "runtime_dir": str(locations.runtime_dir),
        "floor": locations.floor,
    }


def _is_hidden(loaded: LoadedConfig, path: str) -> bool:
    key = key_at(path)
    return key is not None and key.secret and bool(loaded.values[path])


def _shown(loaded: LoadedConfig, path: str) -> str:
    if _is_hidden(loaded, path):
        return HIDDEN
    value = loaded.values[path]
    if isinstance(value, (dict, list)):
        return json.dumps(value, default=str)
    return toml_value(value)


def _json_value(loaded: LoadedConfig, path: str) -> Any:
    if _is_hidden(loaded, path):
        return HIDDEN
    return _plain(loaded.values[path])


def _plain(value: Any) -> Any:
    """Make a value JSON: an amount is a decimal string, so that no reader makes a float of it."""
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    return value


def _default(key: Key) -> str:
    if key.default is REQUIRED:
        return "(required)"
    return "(unset)" if key.default is None else toml_value(key.default)


def _described(key: Key) -> dict[str, Any]:
    bounds = [str(key.bounds.low), str(key.bounds.high)] if key.bounds else None
    return {
        "key": key.path,
        "type": key.kind.value,
        "default": None if key.default is REQUIRED else _plain(key.default),
        "required": key.default is REQUIRED,
        "range": bounds,
        "words": list(key.words) or None,
        "doc": key.doc,
        "secret": key.secret,
        "environment": [override_name(key.path.replace("*", "0", 1)), *key.environment_names],
    }
