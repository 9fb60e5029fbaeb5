"""Texts go to every chat off the work loop, and each answer comes back with its key."""

import threading
import time

from polybot.adapters.chat_messenger import MOST_WAITING, ChatMessenger
from polybot.extras.chat import Channel, Delivery
from polybot.ports.messenger import ChatAnswer
from tests.unit.adapters.loopback import wait_until

TELEGRAM = Channel("telegram", "https://127.0.0.1/x", lambda text: {"text": text})
SLACK = Channel("slack", "https://127.0.0.1/y", lambda text: {"text": text})


class Post:
    """Delivers at once, unless a test holds a channel up."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str]] = []
        self.held = {"telegram": threading.Event(), "slack": threading.Event()}
        for event in self.held.values():
            event.set()

    def __call__(self, channel: Channel, text: str) -> Delivery:
        self.held[channel.name].wait(5)
        self.sent.append((channel.name, text))
        return Delivery(channel.name, text != "no", 2, "" if text != "no" else "HTTP 401", 0.1)


def test_each_chat_answers_with_the_key() -> None:
    post, woken = Post(), threading.Event()
    messenger = ChatMessenger((TELEGRAM, SLACK), woken.set, post)
    assert messenger.channels == ("telegram", "slack")
    messenger.send("disk", "full")
    answers: list[ChatAnswer] = []

    def both() -> bool:
        answers.extend(messenger.take())
        return len(answers) == 2

    wait_until(both)
    assert woken.is_set()
    assert sorted((each.channel, each.key, each.delivered, each.tries) for each in answers) == [
        ("slack", "disk", True, 2),
        ("telegram", "disk", True, 2),
    ]


def test_a_chat_that_hangs_holds_up_neither_the_caller_nor_the_other() -> None:
    post = Post()
    post.held["telegram"].clear()
    messenger = ChatMessenger((TELEGRAM, SLACK), lambda: None, post)
    began = time.monotonic()
    for number in range(3):
        messenger.send("k", str(number))
    assert time.monotonic() - began < 1
    wait_until(lambda: len(post.sent) == 3)
    assert {name for name, _ in post.sent} == {"slack"}
    post.held["telegram"].set()
    wait_until(lambda: len(post.sent) == 6)


def test_what_was_refused_says_why() -> None:
    messenger = ChatMessenger((TELEGRAM,), lambda: None, Post())
    messenger.send("disk", "no")
    answers: list[ChatAnswer] = []
    wait_until(lambda: answers.extend(messenger.take()) or answers)
    [answer] = answers
    assert (answer.delivered, answer.detail) == (False, "HTTP 401")


def test_what_waits_is_bounded() -> None:
    post = Post()
    post.held["telegram"].clear()
    messenger = ChatMessenger((TELEGRAM,), lambda: None, post)
    for number in range(MOST_WAITING + 5):
        messenger.send(str(number), "x")
    refused = messenger.take()
    assert refused
    assert all((each.delivered, each.detail) == (False, "too many") for each in refused)
    post.held["telegram"].set()


def test_without_a_chat_there_is_no_thread() -> None:
    before = threading.active_count()
    messenger = ChatMessenger((), lambda: None, Post())
    messenger.send("k", "x")
    assert (messenger.channels, messenger.take()) == ((), [])
    assert threading.active_count() == before
