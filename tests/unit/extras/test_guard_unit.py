"""The alert of a unit that failed: what systemd says of it, and the credentials it was given."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from polybot.extras import guard
from tests.unit.adapters.loopback import LoopbackServer

GUARD = Path(guard.__file__)
FAILED = {
    "MONITOR_SERVICE_RESULT": "signal",
    "MONITOR_EXIT_CODE": "killed",
    "MONITOR_EXIT_STATUS": "KILL",
}


@pytest.fixture
def chat() -> Iterator[LoopbackServer]:
    server = LoopbackServer()
    yield server
    server.stop()


def alerted(tmp_path: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """Raise the alert as the unit does."""
    told = {"PATH": os.environ["PATH"], "POLYBOT_CONFIG": str(tmp_path / "polybot.toml")}
    return subprocess.run(
        [sys.executable, "-I", "-S", str(GUARD), "alert", "--unit", "polybot-trader"],
        env=told | environ,
        capture_output=True,
        text=True,
        check=False,
    )


def test_it_says_how_the_unit_ended_and_where_to_look(tmp_path: Path) -> None:
    done = alerted(tmp_path, **FAILED)

    assert done.returncode == guard.OK
    expected = "polybot-trader failed: signal (killed KILL); see journalctl -u polybot-trader"
    assert expected in done.stderr


def test_without_a_result_it_still_names_the_unit(tmp_path: Path) -> None:
    assert "polybot-trader failed: polybot needs a person" in alerted(tmp_path).stderr


def test_chats_come_from_the_configuration_and_systemds_credentials(
    tmp_path: Path, chat: LoopbackServer
) -> None:
    (tmp_path / "polybot.toml").write_text(
        f'[alerts]\ntelegram_chat_id = "-100"\ntelegram_api_url = "{chat.url}"\n'
    )
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    (credentials / "telegram_bot_token").write_text("1:secret")
    # The default of a secret that nobody stored.
    (credentials / "slack_webhook_url").write_text("\n")

    done = alerted(tmp_path, CREDENTIALS_DIRECTORY=str(credentials), **FAILED)

    assert (done.returncode, done.stdout) == (guard.OK, "telegram: delivered\n")
    assert [heard.target for heard in chat.heard] == ["/bot1:secret/sendMessage"]
