"""`polybot status`: the floor at this moment, on a phone's width."""

import shutil
import sys
import textwrap
from collections.abc import Iterator
from typing import Any

import typer
from rich.text import Text

from polybot.adapters.clock import SystemClock
from polybot.cli.conversation import conversation
from polybot.cli.exits import Exit
from polybot.cli.glance import Glance, OpenPosition, take_glance
from polybot.cli.options import Json
from polybot.cli.output import (
    PHONE_WIDTH,
    clock_time,
    console,
    dollars,
    moment,
    plural,
    printable,
    shortened,
    show_json,
    span,
)
from polybot.cli.processes import how_to_start
from polybot.config.load import load
from polybot.domain.arming import ArmingVerdict
from polybot.domain.money import format_shares, format_usdc
from polybot.domain.stored import WindowReport
from polybot.messages.commands import ProcessVerdict

# From this width on a process and its sentence share a line.
_WIDE = 80
_WIDEST = 120
_NS = 1_000_000_000

_COLORS = {
    "alive": "green",
    "late": "yellow",
    "flapping": "yellow",
    "dead": "red",
    "ACTIVE": "green",
    "REDUCING": "yellow",
    "RECONCILING": "yellow",
    "HALTED": "red",
}


def status(as_json: Json = False) -> None:
    """Show mode, trading state, every process, the open windows, positions and today's P&L.

    Exit code 3 when nothing runs. Fits 40 columns.
    """
    loaded = load(join_floor=True, keyless=True)
    with conversation(loaded.locations.runtime_dir) as talk:
        glance = take_glance(loaded, talk, SystemClock())
    if as_json:
        show_json(as_document(glance))
    else:
        target = console()
        for line in lines(glance, _width()):
            target.print(line, no_wrap=True, crop=False, soft_wrap=True)
    if not glance.running:
        raise typer.Exit(Exit.NOT_RUNNING)


def as_document(glance: Glance) -> dict[str, Any]:
    """Return the status as JSON values; amounts are decimal strings in dollars and shares."""
    return {
        "mode": glance.mode,
        "trading_state": glance.trading_state,
        "now_ns": glance.market.now_ns,
        "speed": glance.market.speed,
        "processes": [
            {
                "name": process.name,
                "pid": process.pid,
                "verdict": process.verdict,
                "heartbeat_age_s": process.heartbeat_age_s,
                "status": process.status,
            }
            for process in glance.processes
        ],
        "running": glance.running,
        "arming": _arming_document(glance.leave),
        "reasons": [
            {
                "source": claim.source,
                "state": claim.state.value,
                "reason": claim.reason,
                "since_ns": claim.since_ns,
            }
            for claim in glance.books.claims
        ],
        "alerts": list(glance.alerts),
        "open_windows": [window.slug for window in glance.books.open_windows],
        "kept_out": [
            {"slug": window.slug, "code": window.code, "reason": window.reason}
            for window in glance.books.kept_out
        ],
        "positions": [
            {
                "agent": position.agent,
                "slug": position.slug,
                "outcome": position.outcome,
                "size": format_shares(position.size_shares),
                "cost_usdc": format_usdc(position.cost_usdc),
            }
            for position in glance.books.positions
        ],
        "pnl_today_usdc": format_usdc(sum(row.pnl_usdc for row in glance.books.today)),
        **_funds_document(glance),
    }


def _funds_document(glance: Glance) -> dict[str, Any]:
    funds = glance.books.funds
    known = funds.cash_usdc is not None
    return {
        "cash_usdc": format_usdc(funds.cash_usdc) if funds.cash_usdc is not None else None,
        "free_cash_usdc": format_usdc(funds.free_usdc) if known else None,
        "unredeemed_usdc": format_usdc(funds.unredeemed_usdc),
        "unredeemed_overdue": sum(winner.is_overdue for winner in funds.unredeemed),
        "cash_lasts_windows": funds.windows_left(glance.agents) if known else None,
    }


def _arming_document(leave: ArmingVerdict | None) -> dict[str, Any] | None:
    if leave is None:
        return None
    arming = leave.arming
    return {
        "state": leave.state.value,
        "detail": leave.detail,
        "armed_ns": arming.armed_ns if arming else None,
        "expires_ns": (arming.expires_ns or None) if arming else None,
    }


def lines(glance: Glance, width: int) -> Iterator[Text]:
    """Yield the status line by line, none wider than `width`."""
    if glance.leave is not None:
        yield from _leave(glance.leave, width)
    yield from _head(glance, width)
    yield Text()
    for process in glance.processes:
        yield from _process(process, width)
    if not glance.running:
        yield Text()
        yield from _wrapped(f"not running; start it: {how_to_start()}", width)
        return
    if not glance.watched:
        yield _cut("(the watchdog does not answer)", width, "yellow")
    for alert in glance.alerts:
        yield from _wrapped(f"! {alert}", width, "red")
    yield Text()
    yield from _markets(glance, width)


def _leave(leave: ArmingVerdict, width: int) -> Iterator[Text]:
    """Yield first of all whether orders are real now, and until when."""
    expires_ns = leave.arming.expires_ns if leave.arming is not None else 0
    if not leave.allows_entries:
        yield from _wrapped(f"NOT ARMED  {leave.advice}", width, "yellow")
    elif expires_ns:
        style = "yellow" if leave.warnings else "red"
        yield _cut(f"ARMED    until {moment(expires_ns)}", width, style)
    else:
        yield _cut("ARMED    until polybot disarm", width, "red")


def _head(glance: Glance, width: int) -> Iterator[Text]:
    at = moment(glance.market.now_ns)
    if glance.running:
        speed = "paused" if glance.market.speed == 0 else f"x{glance.market.speed:g}"
        yield _cut(f"polybot  {glance.mode}  {speed}", width)
        yield _cut(f"market   {at}", width)
        state = (glance.trading_state, _COLORS.get(glance.trading_state, ""))
        yield Text.assemble("trading  ", state)
        if glance.trader_is_silent:
            yield _cut("  said last: the trader is silent", width, "yellow")
    else:
        yield _cut(f"polybot  {glance.mode}  not running", width, "red")
        yield _cut(f"market   stopped at {at}", width)
        yield _cut(f"trading  was {glance.trading_state}", width)
    for claim in glance.books.claims:
        age = span(max(glance.wall_ns - claim.since_ns, 0) / _NS)
        yield from _wrapped(
            f"  {claim.state.value} by {claim.source}: {claim.reason} "
            f"(since {clock_time(claim.since_ns)[:8]}, {age})",
            width,
        )


def _process(process: ProcessVerdict, width: int) -> Iterator[Text]:
    line = Text(f"{process.name:<11}")
    line.append(f"{process.verdict:<9}", _COLORS.get(process.verdict, ""))
    sentence = printable(process.status)
    if width >= _WIDE:
        line.append(f"{process.pid or '-':<8}")
        line.append(shortened(sentence, width - line.cell_len))
        yield line
        return
    if process.pid:
        line.append(f"pid {process.pid}")
    yield line
    if sentence:
        yield _cut(f"  {sentence}", width, "dim")


def _markets(glance: Glance, width: int) -> Iterator[Text]:
    books = glance.books
    if books.problem:
        yield from _wrapped(books.problem, width, "yellow")
        return
    for window in books.open_windows:
        yield _cut(_window(window, glance.market.now_ns), width)
    if not books.open_windows:
        yield _cut("no open window", width)
    for kept_out in books.kept_out:
        yield from _wrapped(f"no entries ({kept_out.code}): {kept_out.reason}", width, "yellow")
    for position in books.positions:
        yield _cut(_position(position), width)
    if not books.positions:
        yield _cut("no open position", width)
    total = sum(row.pnl_usdc for row in books.today)
    trades = sum(row.trades for row in books.today)
    won, lost = sum(row.wins for row in books.today), sum(row.losses for row in books.today)
    today = f"today {dollars(total, signed=True)}, {plural(trades, 'trade')}, {won} won {lost} lost"
    yield _cut(today, width, "red" if total < 0 else "")
    yield from _funds(glance, width)


def _funds(glance: Glance, width: int) -> Iterator[Text]:
    funds = glance.books.funds
    if funds.cash_usdc is None:
        return
    left = funds.windows_left(glance.agents)
    lasts = "" if left is None else f", lasts {plural(left, 'window')}"
    yield _cut(f"free {dollars(funds.free_usdc)}{lasts}", width, "yellow" if left == 0 else "")
    if funds.unredeemed:
        late = sum(winner.is_overdue for winner in funds.unredeemed)
        tail = f", {late} for a day" if late else ""
        text = f"unredeemed {dollars(funds.unredeemed_usdc)}{tail}"
        yield _cut(text, width, "red" if late else "")


def _window(window: WindowReport, now_ns: int) -> str:
    left = span(max(window.close_ns - now_ns, 0) / _NS)
    return f"{window.series} closes in {left}"


def _position(position: OpenPosition) -> str:
    series = position.slug.rpartition("-")[0]
    shares = format_shares(position.size_shares)
    return f"{shares} {position.outcome} {series} for {dollars(position.cost_usdc)}"


def _cut(text: str, width: int, style: str = "") -> Text:
    return Text(shortened(printable(text), width), style)


def _wrapped(text: str, width: int, style: str = "") -> Iterator[Text]:
    for line in textwrap.wrap(printable(text), width, subsequent_indent="    "):
        yield Text(line, style)


def _width() -> int:
    if not sys.stdout.isatty():
        return PHONE_WIDTH
    return max(min(shutil.get_terminal_size().columns, _WIDEST), PHONE_WIDTH)
