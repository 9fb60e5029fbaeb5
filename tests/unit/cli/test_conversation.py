"""Tests of asking processes over real sockets."""

from pathlib import Path

import pytest

from polybot.cli.conversation import conversation
from polybot.cli.exits import CommandError, Late, NotRunning
from polybot.messages.commands import Done, GetStatus, HaltTrading
from polybot.messages.lifecycle import Heartbeat
from tests.unit.cli.peer import Peer, beating


def test_an_answer_comes_back_typed(runtime_dir: Path) -> None:
    with Peer(runtime_dir, "trader", beating("trader")), conversation(runtime_dir) as talk:
        answer = talk.ask("trader", GetStatus(), timeout_s=5)
    assert isinstance(answer, Heartbeat)
    assert answer.process == "trader"


def test_a_command_arrives_as_it_was_given(runtime_dir: Path) -> None:
    answers = {"HaltTrading": lambda _: Done(detail="trading is HALTED")}
    with Peer(runtime_dir, "trader", answers) as peer, conversation(runtime_dir) as talk:
        talk.ask("trader", HaltTrading(source="operator", reason="why"), timeout_s=5)
    assert peer.asked == [HaltTrading(source="operator", reason="why")]


def test_who_does_not_run_is_said_so_at_once(runtime_dir: Path) -> None:
    with conversation(runtime_dir) as talk, pytest.raises(NotRunning, match="polybot up"):
        talk.ask("trader", GetStatus(), timeout_s=60)


def test_who_does_not_answer_in_time_is_late(runtime_dir: Path) -> None:
    with (
        Peer(runtime_dir, "trader", {}, silent=True),
        conversation(runtime_dir) as talk,
        pytest.raises(Late, match="expected an answer from trader within"),
    ):
        talk.ask("trader", GetStatus(), timeout_s=0.05)


def test_who_refuses_is_quoted(runtime_dir: Path) -> None:
    with (
        Peer(runtime_dir, "trader", {}),
        conversation(runtime_dir) as talk,
        pytest.raises(CommandError, match="trader refused: expected no GetStatus"),
    ):
        talk.ask("trader", GetStatus(), timeout_s=5)


def test_in_a_glance_the_silent_and_the_absent_are_left_out(runtime_dir: Path) -> None:
    with (
        Peer(runtime_dir, "trader", beating("trader")),
        Peer(runtime_dir, "tracker", {}, silent=True),
        conversation(runtime_dir) as talk,
    ):
        names = ("trader", "tracker", "watchdog")
        answered = talk.glance({name: (name, GetStatus()) for name in names})
        assert talk.is_running("tracker")
    assert set(answered) == {"trader"}


def test_a_glance_at_nothing_is_nothing(runtime_dir: Path) -> None:
    with conversation(runtime_dir) as talk:
        assert talk.glance({}) == {}
