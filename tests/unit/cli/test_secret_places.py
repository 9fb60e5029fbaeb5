"""A floor's secrets are in one place, whoever asks."""

from pathlib import Path

import pytest

from polybot.adapters.secret_store import DotenvSecrets, InstalledSecrets
from polybot.cli import identity
from polybot.cli.secret_places import place_of, store_of
from polybot.config.locations import INSTALLED_STATE, Locations


def locations(root: Path, state: Path) -> Locations:
    return Locations(
        root=root,
        config_path=root / "polybot.toml",
        state_dir=state,
        runtime_dir=root / "run",
        is_clone=False,
        floor="live",
    )


def test_an_installation_keeps_credentials_and_everybody_else_a_dotenv(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(identity, "service_user", object)
    assert isinstance(store_of(locations(tmp_path, INSTALLED_STATE)), InstalledSecrets)
    mine = locations(tmp_path, tmp_path / "state")
    assert isinstance(store_of(mine), DotenvSecrets)
    assert place_of(mine, "openai_api_key") == ""
    (tmp_path / ".env").write_text("OPENAI_API_KEY=sk-1\n")
    assert place_of(mine, "openai_api_key") == str(tmp_path / ".env")
