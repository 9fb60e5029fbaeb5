"""Settings from environment variables and .env files: our own overrides and older bots' names."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from polybot.config.keys import (
    ENVIRONMENT_PREFIX,
    all_keys,
    key_at,
    override_name,
    path_of_override,
)
from polybot.config.locations import CONFIG_NAME, RUNTIME_NAME, STATE_NAME
from polybot.config.origins import Layer, Origin, Setting
from polybot.errors import ConfigError

PLAIN_NAMES = {
    CONFIG_NAME: "configuration file; default config/polybot.toml, installed under /etc/polybot",
    STATE_NAME: "directory of journals, checkpoints and the database",
    RUNTIME_NAME: "directory of the sockets, at most 83 bytes long",
}

DRY_RUN_NAMES = ("DRY_RUN", "FORCE_PAPER_MODE")

UNUSED_NAMES = {
    "POLYMARKET_MODE": "set mode instead",
    "POLYMARKET_ENV": "set mode instead",
    "ENVIRONMENT": "set mode instead",
    "POLYMARKET_API_KEY": "API credentials are derived from the private key",
    "POLYMARKET_SECRET": "API credentials are derived from the private key",
    "POLYMARKET_API_SECRET": "API credentials are derived from the private key",
    "POLYMARKET_PASSPHRASE": "API credentials are derived from the private key",
    "POLYMARKET_API_PASSPHRASE": "API credentials are derived from the private key",
    "POLYMARKET_CLOB_URL": "set exchange.clob_url instead",
    "POLYMARKET_GAMMA_URL": "set exchange.gamma_url instead",
    "POLYMARKET_DATA_URL": "set exchange.data_url instead",
    "DATABASE_URL": "the database is a SQLite file in the state directory",
    "REDIS_URL": "the processes talk over ZeroMQ sockets",
    "MAX_CONCURRENT_TRADES_PER_AGENT": "set risk.max_open_orders instead",
    "HEARTBEAT_INTERVAL": "heartbeats go out once a second",
    "HEALTH_CHECK_PORT": "ask `polybot status --json`",
    "EMERGENCY_PAUSE_ENABLED": "use `polybot halt`, which survives restarts",
    "LOG_JSON": "the journal holds every event as JSON, see `polybot journal show`",
}

_PREFIX = "POLYBOT_"
# Names other parts of polybot read; they are no configuration.
_RESERVED = ("POLYBOT_FLOOR_", "POLYBOT_TEST_")


def read_dotenv(path: Path) -> dict[str, str]:
    """Read a .env file; an absent one is empty, and nothing is interpolated (keys may hold a $).

    Raises ConfigError for one that this user may not read.
    """
    with _allowed(path):
        if not path.is_file():
            return {}
        # A process without a .env file does not load what reads one.
        from dotenv import dotenv_values  # noqa: PLC0415

        values = dotenv_values(path, interpolate=False)
    return {name: value for name, value in values.items() if value is not None}


def dotenv_warnings(path: Path) -> list[str]:
    """Warn when others may read a .env file: it is where secrets live. Raises as `read_dotenv`."""
    with _allowed(path):
        mode = path.stat().st_mode & 0o777 if path.is_file() else 0
    if mode & 0o077:
        return [f"{path}: expected mode 600, was {mode:o}; run: chmod 600 {path}"]
    return []


def settings_from(
    environ: Mapping[str, str], *, layer: Layer, source: str = "", base: Path
) -> dict[str, Setting]:
    """Return the settings of an environment by path; unknown POLYBOT__ names stay under their path.

    An override wins over an older bot's name for the same key; an empty older name is unset.
    """
    settings: dict[str, Setting] = {}
    for key in all_keys().values():
        path = key.path.replace("agents.*.", "agents.0.")
        for name in reversed(key.environment_names):
            if environ.get(name):
                settings[path] = _setting(environ[name], layer, name, source, base)
    for name, value in environ.items():
        if name.startswith(ENVIRONMENT_PREFIX):
            settings[path_of_override(name)] = _setting(value, layer, name, source, base)
    return settings


def environment_warnings(environ: Mapping[str, str]) -> list[str]:
    """Name variables that look meant for polybot but have no effect."""
    warnings = []
    for name in sorted(environ):
        if name in UNUSED_NAMES and environ[name]:
            warnings.append(f"{name} has no effect here: {UNUSED_NAMES[name]}")
        elif _looks_misspelled(name):
            warnings.append(f"{name} has no effect here: {_instead_of(name)}")
    return warnings


def wants_dry_run(environ: Mapping[str, str]) -> str | None:
    """Return the variable that forbids real orders, such as DRY_RUN=true; None without one."""
    for name in DRY_RUN_NAMES:
        if environ.get(name, "").strip().lower() in ("true", "1", "yes", "on"):
            return name
    return None


@contextmanager
def _allowed(path: Path) -> Iterator[None]:
    try:
        yield
    except PermissionError as error:
        problem = (
            f"{path}: expected a file this user may read, was not allowed to; "
            "run this as its owner, or give it to this user with chown"
        )
        raise ConfigError([problem]) from error


def _setting(raw: str, layer: Layer, name: str, source: str, base: Path) -> Setting:
    label = f"{name} in {source}" if source else name
    return Setting(raw=raw, origin=Origin(layer, label, base), is_text=True)


def _looks_misspelled(name: str) -> bool:
    return (
        name.startswith(_PREFIX)
        and not name.startswith((ENVIRONMENT_PREFIX, *_RESERVED))
        and name not in PLAIN_NAMES
    )


def _instead_of(name: str) -> str:
    path = name.removeprefix(_PREFIX).lower()
    candidates = (path, path.replace("_", ".", 1))
    known = next((candidate for candidate in candidates if key_at(candidate)), None)
    if known is None:
        return f"overrides begin with {ENVIRONMENT_PREFIX} (two underscores)"
    return f"write {override_name(known)} (two underscores)"
