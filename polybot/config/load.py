"""Loads the configuration: file, .env and environment over the defaults, all problems at once."""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from polybot.config.assemble import Assembly, assemble, merge
from polybot.config.credentials import DIRECTORY_NAME, read_credentials
from polybot.config.document import read_document
from polybot.config.environment import (
    dotenv_warnings,
    environment_warnings,
    read_dotenv,
    settings_from,
)
from polybot.config.floor import FloorRecord, read_floor
from polybot.config.keys import key_at
from polybot.config.locations import (
    CONFIG_NAME,
    RUNTIME_NAME,
    STATE_NAME,
    Installation,
    Locations,
    find_config,
    find_installation,
    find_runtime,
    find_state,
    floor_name,
)
from polybot.config.origins import Layer, Origin, Setting
from polybot.config.schema import Config
from polybot.config.validate import MISSING_KEY, Checked, contradictions
from polybot.errors import ConfigError


class LoadedConfig(msgspec.Struct, frozen=True):
    """A checked configuration; `origins` says by path where each value came from.

    `hash` (64 hexadecimal digits) covers every value that is not secret. `values` holds them flat,
    secrets included. `warnings` are sentences that keep nothing from working.
    """

    config: Config
    origins: dict[str, Origin]
    locations: Locations
    hash: str
    values: dict[str, Any]
    warnings: tuple[str, ...] = ()


class _Sources(msgspec.Struct, frozen=True):
    """What there is to read, and what an environment and a running floor said about places."""

    environ: Mapping[str, str]
    installation: Installation
    config_path: Path
    must_exist: bool
    floor: FloorRecord | None


def load(
    environ: Mapping[str, str] | None = None,
    *,
    installation: Installation | None = None,
    join_floor: bool = False,
    lenient: bool = False,
    keyless: bool = False,
) -> LoadedConfig:
    """Load and check the configuration; raises ConfigError with one line per problem.

    `join_floor` takes what the floor that runs here was started with (floor.json), so that a second
    terminal looks at the same state; the real environment still wins. `lenient` replaces what is
    wrong by its default and returns the problems as warnings: for commands that must always work.
    `keyless` does without the private key in live mode: for commands that only look.
    """
    sources = _find_sources(
        os.environ if environ is None else environ,
        installation or find_installation(),
        join_floor=join_floor,
    )
    dotenv, unreadable = _read_dotenvs(_dotenv_paths(sources))
    everything = {name: value for values in dotenv.values() for name, value in values.items()}
    everything |= sources.environ
    settings, problems = read_document(sources.config_path)
    if sources.must_exist and not sources.config_path.is_file():
        problems.append(f"{CONFIG_NAME}: expected a file, was {str(sources.config_path)!r}")
    assembly = assemble(merge((settings, *_environment_layers(sources, dotenv))))
    assembly.problems[:0] = [*unreadable, *problems]
    locations = _locate(sources, everything, assembly.config)
    _cross_check(assembly, Checked(assembly.config, locations, everything))
    if keyless:
        assembly.problems[:] = [each for each in assembly.problems if MISSING_KEY not in each]
    warnings = [warning for path in dotenv for warning in dotenv_warnings(path)]
    warnings += environment_warnings(everything)
    if assembly.problems and not lenient:
        raise ConfigError(assembly.problems)
    return LoadedConfig(
        config=assembly.config,
        origins=assembly.origins,
        locations=locations,
        hash=config_hash(assembly.values),
        values=assembly.values,
        warnings=(*assembly.problems, *warnings),
    )


def config_hash(values: Mapping[str, Any]) -> str:
    """Return the SHA-256 of the values that are not secret, in one canonical form."""
    public = {path: value for path, value in values.items() if not _is_secret(path)}
    text = json.dumps(public, sort_keys=True, separators=(",", ":"), default=_canonical)
    return hashlib.sha256(text.encode()).hexdigest()


def _canonical(value: Any) -> str:
    """Write an amount so that 50 and 50.00 are the same."""
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    return str(value)


def _is_secret(path: str) -> bool:
    key = key_at(path)
    return key is not None and key.secret


def _find_sources(
    environ: Mapping[str, str], installation: Installation, *, join_floor: bool
) -> _Sources:
    config_path, named = find_config(environ, installation)
    beside: dict[str, str] = {}
    for path in (installation.root / ".env", config_path.parent / ".env"):
        # What may not be read is told with all other problems.
        with suppress(ConfigError):
            beside |= read_dotenv(path)
    runtime = find_runtime({**beside, **environ}, installation)
    floor = read_floor(runtime) if join_floor else None
    if floor is not None and not named and Path(floor.config).is_file():
        config_path = Path(floor.config)
    return _Sources(environ, installation, config_path, named, floor)


def _read_dotenvs(paths: Sequence[Path]) -> tuple[dict[Path, dict[str, str]], list[str]]:
    """Return what the .env files say that this user may read, and the problems of the others."""
    found: dict[Path, dict[str, str]] = {}
    problems: list[str] = []
    for path in paths:
        try:
            found[path] = read_dotenv(path)
        except ConfigError as error:
            problems += error.problems
    return found, problems


def _dotenv_paths(sources: _Sources) -> list[Path]:
    """Return the .env files, weakest first: the clone's root, then beside the configuration."""
    paths = [sources.config_path.parent / ".env"]
    if sources.installation.is_clone:
        paths.insert(0, sources.installation.root / ".env")
    return list(dict.fromkeys(paths))


def _environment_layers(
    sources: _Sources, dotenv: Mapping[Path, Mapping[str, str]]
) -> list[dict[str, Setting]]:
    layers = [
        settings_from(values, layer=Layer.DOTENV, source=str(path), base=path.parent)
        for path, values in dotenv.items()
    ]
    credentials = read_credentials(sources.environ)
    base = Path(sources.environ.get(DIRECTORY_NAME, ""))
    layers.append(settings_from(credentials, layer=Layer.CREDENTIAL, base=base))
    if sources.floor is not None:
        layers.append(_floor_settings(sources.floor))
    layers.append(settings_from(sources.environ, layer=Layer.ENVIRONMENT, base=Path.cwd()))
    return layers


def _floor_settings(floor: FloorRecord) -> dict[str, Setting]:
    origin = Origin(Layer.FLOOR, f"started in {floor.runtime_dir}")
    settings = {
        "mode": Setting(floor.mode, origin, is_text=True),
        "simulator.recordings": Setting(floor.recordings, origin, is_text=True),
    }
    if floor.speed:
        settings["simulator.speed"] = Setting(str(floor.speed), origin, is_text=True)
    return settings


def _locate(sources: _Sources, everything: Mapping[str, str], config: Config) -> Locations:
    floor = floor_name(config.mode, config.simulator.recordings)
    places = dict(everything)
    if sources.floor is not None and not sources.environ.get(STATE_NAME):
        places[STATE_NAME] = sources.floor.state_dir
    if sources.floor is not None and not sources.environ.get(RUNTIME_NAME):
        places[RUNTIME_NAME] = sources.floor.runtime_dir
    return Locations(
        root=sources.installation.root,
        config_path=sources.config_path,
        state_dir=find_state(places, sources.installation, floor),
        runtime_dir=find_runtime(places, sources.installation),
        is_clone=sources.installation.is_clone,
        floor=floor,
    )


def _cross_check(assembly: Assembly, checked: Checked) -> None:
    """Note contradictions, but none that only follow from a value already refused."""
    already = set(assembly.bad)
    for found in contradictions(checked):
        if not already.intersection((found.path, *found.others)):
            assembly.complain(found.path, found.problem)
