"""Where secrets are kept here: in a clone's `.env`, or as an installation's credentials."""

from polybot.adapters.secret_store import DotenvSecrets, InstalledSecrets, SecretStore
from polybot.cli.identity import is_service_floor
from polybot.config.locations import Locations


def store_of(locations: Locations) -> SecretStore:
    """Return what keeps the secrets of a floor."""
    if not is_service_floor(locations):
        return DotenvSecrets(locations.config_path.parent / ".env")
    return InstalledSecrets()


def place_of(locations: Locations, name: str) -> str:
    """Return the file that holds a secret, "" when none does."""
    return store_of(locations).places().get(name, "")
