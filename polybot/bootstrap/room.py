"""Joins the room of a process's journal to what must stop while there is none."""

from polybot.errors import StorageError
from polybot.messages.commands import ResumeTrading, StopEntries
from polybot.ports import Clock, Service
from polybot.runtime.room import Room, RoomyJournal

SOURCE = "disk"
TRADER = "trader"


def make_room(name: str, journal: RoomyJournal, clock: Clock, service: Service) -> Room:
    """Return what minds a journal's room; the trader takes no entries while there is none."""
    if name != TRADER:
        return Room(journal, clock)

    def tell(shortage: StorageError | None) -> None:
        if shortage is None:
            back = ResumeTrading(source=SOURCE, reason="there is room for the journal")
            service.handle("ResumeTrading", back)
        else:
            reason = f"no room for the next journal segment: {shortage}"
            service.handle("StopEntries", StopEntries(source=SOURCE, reason=reason))

    return Room(journal, clock, tell)
