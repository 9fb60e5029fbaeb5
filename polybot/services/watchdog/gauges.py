"""Gathers the readings of feeds, disk, memory, clocks, the database and the processes' starts."""

import logging

import msgspec

from polybot.domain.alarms import AlarmRules, Readings
from polybot.domain.liveness import Judgement, Verdict
from polybot.errors import StorageError
from polybot.messages.lifecycle import Heartbeat
from polybot.ports import Clock
from polybot.services.watchdog.needs import (
    CrashLoops,
    ExchangeTime,
    Host,
    Storage,
    WallJump,
    no_jump,
    no_loops,
)

logger = logging.getLogger(__name__)

SECOND_NS = 1_000_000_000
# Disk, memory and database change slowly; the exchange's clock more slowly still.
SLOW_NS = 5 * SECOND_NS
SKEW_NS = 30 * SECOND_NS
JUMPED_NS = 2 * SECOND_NS
TRADER = "trader"


class Gauges(msgspec.Struct):
    """Reads what may block only every few seconds, and keeps it in between.

    `market_moves` is False while market time stands still or the simulator has nothing to play:
    then silent feeds are as they should be.
    """

    host: Host
    exchange_time: ExchangeTime
    storage: Storage
    clock: Clock
    rules: AlarmRules
    market_moves: bool = True
    wall_jump_s: WallJump = no_jump
    crash_loops: CrashLoops = no_loops
    _slow_at_ns: int = 0
    _skew_at_ns: int = 0
    _disk_free_mb: int | None = None
    _database_writable: bool | None = None
    _rss_mb: dict[str, int] = msgspec.field(default_factory=dict)
    _positions: dict[str, int] = msgspec.field(default_factory=dict)
    _commit_ns: int | None = None
    _waiting_since_ns: int | None = None
    _jump_s: float = 0.0
    _crash_loops: dict[str, str] = msgspec.field(default_factory=dict)

    def read(self, beats: dict[str, Heartbeat], judgements: dict[str, Judgement]) -> Readings:
        """Return the readings of this moment."""
        now = self.clock.monotonic_ns()
        self._ask_the_exchange(now)
        if now >= self._slow_at_ns:
            self._slow_at_ns = now + SLOW_NS
            self._read_slowly(beats, judgements)
        ages = self._feed_ages(beats.get(TRADER), judgements.get(TRADER))
        waiting = any(beat.last_seq > self._positions.get(name, 0) for name, beat in beats.items())
        if not waiting:
            self._waiting_since_ns = None
        elif self._waiting_since_ns is None:
            self._waiting_since_ns = now
        return Readings(
            feed_ages_s=ages,
            feeds_expected=self.market_moves and bool(ages),
            disk_free_mb=self._disk_free_mb,
            rss_mb=self._rss_mb,
            clock_skew_s=self.exchange_time.skew_s(),
            clock_jump_s=self._jump_s,
            database_writable=self._database_writable,
            commit_age_s=self._commit_age_s(now),
            events_waiting=waiting,
            crash_loops=self._crash_loops,
        )

    def _ask_the_exchange(self, now: int) -> None:
        """Ask for its time now and then; at once and more often when our clock jumped."""
        jump_s = self.wall_jump_s()
        if jump_s != self._jump_s:
            self._skew_at_ns = now
        self._jump_s = jump_s
        if now >= self._skew_at_ns:
            self._skew_at_ns = now + (JUMPED_NS if jump_s else SKEW_NS)
            self.exchange_time.ask()

    def _read_slowly(self, beats: dict[str, Heartbeat], judgements: dict[str, Judgement]) -> None:
        self._disk_free_mb = self.host.disk_free_mb()
        self._database_writable = self.host.database_writable()
        self._crash_loops = self.crash_loops()
        self._rss_mb = {}
        for name, beat in beats.items():
            alive = name in judgements and judgements[name].verdict is not Verdict.DEAD
            rss = self.host.rss_mb(beat.pid) if alive else None
            if rss is not None:
                self._rss_mb[name] = rss
        try:
            self._positions = self.storage.positions()
            self._commit_ns = self.storage.last_commit_ns()
        except StorageError as error:
            # The tracker may be making it; its age then stays unknown.
            logger.debug("the database cannot be read: %s", error)
            self._commit_ns = None

    def _commit_age_s(self, now: int) -> float | None:
        """Return how long waiting events have seen no commit, else the last commit's age.

        Before there was something to store, or while the floor was down, nothing was late.
        """
        if not self._commit_ns:
            return None
        age_ns = self.clock.now_ns() - self._commit_ns
        if self._waiting_since_ns is not None:
            waited_ns = now - self._waiting_since_ns
            # A commit that lies ahead was stored before the clock was set back.
            age_ns = waited_ns if age_ns < 0 else min(age_ns, waited_ns)
        return age_ns / SECOND_NS

    def _feed_ages(self, beat: Heartbeat | None, judgement: Judgement | None) -> dict[str, float]:
        """Return the feeds' ages as the trader told them, none while the trader is silent.

        A feed that has said nothing yet counts only once it had time to.
        """
        if beat is None or judgement is None or judgement.verdict is Verdict.DEAD:
            return {}
        had_time = beat.uptime_s >= self.rules.feed_age_s
        return {name: age for name, age in beat.ages_s.items() if age >= 0 or had_time}
