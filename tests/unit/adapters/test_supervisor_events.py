"""supervisord's listener protocol: every event is answered, whole or in pieces."""

import http.client
import io
import os
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from polybot.adapters.supervisor_events import StateChange, SupervisorEvents, SupervisorSignals
from polybot.errors import StartRefused


class Supervisord:
    """The other end of the two pipes."""

    def __init__(self) -> None:
        self.reading, self.writing = os.pipe()
        self.answers = io.BytesIO()
        self.events = SupervisorEvents(self.reading, self.answers)

    def send(self, data: bytes) -> list[StateChange]:
        os.write(self.writing, data)
        return self.events.take()


def event(name: str, payload: str) -> bytes:
    header = f"ver:3.0 server:polybot serial:1 pool:bridge poolserial:1 eventname:{name}"
    return f"{header} len:{len(payload)}\n{payload}".encode()


STARTED = event(
    "PROCESS_STATE_RUNNING", "processname:trader groupname:floor from_state:STARTING pid:41"
)
EXITED = event(
    "PROCESS_STATE_EXITED",
    "processname:trader groupname:floor from_state:RUNNING expected:0 pid:41",
)


@pytest.fixture
def supervisord() -> Iterator[Supervisord]:
    made = Supervisord()
    yield made
    os.close(made.reading)


def test_it_says_that_it_is_ready_and_answers_each_event(supervisord: Supervisord) -> None:
    assert supervisord.answers.getvalue() == b"READY\n"
    assert supervisord.send(STARTED + EXITED) == [
        StateChange("floor:trader", 41, runs=True),
        StateChange("floor:trader", 41, runs=False),
    ]
    assert supervisord.answers.getvalue() == b"READY\n" + b"RESULT 2\nOKREADY\n" * 2
    os.close(supervisord.writing)


def test_an_event_may_come_in_pieces(supervisord: Supervisord) -> None:
    found = []
    for at in range(len(STARTED)):
        found += supervisord.send(STARTED[at : at + 1])
    assert found == [StateChange("floor:trader", 41, runs=True)]
    assert supervisord.events.take() == []
    os.close(supervisord.writing)


def test_other_states_are_answered_and_mean_nothing(supervisord: Supervisord) -> None:
    starting = event(
        "PROCESS_STATE_STARTING", "processname:x groupname:x from_state:STOPPED tries:0"
    )
    assert supervisord.send(starting) == []
    assert supervisord.answers.getvalue().endswith(b"RESULT 2\nOKREADY\n")
    os.close(supervisord.writing)


def test_the_end_of_supervisord_is_noticed(supervisord: Supervisord) -> None:
    assert supervisord.events.is_open
    os.close(supervisord.writing)
    assert supervisord.events.take() == []
    assert not supervisord.events.is_open


def test_without_supervisord_nobody_can_be_signaled() -> None:
    with pytest.raises(StartRefused, match="expected to be started by supervisord"):
        SupervisorSignals({})


def test_a_signal_that_cannot_be_sent_says_why() -> None:
    signals = SupervisorSignals({"SUPERVISOR_SERVER_URL": "http://127.0.0.1:1"})
    assert "refused" in signals.send("floor:trader", "ABRT")
    running, problem = signals.running()
    assert running == []
    assert "refused" in problem


class Rpc:
    """supervisord's answers: what it says of its processes, or that it breaks off."""

    def __init__(self, known: list[dict[str, Any]] | None) -> None:
        self._known = known

    def getAllProcessInfo(self) -> list[dict[str, Any]]:  # noqa: N802
        if self._known is None:
            raise http.client.BadStatusLine("")
        return self._known

    def signalProcess(self, *_: str) -> None:  # noqa: N802
        raise http.client.IncompleteRead(b"")


def signals_of(rpc: Rpc, monkeypatch: pytest.MonkeyPatch) -> SupervisorSignals:
    found = SimpleNamespace(supervisor=rpc)
    monkeypatch.setattr("supervisor.childutils.getRPCInterface", lambda _: found)
    return SupervisorSignals({})


def test_who_runs_is_told_as_the_events_do(monkeypatch: pytest.MonkeyPatch) -> None:
    known = [
        {"group": "floor", "name": "trader", "statename": "RUNNING", "pid": 41},
        {"group": "floor", "name": "tracker", "statename": "BACKOFF", "pid": 0},
        {"group": "bridge", "name": "bridge", "statename": "STARTING", "pid": 43},
    ]
    trader = StateChange("floor:trader", 41, runs=True)
    assert signals_of(Rpc(known), monkeypatch).running() == ([trader], "")


def test_an_answer_that_breaks_off_is_a_problem_and_no_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    signals = signals_of(Rpc(None), monkeypatch)
    running, problem = signals.running()
    assert running == []
    assert problem
    assert "IncompleteRead" in signals.send("floor:trader", "KILL")
