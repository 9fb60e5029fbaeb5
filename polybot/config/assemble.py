"""From settings to the typed configuration, with every problem on the way."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from polybot.config.keys import (
    REQUIRED,
    Key,
    Kind,
    all_keys,
    key_at,
    override_name,
    sections,
)
from polybot.config.locations import absolute
from polybot.config.origins import DEFAULT, Layer, Origin, Setting
from polybot.config.schema import AgentConfig, Config
from polybot.config.values import HIDDEN, looks_secret, shown, typed
from polybot.errors import InvalidValue

# A path in a value starts from the place it was written in.
_PATH_KEYS = frozenset({"simulator.recordings", "feed.login_file"})


class Assembly(msgspec.Struct):
    """A configuration, where each value came from, and what is wrong with it.

    `values` is flat; a key in `bad` has a default standing in for a value that was refused.
    """

    config: Config
    values: dict[str, Any] = msgspec.field(default_factory=dict)
    origins: dict[str, Origin] = msgspec.field(default_factory=dict)
    problems: list[str] = msgspec.field(default_factory=list)
    bad: set[str] = msgspec.field(default_factory=set)

    def complain(self, path: str, problem: str) -> None:
        """Note that the value at a path cannot be used."""
        self.bad.add(path)
        origin = self.origins.get(path)
        source = f" ({origin.describe()})" if origin and origin.layer is not Layer.DEFAULT else ""
        self.problems.append(f"{path}: {problem}{source}")


def merge(layers: Iterable[Mapping[str, Setting]]) -> dict[str, Setting]:
    """Lay settings over each other; later layers win, key by key."""
    merged: dict[str, Setting] = {}
    for layer in layers:
        merged.update(layer)
    return merged


def assemble(settings: Mapping[str, Setting]) -> Assembly:
    """Build the configuration from settings; refused values keep their default and are noted."""
    assembly = Assembly(config=Config())
    for path, setting in settings.items():
        if key_at(path) is None:
            assembly.problems.append(_unknown(path, setting))
    agents = _agent_count(settings, assembly)
    for key in all_keys().values():
        for path in _concrete_paths(key, agents, settings):
            _take(assembly, key, path, settings.get(path))
    assembly.config = _build(assembly.values, agents)
    return assembly


def _take(assembly: Assembly, key: Key, path: str, setting: Setting | None) -> None:
    if setting is None:
        assembly.origins[path] = DEFAULT
        assembly.values[path] = _default(key, path)
        if assembly.values[path] is REQUIRED:
            assembly.values[path] = ""
            assembly.complain(path, f"expected {key.expected()}, was not set")
        return
    assembly.origins[path] = setting.origin
    try:
        value = typed(key, setting.raw, is_text=setting.is_text)
    except InvalidValue as error:
        assembly.values[path] = "" if key.default is REQUIRED else key.default
        assembly.complain(path, str(error))
        return
    if path in _PATH_KEYS and value:
        value = str(absolute(value, setting.origin.base))
    assembly.values[path] = value


def _default(key: Key, path: str) -> Any:
    if path.startswith("agents.0."):
        first = Config().agents[0]
        return getattr(first, key.name, key.default)
    return key.default


def _concrete_paths(key: Key, agents: int, settings: Mapping[str, Setting]) -> list[str]:
    if not key.path.startswith("agents.*."):
        return [key.path]
    if key.kind is Kind.ANY:
        return [path for path in settings if key_at(path) is key]
    return [key.path.replace("*", str(index), 1) for index in range(agents)]


def _agent_count(settings: Mapping[str, Setting], assembly: Assembly) -> int:
    """Count the agents; an index that leaves a hole is a problem, the next free one a new agent."""
    indexes = {int(path.split(".")[1]) for path in settings if _is_agent(path)} | {0}
    count = next(index for index in range(len(indexes) + 1) if index not in indexes)
    for path, setting in settings.items():
        if _is_agent(path) and int(path.split(".")[1]) >= count:
            assembly.problems.append(
                f"{path}: expected an agent's index between 0 and {count}, "
                f"was {path.split('.')[1]} ({setting.origin.describe()})"
            )
    return count


def _is_agent(path: str) -> bool:
    parts = path.split(".")
    return parts[0] == "agents" and len(parts) > 2 and parts[1].isdecimal()  # noqa: PLR2004 - agents.0.name


def _build(values: Mapping[str, Any], agents: int) -> Config:
    built: dict[str, Any] = {
        name: struct(**_under(values, f"{name}.")) for name, struct in sections().items()
    }
    top = {name: value for name, value in values.items() if "." not in name}
    return Config(
        **top, **built, agents=tuple(_agent(values, f"agents.{index}.") for index in range(agents))
    )


def _agent(values: Mapping[str, Any], prefix: str) -> AgentConfig:
    own = _under(values, prefix)
    parameters = {
        name.removeprefix("parameters."): own.pop(name)
        for name in [name for name in own if name.startswith("parameters.")]
    }
    return AgentConfig(**own, parameters=parameters)


def _under(values: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    return {
        path.removeprefix(prefix): value
        for path, value in values.items()
        if path.startswith(prefix)
    }


def _unknown(path: str, setting: Setting) -> str:
    nearest = _nearest(path)
    by_override = setting.origin.layer in (
        Layer.ENVIRONMENT,
        Layer.CREDENTIAL,
        Layer.DOTENV,
    )
    written = override_name(path) if by_override else path
    suggestion = override_name(nearest.path) if by_override else nearest.path
    hidden = nearest.secret or looks_secret(path, setting.raw)
    value = HIDDEN if hidden else shown(setting.raw)
    return (
        f"{written}: unknown key, was {value}; nearest known key: {suggestion}, "
        f"{nearest.expected()} ({setting.origin.describe()})"
    )


def _nearest(path: str) -> Key:
    """Return the key whose path, or last part, is most like an unknown one."""
    # A start without a slip of the pen does not need it.
    import difflib  # noqa: PLC0415

    parts = path.split(".")
    if _is_agent(path):
        parts[1] = "*"
    written = ".".join(parts)

    def likeness(key: Key) -> float:
        whole = difflib.SequenceMatcher(None, written, key.path).ratio()
        last = difflib.SequenceMatcher(None, parts[-1], key.name).ratio()
        return max(whole, 0.9 * last)

    return max(all_keys().values(), key=likeness)
