"""Reads for people: windows not traded, or not entered, because of what the exchange says."""

from typing import Any

from peewee import SqliteDatabase

from polybot.adapters.storage.json_text import from_text
from polybot.adapters.storage.statements import execute
from polybot.domain.stored import RefusedWindow

PREFLIGHT = "preflight"
# Refusals are rare and only the newest matter: the newest events are looked through, not all.
_LOOKED_THROUGH = 50_000
_OF_TYPE = """
    SELECT slug, body FROM event
    WHERE id > (SELECT COALESCE(MAX(id), 0) FROM event) - ? AND type = ? AND ts_event >= ?
    ORDER BY id DESC"""
_IS_LISTED = "SELECT 1 FROM market_window WHERE slug = ?"


def read_refused(database: SqliteDatabase, *, since_ns: int) -> list[RefusedWindow]:
    """Return the windows refused since a moment of market time, newest first, each once.

    One that was traded after all is none of them.
    """
    return [
        RefusedWindow(slug, body["code"], body["reason"])
        for slug, body in _newest(database, "WindowRefused", since_ns).items()
        if not execute(database, _IS_LISTED, (slug,))
    ]


def read_not_entered(database: SqliteDatabase, *, since_ns: int) -> list[RefusedWindow]:
    """Return the windows whose newest preflight since a moment objects, newest first."""
    return [
        RefusedWindow(slug, PREFLIGHT, "; ".join(body["reasons"]))
        for slug, body in _newest(database, "PreflightFinished", since_ns).items()
        if not body["may_enter"]
    ]


def _newest(database: SqliteDatabase, event_type: str, since_ns: int) -> dict[str, dict[str, Any]]:
    """Return the newest event of a type of each window."""
    found: dict[str, dict[str, Any]] = {}
    for slug, text in execute(database, _OF_TYPE, (_LOOKED_THROUGH, event_type, since_ns)):
        if slug not in found:
            found[slug] = from_text(text, dict[str, Any])
    return found
