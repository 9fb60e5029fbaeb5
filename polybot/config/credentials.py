"""systemd's credentials: files that only one service may read, named by its unit (LoadCredential=).

Each holds one value under an environment variable's name in lower case, such as
`polymarket_private_key` or `telegram_bot_token`. An empty one counts as not set: the units give
each of theirs an empty default, so that a secret nobody stored keeps no service from starting.
"""

from collections.abc import Mapping
from pathlib import Path

from polybot.errors import ConfigError

# systemd.exec(5): set for a service that was given credentials.
DIRECTORY_NAME = "CREDENTIALS_DIRECTORY"


def read_credentials(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the credentials by variable name, none without a directory; raises ConfigError."""
    directory = environ.get(DIRECTORY_NAME, "")
    if not directory:
        return {}
    try:
        told = {
            path.name.upper(): path.read_text("utf-8").strip()
            for path in sorted(Path(directory).iterdir())
            if path.is_file()
        }
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            [f"{DIRECTORY_NAME}: expected readable credentials, was {error}"]
        ) from error
    return {name: value for name, value in told.items() if value}
