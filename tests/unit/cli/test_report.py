"""Tests of `polybot report`: what it prints, what chats on real sockets get, and its exit codes."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.http_stub import StubRequest, StubServer
from tests.unit.cli.conftest import Command


class Chats:
    """A Slack and a Discord that answer with the status a test says."""

    def __init__(self) -> None:
        self.slack, self.discord = 200, 204
        self.server = StubServer(self._answer)

    def texts(self) -> list[str]:
        """Return what was posted, Slack's first."""
        posted = sorted(self.server.requests, key=lambda request: request.path, reverse=True)
        told = [json.loads(request.body) for request in posted]
        return [each.get("text") or each["content"] for each in told]

    def _answer(self, request: StubRequest) -> tuple[int, Any]:
        return (self.slack if request.path == "/slack" else self.discord), {}


@pytest.fixture
def chats(monkeypatch: pytest.MonkeyPatch) -> Iterator[Chats]:
    """Set up two chats."""
    made = Chats()
    monkeypatch.setenv("SLACK_WEBHOOK_URL", f"{made.server.url}/slack")
    monkeypatch.setenv("DISCORD_WEBHOOK_URL", f"{made.server.url}/discord")
    yield made
    made.server.close()


def test_it_tells_the_last_whole_day_and_today(polybot: Command, history: Path) -> None:
    del history
    said = polybot("report").stdout
    assert said.startswith("polybot synthetic on ")
    assert "! the floor does not run\n" in said
    assert "2026-04-12: 0 windows, 0 traded\n" in said
    assert "2026-04-13: 2 windows, 2 traded\n" in said
    assert "-$22.67, 1 of 2 won (50.0 %), worst fall $23.83\n" in said
    assert "open: 1 position\n" in said


def test_one_day_is_told_when_it_is_named(polybot: Command, history: Path) -> None:
    del history
    said = polybot("report", "--day", "2026-04-13").stdout
    assert "2026-04-12" not in said
    assert "expected --day as" in polybot("report", "--day", "today", code=2).stderr


def test_a_script_gets_it_as_json(polybot_json: Callable[..., Any], history: Path) -> None:
    del history
    told = polybot_json("report", "--day", "2026-04-13")
    assert [day["trades"] for day in told["days"]] == [2]
    assert told["running"] is False
    assert told["deliveries"] is None


def test_before_the_first_start_it_tells_what_there_is(polybot: Command, state_dir: Path) -> None:
    del state_dir
    assert "windows and P&L: unknown, no database" in polybot("report").stdout


def test_every_chat_gets_the_same_text(polybot: Command, history: Path, chats: Chats) -> None:
    del history
    result = polybot("report", "--send")
    text = result.stdout.rstrip("\n")
    assert chats.texts() == [text.replace("&", "&amp;"), text]
    assert "slack took it (attempts: 1, " in result.stderr
    assert "discord took it (attempts: 1, " in result.stderr


def test_one_chat_that_took_it_is_enough(
    polybot_json: Callable[..., Any], history: Path, chats: Chats
) -> None:
    del history
    chats.slack = 403
    told = {each["channel"]: each for each in polybot_json("report", "--send")["deliveries"]}
    assert told["discord"]["delivered"] is True
    assert told["slack"]["delivered"] is False
    assert told["slack"]["detail"].startswith("HTTP 403")


def test_where_no_chat_took_it_it_ends_with_1(
    polybot: Command, history: Path, chats: Chats
) -> None:
    del history
    chats.slack, chats.discord = 404, 401
    result = polybot("report", "--send", code=1)
    assert "slack did not take it: HTTP 404" in result.stderr
    assert chats.server.url not in result.output


def test_without_a_chat_it_says_so_and_is_no_error(polybot: Command, history: Path) -> None:
    del history
    assert "no chat is configured" in polybot("report", "--send").stderr


def test_half_a_chat_is_an_error(
    polybot: Command, history: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del history
    monkeypatch.setenv("TELEGRAM_BOT_TOKEN", "123:abc")
    assert "TELEGRAM_CHAT_ID" in polybot("report", "--send", code=4).stderr
