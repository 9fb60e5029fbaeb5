"""Ways in which a state can be unfit to go on from."""

import sqlite3
from pathlib import Path

from polybot.runtime.journal_format import HEADER_BYTES


def break_journal(state: Path) -> None:
    path = next((state / "trader").glob("journal-*.log"))
    data = bytearray(path.read_bytes())
    data[HEADER_BYTES + 9] ^= 1
    path.write_bytes(data)


def cut_journal(state: Path) -> None:
    """Take the newest records, which the database has stored."""
    path = next((state / "trader").glob("journal-*.log"))
    data = path.read_bytes()
    last = data.rindex(b"PBJ1") - 4
    path.write_bytes(data[:last] + bytes(len(data) - last))


def break_database(state: Path) -> None:
    """Damage the page of the events' table, which a copy of all pages takes along."""
    path = state / "tracker" / "ledger.sqlite"
    with sqlite3.connect(path) as database:
        query = "SELECT rootpage FROM sqlite_master WHERE name = 'event'"
        [(page,)] = database.execute(query).fetchall()
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    data = bytearray(path.read_bytes())
    data[(page - 1) * 4096 : (page - 1) * 4096 + 64] = b"\xaa" * 64
    path.write_bytes(data)


def break_checkpoint(state: Path) -> None:
    path = next((state / "trader").glob("checkpoint-*.json"))
    path.write_text(path.read_text().replace("orders", "borders"))
