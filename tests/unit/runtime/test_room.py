"""Missing room is told once and asked for again until it is there."""

from polybot.errors import DiskFull, StorageError
from polybot.runtime.room import RETRY_NS, Room
from tests.fakes import FakeClock


class SmallJournal:
    """A journal that has room as long as the test says so."""

    def __init__(self) -> None:
        self.shortage: StorageError | None = None
        self.preparing = False
        self.asked = 0

    def replenish(self) -> None:
        self.asked += 1


class Case:
    def __init__(self) -> None:
        self.journal, self.clock = SmallJournal(), FakeClock()
        self.told: list[StorageError | None] = []
        self.room = Room(self.journal, self.clock, self.told.append)

    def look(self, times: int = 1) -> None:
        for _ in range(times):
            self.room.look()
            self.clock.advance(1)


def test_room_is_told_at_the_first_look_and_then_nothing() -> None:
    case = Case()
    case.look(10)
    assert case.told == [None]
    assert case.journal.asked == 0


def test_missing_room_is_told_once_and_asked_for_every_few_seconds() -> None:
    case = Case()
    case.look()
    case.journal.shortage = DiskFull("cannot write x")
    case.look(11)
    assert case.told == [None, case.journal.shortage]
    assert case.journal.asked == 1 + 10 * 1_000_000_000 // RETRY_NS
    case.journal.shortage = None
    case.look(3)
    assert case.told[2:] == [None]


def test_nothing_is_told_while_room_is_being_made() -> None:
    case = Case()
    case.journal.preparing = True
    case.look(3)
    assert case.told == []
    case.journal.preparing = False
    case.journal.shortage = DiskFull("cannot write x")
    case.look()
    assert case.told == [case.journal.shortage]


def test_a_process_that_stops_nothing_still_asks_for_room() -> None:
    journal, clock = SmallJournal(), FakeClock()
    journal.shortage = DiskFull("cannot write x")
    Room(journal, clock).look()
    assert journal.asked == 1
