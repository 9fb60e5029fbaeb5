"""Where the recorded real markets are, if this machine has them: licenses forbid shipping them."""

import os
from pathlib import Path


def recordings_dir() -> Path | None:
    """Return the directory with `dev/`, `vectors/` and `messages/`, or None when it is absent."""
    named = os.environ.get("POLYBOT_TEST_RECORDINGS")
    candidate = Path(named) if named else Path(__file__).resolve().parents[2] / "shared" / "data"
    return candidate if (candidate / "dev" / "windows.csv").is_file() else None
