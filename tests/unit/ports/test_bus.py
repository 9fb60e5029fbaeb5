"""The journaled outbox and the replaying inbox are what services take them for; fakes too."""

from pathlib import Path

import pytest

from polybot.ports import Inbox, Outbox
from polybot.runtime.inbox import ReplayingInbox
from polybot.runtime.journal import Journal
from polybot.runtime.outbox import JournaledOutbox
from tests.fakes import FakeClock, FakeInbox, FakeOutbox
from tests.unit.ports.contract import unmet


@pytest.mark.parametrize("kind", ["real", "fake"])
def test_an_outbox_offers_the_port(kind: str, tmp_path: Path) -> None:
    journal = Journal.open(tmp_path)
    real = JournaledOutbox("a", "s", journal=journal, sender=None, clock=FakeClock())
    assert unmet(Outbox, real if kind == "real" else FakeOutbox()) == []
    journal.close()


@pytest.mark.parametrize("kind", ["real", "fake"])
def test_an_inbox_offers_the_port(kind: str) -> None:
    real = ReplayingInbox("a", (), receiver=None, asker=None, clock=FakeClock())
    assert unmet(Inbox, real if kind == "real" else FakeInbox()) == []


def test_the_comparison_notices_what_is_missing_or_different() -> None:
    class Half:
        source = "a"
        session = "s"

        def record(self, event: object) -> None:
            raise NotImplementedError

        async def commit(self) -> None:
            raise NotImplementedError

    problems = unmet(Outbox, Half())
    assert "no say" in problems
    assert "no last_seq" in problems
    assert any(problem.startswith("record(") for problem in problems)
    assert any(problem.startswith("commit waits") for problem in problems)
