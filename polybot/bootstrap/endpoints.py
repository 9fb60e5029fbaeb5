"""Where the exchange is: configured URLs, the floor's simulator's, in live mode Polymarket's."""

import json
from collections.abc import Callable
from pathlib import Path

from polybot.config.load import LoadedConfig
from polybot.config.schema import SIMULATED_MODES
from polybot.exchange.production import PRODUCTION_URLS

KEYS = tuple(PRODUCTION_URLS)
# The simulator's own word for its CLOB base URL (design 11).
_SIMULATOR_KEYS = {"clob_url": "url"}


class Endpoints:
    """Resolves one URL at a time, anew for each connection: a simulator may come back elsewhere."""

    def __init__(self, loaded: LoadedConfig) -> None:
        self._configured = {key: getattr(loaded.config.exchange, key) for key in KEYS}
        self._simulated = loaded.config.mode in SIMULATED_MODES
        self._simulator_path: Path = loaded.locations.simulator_path

    def url(self, key: str) -> str | None:
        """Return a URL, None while no simulator has said where it listens."""
        configured: str = self._configured[key]
        if configured:
            return configured
        if not self._simulated:
            return PRODUCTION_URLS[key]
        try:
            told = json.loads(self._simulator_path.read_text())
        except (FileNotFoundError, ValueError):
            return None
        value = told.get(_SIMULATOR_KEYS.get(key, key)) if isinstance(told, dict) else None
        return value if isinstance(value, str) else None

    def resolver(self, key: str) -> Callable[[], str | None]:
        """Return a function that resolves one URL."""
        return lambda: self.url(key)
