"""A command's secrets: in a directory of its own, gone with it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from polybot.adapters.secret_store import InstalledSecrets
from polybot.cli.held_secrets import hold, read_secrets
from polybot.config.secret_keys import secret_names
from polybot.errors import StorageError

HELD = (
    "import os, signal, sys; from pathlib import Path; from polybot.cli.held_secrets import hold;"
    "place = hold({'openai_api_key': 'sk-1'}, Path(sys.argv[1]));"
    "assert os.environ['CREDENTIALS_DIRECTORY'] == str(place);"
    "assert (place / 'openai_api_key').read_text() == 'sk-1';"
    "print(oct(place.stat().st_mode & 0o777), oct((place / 'openai_api_key').stat().st_mode));"
    "os.kill(os.getpid(), {signal}) if {signal} else None"
)


def command(parent: Path, signal_number: int) -> subprocess.CompletedProcess[str]:
    code = HELD.replace("{signal}", str(signal_number))
    return subprocess.run(
        [sys.executable, "-c", code, str(parent)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize(("number", "code"), [(0, 0), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_they_are_gone_when_the_command_ends(tmp_path: Path, number: int, code: int) -> None:
    done = command(tmp_path, int(number))
    assert (done.returncode, done.stderr) == (code, "")
    if not number:
        assert done.stdout.split() == ["0o700", "0o100400"]
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_command_left_the_next_one_removes(tmp_path: Path) -> None:
    assert command(tmp_path, signal.SIGKILL).returncode == -signal.SIGKILL
    (living := tmp_path / f".secrets-{os.getppid()}-x").mkdir()
    assert len(list(tmp_path.iterdir())) == 2
    assert command(tmp_path, 0).returncode == 0
    assert list(tmp_path.iterdir()) == [living]


def test_a_place_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="systemd-tmpfiles --create"):
        hold({"openai_api_key": "sk-1"}, tmp_path / "absent")


def test_only_what_is_stored_is_read_and_what_cannot_be_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(command: object, text: str) -> str:
        raise StorageError("systemd-creds decrypt failed: bad key")

    store = InstalledSecrets(tmp_path, tmp_path / "system", broken)
    (tmp_path / "openai_api_key").write_text("sk-1\n")
    (tmp_path / "slack_webhook_url").write_text("\n")
    (tmp_path / "telegram_bot_token.cred").write_text("x")
    assert read_secrets(("*",), store) == {"openai_api_key": "sk-1"}
    told = capsys.readouterr().err
    assert told.startswith("polybot: warning: telegram_bot_token cannot be read: systemd-creds")
    assert told.count("\n") == 1
    assert read_secrets(("polymarket_private_key",), store) == {}
    assert read_secrets(tuple(secret_names()), store) == {"openai_api_key": "sk-1"}
