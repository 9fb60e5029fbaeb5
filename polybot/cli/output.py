"""How the command line shows things: tables, money, moments, and JSON."""

import json
import os
import re
import shutil
import sys
import textwrap
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from polybot.domain.money import DOLLAR_USDC, format_usdc

# A phone held upright shows this many characters of a terminal's font.
PHONE_WIDTH = 40

# What a pipe or a file gets: wide enough that nothing of a row is cut off.
_PIPE_WIDTH = 400
# Between two columns there are a border and a blank on each side.
_GAP = 3
_NS = 1_000_000_000
_MINUTE_S, _HOUR_S, _DAY_S = 60, 3600, 86_400
_CENT = Decimal("0.01")
_NO_BREAK = "\u00a0"
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def console() -> Console:
    """Return the console of the standard output; plain where it is not a terminal."""
    interactive = sys.stdout.isatty()
    return Console(
        file=sys.stdout,
        highlight=False,
        emoji=False,
        markup=False,
        width=None if interactive or "COLUMNS" in os.environ else _PIPE_WIDTH,
    )


def show_table(headings: Sequence[str], rows: Iterable[Sequence[str]], *, right: str = "") -> None:
    """Print a table without lines; `right` names the headings of numbers, separated by blanks.

    On a terminal too narrow for it each row is told in words, so that no number is cut off.
    """
    cells = [[printable(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(headings, *cells, strict=True)]
    target = console()
    if sum(widths) + _GAP * (len(widths) + 1) > target.width:
        _show_records(headings, cells, target.width)
        return
    numbers = right.split()
    table = Table(box=box.SIMPLE_HEAD if target.is_terminal else None, pad_edge=False)
    for heading in headings:
        table.add_column(heading, justify="right" if heading in numbers else "left", no_wrap=True)
    for row in cells:
        table.add_row(*map(Text, row))
    if target.is_terminal:
        target.print(table)
        return
    with target.capture() as captured:
        target.print(table)
    say("\n".join(line.rstrip() for line in captured.get().splitlines()))


def _show_records(headings: Sequence[str], rows: list[list[str]], width: int) -> None:
    for row in rows:
        say(row[0])
        pairs = zip(headings[1:], row[1:], strict=True)
        # A name stays on the line of its value.
        told = ", ".join(f"{name} {cell}".replace(" ", _NO_BREAK) for name, cell in pairs)
        filled = textwrap.fill(told, width, initial_indent="  ", subsequent_indent="  ")
        say(filled.replace(_NO_BREAK, " "))


def say(text: str = "") -> None:
    """Print a line as it is."""
    typer.echo(printable(text))


def say_hanging(head: str, text: str, *, before: int = 0) -> None:
    """Print a sentence after its head; on a terminal it is wrapped under itself.

    `before` is how many characters of the line are printed already.
    """
    if not sys.stdout.isatty():
        say(head + text)
        return
    width = max(shutil.get_terminal_size().columns, PHONE_WIDTH)
    indent = " " * (before + len(head))
    # A path or an address is copied whole.
    wrapped = textwrap.wrap(
        printable(text), width - len(indent), break_long_words=False, break_on_hyphens=False
    )
    say(head + f"\n{indent}".join(wrapped))


def warn(text: str) -> None:
    """Print a line on the error stream."""
    typer.echo(printable(text), err=True)


def show_json(value: Any) -> None:
    """Print a value as JSON; amounts in it are decimal strings already."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False))


def printable(text: str) -> str:
    """Replace control characters: words of an exchange must not steer somebody's terminal."""
    return _CONTROL.sub("?", text)


def dollars(amount_usdc: int, *, signed: bool = False) -> str:
    """Write micro-dollars for a person, in cents: $1,234.50, -$0.20, +$3.00."""
    cents = (Decimal(amount_usdc) / DOLLAR_USDC).quantize(_CENT, rounding=ROUND_HALF_EVEN)
    sign = "-" if cents < 0 else "+" if signed and cents > 0 else ""
    return f"{sign}${abs(cents):,}"


def exact_dollars(amount_usdc: int) -> str:
    """Write micro-dollars to the last digit: $23.7506."""
    text = format_usdc(abs(amount_usdc))
    whole, _, fraction = text.partition(".")
    sign = "-" if amount_usdc < 0 else ""
    return f"{sign}${whole}.{fraction:0<2}"


def moment(at_ns: int) -> str:
    """Write a moment in the local zone: 2026-11-21 09:30:05."""
    return _local(at_ns).strftime("%Y-%m-%d %H:%M:%S")


def clock_time(at_ns: int) -> str:
    """Write a moment's time of day in the local zone, to the millisecond: 09:30:05.250."""
    return _local(at_ns).strftime("%H:%M:%S.") + f"{at_ns // 1_000_000 % 1000:03d}"


def span(seconds: float) -> str:
    """Write a length of time in at most two units: 12 s, 3 min 5 s, 2 h 10 min, 4 d 1 h."""
    whole = int(seconds)
    if whole < _MINUTE_S:
        return f"{whole} s"
    if whole < _HOUR_S:
        return f"{whole // _MINUTE_S} min {whole % _MINUTE_S} s"
    if whole < _DAY_S:
        return f"{whole // _HOUR_S} h {whole % _HOUR_S // _MINUTE_S} min"
    return f"{whole // _DAY_S} d {whole % _DAY_S // _HOUR_S} h"


def shortened(text: str, width: int) -> str:
    """Cut a text to a width, at a word's end where one is near, and mark the cut."""
    if len(text) <= width:
        return text
    cut = text[: max(width - 3, 0)]
    at_word = cut.rpartition(" ")[0]
    return (at_word if len(at_word) > width // 2 else cut) + "..."


def plural(count: int, noun: str) -> str:
    """Count a noun: 1 trade, 2 trades, 2 processes."""
    ending = "" if count == 1 else "es" if noun.endswith("s") else "s"
    return f"{count} {noun}{ending}"


def _local(at_ns: int) -> datetime:
    return datetime.fromtimestamp(at_ns // _NS, tz=UTC).astimezone()
