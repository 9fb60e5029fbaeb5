"""A report as text: short lines for a phone, what needs a person first, as much as chats take."""

import socket
from collections.abc import Iterable, Iterator

from polybot import __version__
from polybot.cli.glance import Glance
from polybot.cli.output import dollars, moment, plural, printable, shortened, span
from polybot.domain.arming import ArmingVerdict
from polybot.domain.health import DayFigures, Health, ProcessLife, attention
from polybot.domain.money import format_shares

_NS = 1_000_000_000
_GIBIBYTE, _MEBIBYTE = 1 << 30, 1 << 20
# Of each list so many, and of each sentence so much: the chat with the least room takes 2,000
# characters.
_MOST = 5
_LONGEST = 110
_UNKNOWN = "unknown"


def lines(glance: Glance, health: Health) -> Iterator[str]:
    """Yield the report line by line."""
    found = list(attention(health))
    verdict = f"{plural(len(found), 'thing')} to look at" if found else "all well"
    yield f"polybot {glance.mode} on {socket.gethostname()}: {verdict}"
    yield from _first(found, "! ")
    yield _runs(health)
    yield from _days(health)
    yield from _positions(glance)
    yield _money(glance)
    yield _audit(health)
    yield from _alerts(health)
    yield _restarts(health.lives)
    yield _disk(health)
    yield _backup(health)
    if glance.leave is not None:
        yield f"arming: {_arming(glance.leave)}"


def _first(sentences: Iterable[str], mark: str) -> Iterator[str]:
    told = [printable(sentence) for sentence in sentences]
    for sentence in told[:_MOST]:
        yield shortened(mark + sentence, _LONGEST)
    if len(told) > _MOST:
        yield f"{mark}and {len(told) - _MOST} more"


def _runs(health: Health) -> str:
    trader = next((life for life in health.lives or () if life.process == "trader"), None)
    if trader is None:
        what = "the trader has never started" if health.lives is not None else _UNKNOWN
        return f"runs: {what}; program {__version__}"
    if not health.running:
        ended = moment(trader.stopped_ns) if trader.stopped_ns else "without a goodbye"
        return f"runs: no; the trader {trader.version} ended {ended}"
    up = span(max(health.wall_ns - trader.started_ns, 0) / _NS)
    newer = "" if trader.version == __version__ else f", installed {__version__}"
    return f"runs: {up}, polybot {trader.version}{newer}, {health.trading_state}"


def _days(health: Health) -> Iterator[str]:
    if health.days is None:
        yield "windows and P&L: unknown, no database"
    for figures in health.days or ():
        yield from _day(figures)


def _day(figures: DayFigures) -> Iterator[str]:
    late = f", {figures.unsettled} without an outcome yet" if figures.unsettled else ""
    yield f"{figures.day}: {plural(figures.windows, 'window')}, {figures.traded} traded{late}"
    metrics = figures.metrics
    if not metrics.trades:
        return
    rate = "" if metrics.win_rate is None else f" ({100 * metrics.win_rate:.1f} %)"
    worst = dollars(metrics.max_drawdown_usdc)
    yield (
        f"  {dollars(metrics.pnl_usdc, signed=True)}, {metrics.wins} of {metrics.trades} won{rate},"
        f" worst fall {worst}"
    )


def _positions(glance: Glance) -> Iterator[str]:
    if glance.books.problem:
        yield "open: unknown, no database"
        return
    held = [
        f"{format_shares(position.size_shares)} {position.outcome} "
        f"{position.slug.rpartition('-')[0]} for {dollars(position.cost_usdc)}"
        for position in glance.books.positions
    ]
    yield f"open: {plural(len(held), 'position') if held else 'nothing'}"
    yield from _first(held, "  ")


def _money(glance: Glance) -> str:
    funds = glance.books.funds
    if glance.books.problem:
        return "money: unknown, no database"
    free = dollars(funds.free_usdc) if funds.cash_usdc is not None else _UNKNOWN
    late = sum(winner.is_overdue for winner in funds.unredeemed)
    tail = f", {late} for a day" if late else ""
    return f"free {free}, unredeemed {dollars(funds.unredeemed_usdc)}{tail}"


def _audit(health: Health) -> str:
    audit = health.audit
    if audit is None:
        return "audit: unknown" if health.problem else "audit: none yet"
    age = span(max(health.wall_ns - audit.audited_ns, 0) / _NS)
    verdict = "agrees" if audit.agrees else plural(len(audit.differences), "difference")
    return f"audit: {verdict}, {age} ago"


def _alerts(health: Health) -> Iterator[str]:
    if health.alerts is None:
        yield "alerts of 24 h: unknown"
        return
    yield f"alerts of 24 h: {len(health.alerts) or 'none'}"
    told = (f"{'over: ' if alert.cleared_ns else ''}{alert.text}" for alert in health.alerts[::-1])
    yield from _first(told, "  ")


def _restarts(lives: tuple[ProcessLife, ...] | None) -> str:
    if lives is None:
        return "restarts of 24 h: unknown"
    told = [
        f"{life.process} {life.restarts}" + (f" ({life.crashes} unasked)" if life.crashes else "")
        for life in lives
        if life.restarts
    ]
    return f"restarts of 24 h: {', '.join(told) or 'none'}"


def _disk(health: Health) -> str:
    free, state = health.storage.free_bytes, health.storage.state_bytes
    said_free = _UNKNOWN if free is None else f"{free / _GIBIBYTE:.1f} GiB"
    said_state = _UNKNOWN if state is None else f"{state / _MEBIBYTE:,.0f} MiB"
    return f"disk: {said_free} free, state {said_state}"


def _backup(health: Health) -> str:
    if health.backup_ns is None:
        return "backup: none in the state directory"
    return f"backup: {span(max(health.wall_ns - health.backup_ns, 0) / _NS)} old"


def _arming(leave: ArmingVerdict) -> str:
    expires_ns = leave.arming.expires_ns if leave.arming is not None else 0
    if leave.allows_entries and expires_ns:
        return f"{leave.detail}, until {moment(expires_ns)}"
    return leave.detail
