"""How the installer speaks and runs other programs."""

import io
import sys
from pathlib import Path

import pytest

from polybot.extras.installer.steps import Trouble, as_service, attempt, run, say


def test_a_program_that_fails_is_named_with_its_last_lines() -> None:
    script = "for i in $(seq 30); do echo line $i; done; exit 3"
    with pytest.raises(Trouble, match=r"(?s)ended with 3:\nline 19\n.*line 30$") as raised:
        run("sh", "-c", script)
    assert "line 18" not in str(raised.value)


def test_a_program_that_is_absent_is_named() -> None:
    with pytest.raises(Trouble, match="expected the program no-such-program"):
        attempt("no-such-program")


def test_what_a_program_said_is_returned_with_its_environment() -> None:
    assert run("sh", "-c", "echo $ADDED; echo error >&2", environ={"ADDED": "x"}) == "x\nerror\n"


def test_what_a_shell_says_of_another_polybot_is_not_passed_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    monkeypatch.setenv("POLYBOT_CONFIG", "/elsewhere/polybot.toml")
    told = run("env", environ={"PYTHONSAFEPATH": "1"})
    assert "/elsewhere" not in told
    assert "PYTHONSAFEPATH=1" in told


def test_a_program_cannot_wait_for_an_answer() -> None:
    assert run("cat") == ""


def test_a_lost_terminal_does_not_stop_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    class Lost(io.StringIO):
        def write(self, _: str) -> int:
            raise BrokenPipeError

    monkeypatch.setattr(sys, "stdout", Lost())
    say("nobody reads this")


def test_a_release_is_run_as_the_services_user() -> None:
    command = as_service(Path("/opt/polybot/1.0+x"), "polybot.cli.main", "doctor")
    assert [str(word) for word in command] == [
        *("runuser", "-u", "polybot", "--", "/opt/polybot/1.0+x/.venv/bin/python"),
        *("-P", "-m", "polybot.cli.main", "doctor"),
    ]
