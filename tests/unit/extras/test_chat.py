"""A text reaches a person's chat, however often the chat is busy, silent or gone."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from polybot.extras.chat import (
    LONGEST_DISCORD,
    LONGEST_SLACK,
    LONGEST_TELEGRAM,
    Channel,
    Unusable,
    channels_of,
    deliver,
    settings_of,
)
from tests.unit.adapters.loopback import HANG, Heard, LoopbackServer, Told, answer

SECRET = "123456:AAF-secret"


class Chat:
    """A chat on loopback; `answers` are taken one by one, then it takes everything."""

    def __init__(self) -> None:
        self.server = LoopbackServer()
        self.server.handler = self._answer
        self.url = self.server.url
        self.answers: list[Told] = []

    @property
    def heard(self) -> list[tuple[str, dict[str, Any]]]:
        return [(heard.target, json.loads(heard.body)) for heard in self.server.heard]

    def then(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.answers.append(answer(body, status, **headers))

    def _answer(self, _: Heard) -> Told:
        return self.answers.pop(0) if self.answers else answer({"ok": True})


@pytest.fixture
def chat() -> Iterator[Chat]:
    found = Chat()
    yield found
    found.server.stop()


def telegram(chat: Chat) -> Channel:
    settings = {
        "TELEGRAM_BOT_TOKEN": SECRET,
        "TELEGRAM_CHAT_ID": "-100",
        "TELEGRAM_API_URL": chat.url,
    }
    (channel,) = channels_of(settings)
    return channel


class Waits:
    """Counts how long was waited for, without waiting."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


def test_each_chat_gets_the_text_in_its_own_words(chat: Chat) -> None:
    settings = {
        "TELEGRAM_BOT_TOKEN": SECRET,
        "TELEGRAM_CHAT_ID": "-100",
        "TELEGRAM_API_URL": chat.url,
        "SLACK_WEBHOOK_URL": f"{chat.url}/services/T/B/x",
        "DISCORD_WEBHOOK_URL": f"{chat.url}/api/webhooks/1/y",
    }
    text = "trader <dead> & @everyone"
    done = [deliver(channel, text) for channel in channels_of(settings)]
    assert [(each.channel, each.delivered, each.tries) for each in done] == [
        ("telegram", True, 1),
        ("slack", True, 1),
        ("discord", True, 1),
    ]
    assert chat.heard == [
        (
            f"/bot{SECRET}/sendMessage",
            {"chat_id": "-100", "text": text, "disable_web_page_preview": True},
        ),
        ("/services/T/B/x", {"text": "trader &lt;dead&gt; &amp; @everyone"}),
        ("/api/webhooks/1/y", {"content": text, "allowed_mentions": {"parse": []}}),
    ]


@pytest.mark.parametrize(
    ("name", "key", "longest"),
    [
        ("TELEGRAM_BOT_TOKEN", "text", LONGEST_TELEGRAM),
        ("SLACK_WEBHOOK_URL", "text", LONGEST_SLACK),
        ("DISCORD_WEBHOOK_URL", "content", LONGEST_DISCORD),
    ],
)
def test_a_text_is_cut_to_what_a_chat_takes(chat: Chat, name: str, key: str, longest: int) -> None:
    settings = {name: f"{chat.url}/x"}
    if name == "TELEGRAM_BOT_TOKEN":
        settings = {name: "t", "TELEGRAM_CHAT_ID": "1", "TELEGRAM_API_URL": chat.url}
    (channel,) = channels_of(settings)
    assert deliver(channel, "x" * 5000).delivered
    [(_, body)] = chat.heard
    assert len(body[key]) == longest
    assert body[key].endswith(" ...")


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({"Retry_After": "7"}, b""),
        ({}, b'{"ok":false,"parameters":{"retry_after":7}}'),
        ({}, b'{"message":"You are being rate limited.","retry_after":7.0}'),
    ],
)
def test_a_busy_chat_is_waited_for_as_long_as_it_asks(
    chat: Chat, headers: dict[str, str], body: bytes
) -> None:
    chat.then(429, body, **headers)
    waits = Waits()
    done = deliver(telegram(chat), "x", wait=waits)
    assert (done.delivered, done.tries, waits.seconds) == (True, 2, [7.0])


def test_a_chat_in_trouble_is_tried_again_ever_more_patiently(chat: Chat) -> None:
    for status in (500, 502, 503, 408):
        chat.then(status)
    waits = Waits()
    done = deliver(telegram(chat), "x", wait=waits)
    assert (done.delivered, done.tries, waits.seconds) == (True, 5, [1.0, 2.0, 4.0, 8.0])


def test_a_silent_chat_does_not_hold_it_up(chat: Chat) -> None:
    chat.answers.append(Told(then=HANG))
    done = deliver(telegram(chat), "x", request_s=0.2, wait=Waits())
    assert (done.delivered, done.tries) == (True, 2)
    chat.answers.append(Told(then=HANG))
    done = deliver(telegram(chat), "x", request_s=0.2, patience_s=0.1)
    assert (done.delivered, done.detail) == (False, "telegram: no answer within 0.2 s")


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_a_definite_no_is_not_repeated(chat: Chat, status: int) -> None:
    chat.then(status, b'{"ok":false,"description":"Unauthorized"}')
    done = deliver(telegram(chat), "x", wait=Waits())
    assert (done.delivered, done.tries) == (False, 1)
    assert done.detail == f'HTTP {status}: {{"ok":false,"description":"Unauthorized"}}'


def test_a_chat_that_is_not_there_is_given_up_when_patience_is_over(chat: Chat) -> None:
    channel = telegram(chat)
    chat.server.stop()
    done = deliver(channel, "x", patience_s=0.5, wait=Waits())
    assert not done.delivered
    assert "refused" in done.detail.lower()


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'"x"', b'{"parameters":3}'])
def test_a_nonsensical_wait_is_our_own(chat: Chat, body: bytes) -> None:
    chat.then(429, body, Retry_After="Wed, 21 Oct 2026 07:28:00 GMT")
    waits = Waits()
    assert deliver(telegram(chat), "x", wait=waits).delivered
    assert waits.seconds == [1.0]


@pytest.mark.parametrize(
    "answers", [[(404, 1)], [(500, 2), (401, 1)], [(429, 1)]], ids=["no", "late no", "busy"]
)
def test_a_secret_is_never_in_what_is_told(chat: Chat, answers: list[tuple[int, int]]) -> None:
    for status, times in answers:
        for _ in range(times):
            chat.then(status, b"bad")
    done = deliver(telegram(chat), "x", wait=Waits())
    assert SECRET not in repr(done)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"TELEGRAM_BOT_TOKEN": "t"}, "one of them alone"),
        ({"TELEGRAM_CHAT_ID": "1"}, "one of them alone"),
        ({"SLACK_WEBHOOK_URL": "http://hooks.example/x"}, "SLACK_WEBHOOK_URL to begin with https"),
        ({"DISCORD_WEBHOOK_URL": "discord"}, "DISCORD_WEBHOOK_URL to begin with https"),
    ],
)
def test_a_chat_that_is_half_set_up_says_what_to_set(settings: dict[str, str], words: str) -> None:
    with pytest.raises(Unusable, match=words):
        channels_of(settings)


def test_without_a_chat_there_is_none() -> None:
    assert channels_of({"PATH": "/bin"}) == []


def test_what_is_set_is_found_as_polybot_finds_it(tmp_path: Path) -> None:
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    (credentials / "slack_webhook_url").write_text("https://slack/credential\n")
    (credentials / "discord_webhook_url").write_text("https://discord/credential\n")
    (tmp_path / ".env").write_text(
        "# a comment\nexport TELEGRAM_CHAT_ID='-100'\nnonsense\n"
        'POLYBOT__ALERTS__SLACK_WEBHOOK_URL="https://slack/dotenv"\n'
    )
    config = {"alerts": {"telegram_bot_token": "toml", "telegram_chat_id": "toml"}}
    environ = {"TELEGRAM_BOT_TOKEN": "environ", "CREDENTIALS_DIRECTORY": str(credentials)}
    assert settings_of(environ, config, tmp_path / ".env", tmp_path / "absent") == {
        "TELEGRAM_BOT_TOKEN": "environ",
        "TELEGRAM_CHAT_ID": "-100",
        "TELEGRAM_API_URL": "",
        "SLACK_WEBHOOK_URL": "https://slack/credential",
        "DISCORD_WEBHOOK_URL": "https://discord/credential",
    }


def test_nothing_set_is_nothing_found() -> None:
    assert channels_of(settings_of({}, {})) == []
