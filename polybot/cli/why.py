"""`polybot why`: the story of one window or order, in the order it happened, with the numbers."""

import difflib
from typing import Annotated, Any

import typer

from polybot.cli.books import Books, open_books
from polybot.cli.exits import Unknown
from polybot.cli.options import Json
from polybot.cli.output import clock_time, moment, plural, say, say_hanging, show_json
from polybot.cli.story import sentence
from polybot.domain.stored import ExplainEntry, Explanation
from polybot.domain.window import parse_slug
from polybot.errors import InvalidValue

_NEAREST = 3


def why(
    subject: Annotated[
        str, typer.Argument(help="A window's slug, or an order's id or its beginning.")
    ],
    as_json: Json = False,
) -> None:
    """Tell why a window or an order went as it went: decisions, limits, orders, fills, outcome."""
    with open_books() as books:
        try:
            found = books.reader.explain(subject)
        except InvalidValue as error:
            raise Unknown(str(error)) from error
        if found is None:
            raise Unknown(_suggestion(books, subject))
    if as_json:
        show_json(as_document(found))
        return
    say(_title(found))
    for entry in found.entries:
        say_hanging(f"{clock_time(entry.ts_ns)}  ", sentence(entry.type, entry.body))
    say(plural(len(found.entries), "event"))


def as_document(found: Explanation) -> dict[str, Any]:
    """Return the story as JSON values; each event with its sentence and its own body."""
    return {
        "kind": found.kind,
        "key": found.key,
        "slug": found.slug,
        "events": [_event(entry) for entry in found.entries],
    }


def _event(entry: ExplainEntry) -> dict[str, Any]:
    return {
        "ts_ns": entry.ts_ns,
        "recorded_ns": entry.recorded_ns,
        "source": entry.source,
        "seq": entry.seq,
        "type": entry.type,
        "order_id": entry.order_id or None,
        "text": sentence(entry.type, entry.body),
        "body": entry.body,
    }


def _title(found: Explanation) -> str:
    name = found.key if found.kind == "window" else f"order {found.key} of {found.slug}"
    try:
        window = parse_slug(found.slug)
    except InvalidValue:
        return name
    return f"{name}: {moment(window.open_ns)} to {clock_time(window.close_ns)[:8]}, market time"


def _suggestion(books: Books, subject: str) -> str:
    """Say that nothing is known under a name, and which known names are most like it."""
    slugs = [window.slug for window in books.reader.windows(now_ns=books.now_ns)]
    orders = list(dict.fromkeys(trade.order_id for trade in books.reader.trades()))
    near = difflib.get_close_matches(subject, [*slugs, *orders], n=_NEAREST, cutoff=0.0)
    nearest = f"; the nearest: {', '.join(near)}" if near else "; none is known yet"
    return f"expected a window or an order of this floor, was {subject!r}{nearest}"
