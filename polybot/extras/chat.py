"""Sends a text to a person's chat with Python's standard library alone: Telegram, Slack, Discord.

It works where nothing else does: a broken virtual environment, a full disk. A message that may have
arrived is sent again: an alert that comes twice is better than one that does not come.
"""

import json
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

TELEGRAM_URL = "https://api.telegram.org"
# Names of the environment and of a credentials directory, as the chats' own guides have them.
TELEGRAM_TOKEN, TELEGRAM_CHAT = "TELEGRAM_BOT_TOKEN", "TELEGRAM_CHAT_ID"
SLACK, DISCORD = "SLACK_WEBHOOK_URL", "DISCORD_WEBHOOK_URL"
# Moves Telegram's host, for a proxy of one's own.
TELEGRAM_HOST = "TELEGRAM_API_URL"

NAMES = (TELEGRAM_TOKEN, TELEGRAM_CHAT, TELEGRAM_HOST, SLACK, DISCORD)

# What each chat takes in one message, in characters.
LONGEST_TELEGRAM, LONGEST_SLACK, LONGEST_DISCORD = 4096, 4000, 2000
REQUEST_S = 10.0
PATIENCE_S = 120.0
FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 30.0
_LONGEST_ANSWER = 4096
_TOO_MANY = 429
_TRIED_AGAIN = (408, 425, _TOO_MANY)
_SERVER_ERROR = 500
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class Unusable(Exception):
    """A chat is set up in a way that cannot work; the message says what to set."""


class Channel(NamedTuple):
    """One chat: where to post, and the body for a text. `url` holds a secret: never show it."""

    name: str
    url: str
    body: Callable[[str], dict[str, Any]]


class Delivery(NamedTuple):
    """What became of one text at one chat; `detail` says why it was not delivered, no secrets."""

    channel: str
    delivered: bool
    tries: int
    detail: str
    took_s: float


def settings_of(
    environ: Mapping[str, str], config: Mapping[str, Any], *dotenvs: Path
) -> dict[str, str]:
    """Return what is set about chats, found as polybot finds it but without any of it.

    The environment goes before systemd's credentials, those before `.env` files, and the
    configuration's `[alerts]` is last.
    """
    layers = [environ, _credentials(environ), *map(_dotenv, dotenvs)]
    told = {name: str(config.get("alerts", {}).get(name.lower(), "")) for name in NAMES}
    for layer in reversed(layers):
        for name in NAMES:
            told[name] = layer.get(f"POLYBOT__ALERTS__{name}") or layer.get(name) or told[name]
    return told


def _dotenv(path: Path) -> dict[str, str]:
    """Read plain NAME=value lines; what is quoted loses its quotes."""
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return {}
    pairs = (line.removeprefix("export ").partition("=") for line in lines if "=" in line)
    return {name.strip(): value.strip().strip("'\"") for name, _, value in pairs}


def _credentials(environ: Mapping[str, str]) -> dict[str, str]:
    directory = environ.get("CREDENTIALS_DIRECTORY", "")
    found = {}
    for name in NAMES if directory else ():
        with suppress(OSError, UnicodeDecodeError):
            found[name] = (Path(directory) / name.lower()).read_text("utf-8").strip()
    return found


def channels_of(settings: Mapping[str, str]) -> list[Channel]:
    """Return the chats that are set up; raises Unusable for one that is half set up."""
    found, problems = sort_out(settings)
    if problems:
        raise Unusable(problems[0])
    return found


def sort_out(settings: Mapping[str, str]) -> tuple[list[Channel], list[str]]:
    """Return the chats that are set up, and what is wrong with each that is half set up."""
    found: list[Channel] = []
    problems = []
    for read in (_telegram_of, _webhooks_of(SLACK, _slack), _webhooks_of(DISCORD, _discord)):
        try:
            found += read(settings)
        except Unusable as error:
            problems.append(str(error))
    return found, problems


def _telegram_of(settings: Mapping[str, str]) -> list[Channel]:
    token, chat = settings.get(TELEGRAM_TOKEN, ""), settings.get(TELEGRAM_CHAT, "")
    if bool(token) != bool(chat):
        raise Unusable(f"expected {TELEGRAM_TOKEN} and {TELEGRAM_CHAT}, was one of them alone")
    if not token:
        return []
    host = settings.get(TELEGRAM_HOST, "") or TELEGRAM_URL
    _require_private(TELEGRAM_HOST, host)
    url = f"{host}/bot{token}/sendMessage"
    return [Channel("telegram", url, lambda text: _telegram(chat, text))]


def _webhooks_of(
    key: str, body: Callable[[str], dict[str, Any]]
) -> Callable[[Mapping[str, str]], list[Channel]]:
    def read(settings: Mapping[str, str]) -> list[Channel]:
        url = settings.get(key, "")
        if url:
            _require_private(key, url)
        return [Channel(key.partition("_")[0].lower(), url, body)] if url else []

    return read


def deliver(
    channel: Channel,
    text: str,
    *,
    patience_s: float = PATIENCE_S,
    request_s: float = REQUEST_S,
    wait: Callable[[float], object] = time.sleep,
) -> Delivery:
    """Send a text until the chat took it, said no for good, or patience is over; never raises."""
    began_s = time.monotonic()
    pause_s = FIRST_PAUSE_S
    tries = 0
    while True:
        tries += 1
        answer = _post(channel, text, request_s)
        took_s = time.monotonic() - began_s
        if answer.is_final or took_s >= patience_s:
            return Delivery(channel.name, answer.delivered, tries, answer.detail, took_s)
        pause = max(pause_s, answer.retry_after_s)
        if took_s + pause > patience_s:
            return Delivery(
                channel.name, delivered=False, tries=tries, detail=answer.detail, took_s=took_s
            )
        wait(pause)
        pause_s = min(2 * pause_s, LONGEST_PAUSE_S)


class _Answer(NamedTuple):
    delivered: bool
    is_final: bool
    detail: str = ""
    retry_after_s: float = 0.0


def _post(channel: Channel, text: str, request_s: float) -> _Answer:
    data = json.dumps(channel.body(text)).encode()
    headers = {"Content-Type": "application/json", "User-Agent": "polybot"}
    request = urllib.request.Request(channel.url, data, headers, method="POST")  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=request_s):  # noqa: S310
            return _Answer(delivered=True, is_final=True)
    except urllib.error.HTTPError as error:
        with error:
            return _refused(error)
    except (urllib.error.URLError, OSError, HTTPException, ValueError) as error:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        if isinstance(reason, TimeoutError | socket.timeout):
            reason = f"no answer within {request_s:g} s"
        return _Answer(delivered=False, is_final=False, detail=f"{channel.name}: {reason}")


def _refused(error: urllib.error.HTTPError) -> _Answer:
    body = ""
    with suppress(OSError, HTTPException):
        body = error.read(_LONGEST_ANSWER).decode(errors="replace")
    told = " ".join(body.split())[:200]
    detail = f"HTTP {error.code}: {told or error.reason}"
    again = error.code in _TRIED_AGAIN or error.code >= _SERVER_ERROR
    return _Answer(
        delivered=False,
        is_final=not again,
        detail=detail,
        retry_after_s=_retry_after_s(error.headers.get("Retry-After", ""), body),
    )


def _retry_after_s(header: str, body: str) -> float:
    """Return how long a chat asks to wait: Telegram says it in the body, the others in both."""
    with suppress(ValueError):
        return float(header)
    with suppress(ValueError, TypeError, AttributeError):
        told = json.loads(body)
        return float(told.get("retry_after") or told.get("parameters", {}).get("retry_after", 0))
    return 0.0


def _require_private(name: str, url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme != "https" and parts.hostname not in _LOOPBACK:
        raise Unusable(f"expected {name} to begin with https://, was {parts.scheme or 'nothing'}")


def _telegram(chat: str, text: str) -> dict[str, Any]:
    # Without a parse mode nothing has to be escaped.
    return {
        "chat_id": chat,
        "text": _cut(text, LONGEST_TELEGRAM),
        "disable_web_page_preview": True,
    }


def _slack(text: str) -> dict[str, Any]:
    plain = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return {"text": _cut(plain, LONGEST_SLACK)}


def _discord(text: str) -> dict[str, Any]:
    return {"content": _cut(text, LONGEST_DISCORD), "allowed_mentions": {"parse": []}}


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 4]} ..."
