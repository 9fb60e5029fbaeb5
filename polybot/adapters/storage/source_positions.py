"""How far each source's journal is stored, and by which event to know it again."""

from peewee import SqliteDatabase

from polybot.adapters.storage.statements import execute
from polybot.messages.commands import Witness

_POSITIONS = "SELECT source, seq FROM source_position"
_WITNESSES = """
    SELECT stored.source, stored.seq, event.record_hash
    FROM source_position AS stored
    JOIN event ON event.source = stored.source AND event.seq = stored.seq
"""


def read_positions(database: SqliteDatabase) -> dict[str, int]:
    """Return the seq of the last stored event of each source."""
    return dict(execute(database, _POSITIONS))


def read_witnesses(database: SqliteDatabase) -> dict[str, Witness]:
    """Return the last stored event of each source, as far as its row is there."""
    return {
        source: Witness(seq=seq, hash=record_hash)
        for source, seq, record_hash in execute(database, _WITNESSES)
    }
