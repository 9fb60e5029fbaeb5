"""The trading state as the trader told it last."""

import msgspec
from peewee import SqliteDatabase

from polybot.adapters.storage.statements import execute
from polybot.messages.safety import TradingStateChanged

NEWEST = "SELECT body FROM event WHERE type = 'TradingStateChanged' ORDER BY id DESC LIMIT 1"


def read_trading_state(database: SqliteDatabase) -> TradingStateChanged | None:
    """Return the trader's newest change of state with all its claims, None when it told none."""
    rows = execute(database, NEWEST)
    return msgspec.json.decode(rows[0][0], type=TradingStateChanged) if rows else None
