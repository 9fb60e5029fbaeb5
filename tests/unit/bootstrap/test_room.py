"""The trader takes no entries while its journal has no room; other processes only ask for it."""

from typing import Any

import pytest

from polybot.bootstrap.room import make_room
from polybot.errors import DiskFull
from polybot.messages.commands import Done, ResumeTrading, StopEntries
from tests.fakes import FakeClock
from tests.unit.runtime.test_room import SmallJournal


class Service:
    """Keeps the commands it was given."""

    def __init__(self) -> None:
        self.commands: list[Any] = []

    def handle(self, request_type: str, body: Any) -> Done:
        assert request_type == type(body).__name__
        self.commands.append(body)
        return Done()


@pytest.mark.parametrize("name", ["trader", "tracker"])
def test_entries_stop_without_room_and_return_with_it(name: str) -> None:
    journal, service = SmallJournal(), Service()
    journal.shortage = DiskFull("cannot write x: No space left on device; free space")
    room = make_room(name, journal, FakeClock(), service)  # type: ignore[arg-type]
    room.look()
    journal.shortage = None
    room.look()
    told = [(type(command), command.source) for command in service.commands]
    if name == "trader":
        assert told == [(StopEntries, "disk"), (ResumeTrading, "disk")]
        assert "no room for the next journal segment: cannot write x" in service.commands[0].reason
    else:
        assert told == []
    assert journal.asked == 1
