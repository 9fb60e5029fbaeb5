"""`polybot secret` keeps, lists and forgets; what it keeps is never shown."""

import getpass
import io
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from polybot.adapters.secret_store import InstalledSecrets
from polybot.cli import secret, secret_places
from polybot.cli.app import app
from polybot.config.secret_keys import secret_names
from polybot.errors import StorageError
from tests.unit.cli.conftest import Command

VALUE = "1:very-secret"
KEY = "0x" + "11" * 32


class Terminal(io.StringIO):
    """Standard input that is a terminal."""

    def isatty(self) -> bool:
        return True


def from_stdin(polybot: Command, value: str, *arguments: str, code: int = 0) -> Any:
    del polybot
    result = CliRunner().invoke(app, ["secret", *arguments], input=value, prog_name="polybot")
    assert result.exit_code == code, result.output
    return result


def test_in_a_floor_of_ones_own_it_is_a_line_of_dotenv(polybot: Command, tmp_path: Path) -> None:
    done = from_stdin(polybot, f"{VALUE}\n", "set", "telegram_bot_token")
    path = tmp_path / ".env"
    assert path.read_text() == f"TELEGRAM_BOT_TOKEN={VALUE}\n"
    assert str(path) in done.output
    assert VALUE not in done.output
    assert "systemctl" not in done.output


def test_it_asks_a_person_without_showing_the_answer(
    polybot: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del polybot
    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr(getpass, "getpass", lambda _: f" {VALUE} ")
    secret.set_secret("TELEGRAM_BOT_TOKEN")
    assert (tmp_path / ".env").read_text() == f"TELEGRAM_BOT_TOKEN={VALUE}\n"


@pytest.mark.parametrize("value", ["", "  \n", "two\nlines", "a\x00b"])
def test_anything_but_one_line_is_refused_and_nothing_stored(
    polybot: Command, tmp_path: Path, value: str
) -> None:
    done = from_stdin(polybot, value, "set", "openai_api_key", "--stdin", code=1)
    assert "nothing was stored" in done.output
    assert not (tmp_path / ".env").exists()


def test_a_private_key_that_is_none_is_refused(polybot: Command, tmp_path: Path) -> None:
    from_stdin(polybot, "0x12", "set", "polymarket_private_key", code=1)
    assert not (tmp_path / ".env").exists()
    from_stdin(polybot, KEY, "set", "polymarket_private_key")
    assert KEY in (tmp_path / ".env").read_text()


@pytest.mark.parametrize("command", ["set", "remove"])
def test_an_unknown_name_lists_every_known_one(polybot: Command, command: str) -> None:
    told = polybot("secret", command, "wallet_key", code=2).output
    assert "was 'wallet_key'" in told
    for name in secret_names():
        assert name in " ".join(told.split())


def test_the_list_says_where_and_for_whom_but_never_what(
    polybot_json: Callable[..., Any], polybot: Command, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text(f"OPENAI_API_KEY={VALUE}\n")
    (tmp_path / ".env").chmod(0o600)
    listed = {row["name"]: row for row in polybot_json("secret", "list")}
    assert set(listed) == set(secret_names())
    assert listed["openai_api_key"]["place"] == str(tmp_path / ".env")
    assert listed["openai_api_key"]["units"] == ["polybot-reflector"]
    assert listed["polymarket_private_key"]["place"] is None
    assert VALUE not in polybot("secret", "list").output


def test_a_removed_one_is_gone_and_an_absent_one_is_not_found(
    polybot: Command, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text(f"OPENAI_API_KEY={VALUE}\nX=1\n")
    polybot("secret", "remove", "openai_api_key")
    assert (tmp_path / ".env").read_text() == "X=1\n"
    polybot("secret", "remove", "openai_api_key", code=2)


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Let this floor be an installation's; the list says whether encrypting works."""
    works = [True]

    def run(command: Any, text: str) -> str:
        if command[1] == "encrypt" and not works[0]:
            raise StorageError("systemd-creds could not be run: No such file or directory")
        return text[::-1]

    store = InstalledSecrets(tmp_path / "credentials", tmp_path / "system", run)
    monkeypatch.setattr(secret_places, "InstalledSecrets", lambda: store)
    monkeypatch.setattr(secret_places, "is_service_floor", lambda _: True)
    monkeypatch.setattr(secret, "is_service_floor", lambda _: True)
    return works


def test_in_an_installation_it_says_which_services_to_restart(
    polybot: Command, installed: list[bool], tmp_path: Path
) -> None:
    del installed
    done = from_stdin(polybot, VALUE, "set", "telegram_bot_token")
    assert "systemctl restart polybot-watchdog" in done.output
    # These begin anew by themselves.
    assert "polybot-alert" not in done.output
    assert (tmp_path / "credentials" / "telegram_bot_token.cred").exists()
    assert not (tmp_path / ".env").exists()
    removed = polybot("secret", "remove", "telegram_bot_token").output
    assert "systemctl restart polybot-watchdog" in removed


def test_a_secret_that_could_not_be_encrypted_is_said_loudly(
    polybot: Command, installed: list[bool]
) -> None:
    installed[0] = False
    done = from_stdin(polybot, VALUE, "set", "openai_api_key")
    assert "WARNING: openai_api_key is stored UNENCRYPTED" in " ".join(done.output.split())
    assert VALUE not in done.output


def test_half_a_chat_is_no_chat_and_the_other_half_is_named(
    polybot: Command, installed: list[bool], tmp_path: Path
) -> None:
    del installed
    other = "polybot secret set telegram_chat_id"
    assert other in from_stdin(polybot, VALUE, "set", "telegram_bot_token").output
    (tmp_path / "polybot.toml").write_text('[alerts]\ntelegram_chat_id = "-1"\n')
    assert other not in from_stdin(polybot, VALUE, "set", "telegram_bot_token").output
    assert "secret set" not in from_stdin(polybot, "-1", "set", "telegram_chat_id").output
    removed = polybot("secret", "remove", "telegram_bot_token").output
    assert "polybot secret remove telegram_chat_id" in removed
