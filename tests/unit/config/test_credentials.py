"""A service's own secrets come from systemd, over `.env` and under the environment."""

from pathlib import Path

import pytest

from polybot.config.credentials import read_credentials
from polybot.config.load import load
from polybot.config.locations import Installation
from polybot.errors import ConfigError

KEY = "0x" + "ab" * 32


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Return a directory as systemd makes it for one service."""
    found = tmp_path / "credentials"
    found.mkdir()
    (found / "polymarket_private_key").write_text(f"{KEY}\n")
    (found / "telegram_bot_token").write_text("1:from-systemd\n")
    return found


def test_without_a_directory_there_are_none() -> None:
    assert read_credentials({"HOME": "/root"}) == {}


def test_each_file_is_a_value_under_its_name(directory: Path) -> None:
    assert read_credentials({"CREDENTIALS_DIRECTORY": str(directory)}) == {
        "POLYMARKET_PRIVATE_KEY": KEY,
        "TELEGRAM_BOT_TOKEN": "1:from-systemd",
    }


def test_an_empty_one_is_not_set(tmp_path: Path, directory: Path) -> None:
    # The units' own default, and what an editor leaves of a deleted secret.
    (directory / "openai_api_key").write_text("\n")
    (directory / "polybot__alerts__slack_webhook_url").write_text("")
    (directory / "polymarket_private_key").write_text("  \n")
    (tmp_path / ".env").write_text("PRIVATE_KEY=" + KEY)
    (tmp_path / ".env").chmod(0o600)

    assert read_credentials({"CREDENTIALS_DIRECTORY": str(directory)}) == {
        "TELEGRAM_BOT_TOKEN": "1:from-systemd"
    }
    environ = {
        "POLYBOT_CONFIG": str(tmp_path / "polybot.toml"),
        "CREDENTIALS_DIRECTORY": str(directory),
        "TELEGRAM_CHAT_ID": "-100",
    }
    (tmp_path / "polybot.toml").touch()
    loaded = load(environ, installation=Installation(root=tmp_path, is_clone=False))
    assert loaded.config.wallet.private_key == KEY


def test_credentials_go_over_dotenv_and_under_the_environment(
    tmp_path: Path, directory: Path
) -> None:
    (tmp_path / "polybot.toml").write_text('[alerts]\ntelegram_chat_id = "-100"\n')
    (tmp_path / ".env").write_text("TELEGRAM_BOT_TOKEN=1:from-dotenv\n")
    (tmp_path / ".env").chmod(0o600)
    environ = {
        "POLYBOT_CONFIG": str(tmp_path / "polybot.toml"),
        "POLYBOT_STATE_DIR": str(tmp_path / "state"),
        "POLYBOT_RUNTIME_DIR": "/run/x",
        "CREDENTIALS_DIRECTORY": str(directory),
    }
    installation = Installation(root=tmp_path, is_clone=False)
    loaded = load(environ, installation=installation)
    assert loaded.config.wallet.private_key == KEY
    assert loaded.config.alerts.telegram_bot_token == "1:from-systemd"
    origin = loaded.origins["wallet.private_key"].describe()
    assert origin == "systemd credential: POLYMARKET_PRIVATE_KEY"
    told = load({**environ, "TELEGRAM_BOT_TOKEN": "1:environ"}, installation=installation)
    assert told.config.alerts.telegram_bot_token == "1:environ"


def test_a_directory_that_cannot_be_read_is_a_configuration_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="expected readable credentials"):
        read_credentials({"CREDENTIALS_DIRECTORY": str(tmp_path / "absent")})
    (tmp_path / "key").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="expected readable credentials"):
        read_credentials({"CREDENTIALS_DIRECTORY": str(tmp_path)})
