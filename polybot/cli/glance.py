"""Everything `polybot status` shows, in one glance: who answers, and what the books say."""

import json
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import msgspec

from polybot.adapters.storage.reader import LedgerReader
from polybot.cli.conversation import GLANCE_S, Conversation
from polybot.cli.leave import leave_of
from polybot.cli.processes import floor_processes
from polybot.config.load import LoadedConfig
from polybot.config.locations import PROCESSES
from polybot.config.schema import SIMULATED_MODES
from polybot.domain.arming import ArmingVerdict
from polybot.domain.metrics import trading_day
from polybot.domain.redemption import Funds
from polybot.domain.stored import PnlRow, RefusedWindow, TradeReport, WindowReport, WindowStatus
from polybot.domain.trading_state import Claim, strictest_first
from polybot.domain.window import parse_slug
from polybot.errors import StorageError
from polybot.messages.commands import GetStatus, GetVerdicts, ProcessVerdict, Verdicts
from polybot.messages.lifecycle import Heartbeat
from polybot.ports import Clock

# Windows that closed this long ago (market time) may still hold a position without an outcome.
_UNSETTLED_NS = 2 * 86_400 * 1_000_000_000
# The longest windows last four hours, and are looked at a little before.
_LONGEST_WINDOW_NS = 5 * 3600 * 1_000_000_000


class MarketTime(msgspec.Struct, frozen=True):
    """Market time now and how fast it runs; `speed` is 0 while paused."""

    now_ns: int
    speed: float


class OpenPosition(msgspec.Struct, frozen=True):
    """Shares an agent holds in a window without an outcome; `cost_usdc` is what they cost, net."""

    agent: str
    slug: str
    outcome: str
    size_shares: int
    cost_usdc: int


class Books(msgspec.Struct, frozen=True):
    """What the database says; empty while there is none."""

    open_windows: tuple[WindowReport, ...] = ()
    positions: tuple[OpenPosition, ...] = ()
    today: tuple[PnlRow, ...] = ()
    claims: tuple[Claim, ...] = ()
    trading_state: str = ""
    problem: str = ""
    funds: Funds = Funds(cash_usdc=None)
    kept_out: tuple[RefusedWindow, ...] = ()


class Glance(msgspec.Struct, frozen=True):
    """The floor at this moment; `running` says whether anything of it does.

    `trading_state` is what the trader says now, or, while `trader_is_silent`, said last; `agents`
    are the enabled ones. `leave` is how the arming stands, None where nothing real is traded.
    """

    mode: str
    trading_state: str
    market: MarketTime
    wall_ns: int
    processes: tuple[ProcessVerdict, ...]
    books: Books
    alerts: tuple[str, ...] = ()
    watched: bool = False
    trader_is_silent: bool = False
    running: bool = True
    agents: tuple[str, ...] = ()
    leave: ArmingVerdict | None = None


@dataclass(slots=True)
class _Answers:
    """What the processes answered; `present` has the pid, or 0, of each that is there at all."""

    beats: dict[str, Heartbeat] = field(default_factory=dict)
    verdicts: Verdicts | None = None
    present: dict[str, int] = field(default_factory=dict)


def expected_processes(mode: str) -> tuple[str, ...]:
    """Return the processes a floor of a mode has."""
    return tuple(name for name in PROCESSES if name != "simulator" or mode != "live")


def take_glance(loaded: LoadedConfig, talk: Conversation, clock: Clock) -> Glance:
    """Ask everybody at once and read the books; nothing waits longer than a glance."""
    names = expected_processes(loaded.config.mode)
    with ThreadPoolExecutor(max_workers=1) as pool:
        asked_time = pool.submit(simulated_time, loaded.locations.simulator_path)
        answers = _ask(talk, names, loaded.locations.runtime_dir)
        told = asked_time.result()
    wall_ns = clock.now_ns()
    with open_books(loaded) as reader:
        market = told or _fallback_time(loaded, answers, reader, wall_ns)
        books = read_books(reader, market.now_ns, ZoneInfo(loaded.config.trading_zone))
    trader = answers.beats.get("trader")
    return Glance(
        mode=loaded.config.mode,
        trading_state=(trader.trading_state if trader else "") or books.trading_state or "UNKNOWN",
        market=market,
        wall_ns=wall_ns,
        processes=judge(names, answers.beats, answers.verdicts, answers.present),
        books=books,
        alerts=answers.verdicts.alerts if answers.verdicts else (),
        watched=answers.verdicts is not None,
        trader_is_silent=trader is None,
        running=bool(answers.present),
        leave=leave_of(loaded, wall_ns),
        agents=tuple(agent.name for agent in loaded.config.agents if agent.enabled),
    )


def judge(
    names: tuple[str, ...],
    beats: dict[str, Heartbeat],
    verdicts: Verdicts | None,
    present: dict[str, int],
) -> tuple[ProcessVerdict, ...]:
    """Return a verdict of each process: the watchdog's, or our own where it has none."""
    judged = {verdict.name: verdict for verdict in verdicts.processes} if verdicts else {}
    return tuple(judged.get(name) or _own_verdict(name, beats, present) for name in names)


def simulated_time(endpoints: Path) -> MarketTime | None:
    """Ask the simulator that listens here for market time; None when there is none or no answer."""
    try:
        address = urlsplit(str(json.loads(endpoints.read_text("utf-8"))["url"]))
        connection = HTTPConnection(address.hostname or "", address.port, timeout=GLANCE_S)
        try:
            connection.request("GET", "/simulator/time")
            told = json.loads(connection.getresponse().read())
        finally:
            connection.close()
        return MarketTime(now_ns=int(told["market_ns"]), speed=float(told["speed"]))
    except (OSError, HTTPException, ValueError, KeyError, TypeError):
        # No simulator yet, or one that was killed and left its file: others know the time too.
        return None


@contextmanager
def open_books(loaded: LoadedConfig) -> Iterator[LedgerReader | StorageError]:
    """Open the database; an error is handed over: a floor without books has a status too."""
    try:
        reader = LedgerReader.open(loaded.locations.ledger_path)
    except StorageError as error:
        yield error
        return
    try:
        yield reader
    finally:
        reader.close()


def read_books(reader: LedgerReader | StorageError, now_ns: int, zone: ZoneInfo) -> Books:
    """Return what the database says of this moment of market time."""
    if isinstance(reader, StorageError):
        return Books(problem=str(reader))
    try:
        windows = reader.windows(now_ns=now_ns, since_ns=now_ns - _UNSETTLED_NS)
        unsettled = [window for window in windows if window.outcome is None]
        since_ns = min((window.open_ns for window in unsettled), default=now_ns)
        told = reader.trading_state()
        today = trading_day(now_ns, zone)
        return Books(
            open_windows=tuple(window for window in windows if window.status is WindowStatus.OPEN)[
                ::-1
            ],
            positions=open_positions(unsettled, reader.trades(since_ns=since_ns)),
            today=tuple(
                row
                for row in reader.pnl(zone=zone, since_ns=now_ns - _UNSETTLED_NS)
                if row.day == today
            ),
            claims=strictest_first(told.claims) if told else (),
            trading_state=told.state if told else "",
            funds=reader.funds(now_ns=now_ns),
            kept_out=_kept_out(reader, now_ns),
        )
    except StorageError as error:
        return Books(problem=str(error))


def _kept_out(reader: LedgerReader, now_ns: int) -> tuple[RefusedWindow, ...]:
    """Return the windows not over yet that are not traded or not entered, and why."""
    since_ns = now_ns - _LONGEST_WINDOW_NS
    found = [
        *reader.refused_windows(since_ns=since_ns),
        *reader.windows_not_entered(since_ns=since_ns),
    ]
    return tuple(window for window in found if parse_slug(window.slug).close_ns > now_ns)


def open_positions(
    unsettled: list[WindowReport], trades: list[TradeReport]
) -> tuple[OpenPosition, ...]:
    """Return what is held in windows without an outcome, from the trades that count."""
    slugs = {window.slug for window in unsettled}
    shares: dict[tuple[str, str, str], int] = defaultdict(int)
    cost: dict[tuple[str, str, str], int] = defaultdict(int)
    for trade in trades:
        if trade.slug not in slugs or trade.status == "FAILED":
            continue
        key = (trade.agent, trade.slug, trade.outcome)
        direction = 1 if trade.side == "BUY" else -1
        shares[key] += direction * trade.size_shares
        cost[key] += direction * notional(trade) + trade.fee_usdc
    return tuple(
        OpenPosition(*key, size_shares=held, cost_usdc=cost[key])
        for key, held in sorted(shares.items())
        if held
    )


def notional(trade: TradeReport) -> int:
    """Return a trade's price x size in micro-dollars."""
    return trade.price_bps * trade.size_shares // 10_000


def _ask(talk: Conversation, names: tuple[str, ...], runtime_dir: Path) -> _Answers:
    questions: dict[str, tuple[str, Any]] = {name: (name, GetStatus()) for name in names}
    questions["verdicts"] = ("watchdog", GetVerdicts())
    answered = talk.glance(questions)
    verdicts = answered.pop("verdicts", None)
    present = {name: 0 for name in names if talk.is_running(name)}
    present |= {process.name: process.pid for process in floor_processes(runtime_dir)}
    return _Answers(beats=answered, verdicts=verdicts, present=present)


def _own_verdict(name: str, beats: dict[str, Heartbeat], present: dict[str, int]) -> ProcessVerdict:
    beat = beats.get(name)
    if beat is not None:
        return ProcessVerdict(
            name=name, pid=beat.pid, verdict="alive", heartbeat_age_s=0.0, status=beat.status
        )
    there = name in present
    return ProcessVerdict(
        name=name,
        pid=present.get(name, 0),
        verdict="late" if there else "dead",
        heartbeat_age_s=-1.0,
        status="starting, or too busy to answer" if there else "not running",
    )


def _fallback_time(
    loaded: LoadedConfig, answers: _Answers, reader: LedgerReader | StorageError, wall_ns: int
) -> MarketTime:
    """Return market time without a simulator's word: others' heartbeats, then the newest event."""
    if loaded.config.mode not in SIMULATED_MODES:
        return MarketTime(wall_ns, 1.0)
    known = [beat.market_ns for beat in answers.beats.values() if beat.market_ns]
    if known:
        return MarketTime(max(known), loaded.config.simulator.speed)
    if isinstance(reader, LedgerReader):
        return MarketTime(reader.newest_event_ns() or wall_ns, 0.0)
    return MarketTime(wall_ns, 0.0)
