"""The simulator as a process's service: starts a simulated exchange, keeps it going, stops it."""

import asyncio
import json
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from polybot.config.schema import SimulatorConfig
from polybot.errors import ProtocolError, StorageError
from polybot.messages.lifecycle import MarketTimeChanged
from polybot.ports import CheckpointStore, Clock, Outbox, RecordLog, Vitals
from polybot.simulator.api.desk import Desk
from polybot.simulator.api.heartbeats import HeartbeatWatch
from polybot.simulator.api.rate_limits import LimitMode, RateLimits
from polybot.simulator.api.request_log import RequestLog
from polybot.simulator.assembly import Assembly, SavedState, assemble
from polybot.simulator.books.ledger import STATE_SCHEMA
from polybot.simulator.drivers.driver_mirror import MirrorDriver, Upstream
from polybot.simulator.drivers.mirror import Mirror, first_time
from polybot.simulator.player import Player
from polybot.simulator.server import (
    Address,
    Server,
    endpoints,
    make_app,
    parse_listen,
    previous_port,
)

logger = logging.getLogger(__name__)

SAY_TIME_NS = 200_000_000
CHECKPOINT_NS = 10_000_000_000
# Writing a large state down may take one part of this many of the time, not more.
CHECKPOINT_SHARE = 100
_NS_PER_S = 1_000_000_000


class SimulatorPorts(msgspec.Struct, frozen=True, kw_only=True):
    """What the simulator needs of the world.

    `log` and `checkpoints` are the exchange's own (not the process's), `saved` its newest
    checkpoint; `trim` is called after a checkpoint and may drop the journal before it. `outbox` is
    None where nobody listens on a bus. The URLs are written to `endpoints_path`, every request to
    a file in `requests_dir`. An `upstream` is mirrored in place of the configured market.
    """

    clock: Clock
    log: RecordLog
    checkpoints: CheckpointStore
    saved: SavedState | None = None
    trim: Callable[[], None] | None = None
    outbox: Outbox | None = None
    endpoints_path: Path | None = None
    requests_dir: Path | None = None
    upstream: Upstream | None = None


class SimulatorService:
    """A simulated Polymarket on loopback, with market time of its own."""

    name = "simulator"

    def __init__(self, config: SimulatorConfig, ports: SimulatorPorts) -> None:
        self.wake = asyncio.Event()
        self.restored = (ports.saved.seq if ports.saved else 0, 0)
        self._config = config
        self._ports = ports
        self._listen = parse_listen(config.listen)
        self._parts: Assembly | None = None
        self._heartbeats: HeartbeatWatch | None = None
        self._player: Player | None = None
        self._server: Server | None = None
        self._mirror: Mirror | None = None
        self._requests: RequestLog | None = None
        self._said_ns = 0
        self._is_news = True
        self._save_due_ns = ports.clock.monotonic_ns() + CHECKPOINT_NS
        self._saved_seq = self.restored[0]

    async def start(self) -> None:
        """Restore the exchange, listen, tell where, and begin to play.

        Raises ConfigError, RecordingError, BusError or StorageError, each one line that says what
        to do.
        """
        clock, upstream = self._ports.clock, self._ports.upstream
        if upstream is not None and self._ports.saved is None:
            await first_time(upstream)
        parts = assemble(
            self._config,
            clock=clock,
            log=self._ports.log,
            saved=self._ports.saved,
            upstream=upstream,
        )
        self._parts = parts
        self.restored = (self.restored[0], parts.replayed)
        parts.world.open()
        self._heartbeats = HeartbeatWatch(parts.world.exchange, clock.monotonic_ns())
        self._player = Player(parts.world, parts.hub, self._time_changed)
        desk = Desk(
            parts.world,
            parts.hub,
            parts.keys,
            self._heartbeats,
            clock,
            self._player.poke,
            timed=parts.timed,
            limits=RateLimits(LimitMode(self._config.rate_limits)),
            deposit_wallets_only=self._config.wallets == "deposit",
            requests=self._open_request_log(),
        )
        self._server = Server(make_app(desk))
        path = self._ports.endpoints_path
        await self._server.start(self._listen, preferred_port=previous_port(path))
        if path is not None:
            write_endpoints(path, self._server.address)
        url = endpoints(self._server.address)["url"]
        driver = parts.world.driver
        if upstream is not None and isinstance(driver, MirrorDriver):
            logger.info("simulated exchange at %s: %s", url, driver.source)
            self._mirror = Mirror(driver, upstream, parts.world.clock)
            await self._mirror.start(self._player.poke)
        else:
            name, speed = market_name(self._config), self._config.speed
            logger.info("simulated exchange at %s: %s, speed %g", url, name, speed)
        self._player.start()

    def _open_request_log(self) -> RequestLog | None:
        directory, megabytes = self._ports.requests_dir, self._config.request_log_mb
        if directory is None or not megabytes:
            return None
        now_ns = self._ports.clock.now_ns()
        self._requests = RequestLog(directory, most_bytes=megabytes * 1_000_000, now_ns=now_ns)
        return self._requests

    def endpoints(self) -> dict[str, str]:
        """Return the URLs clients need; call it after `start`."""
        return endpoints(self._server.address if self._server else self._listen)

    def turn(self) -> None:
        """Watch the dead-man switches, tell market time, save a checkpoint when due."""
        parts, player = self._parts, self._player
        if parts is None or player is None or self._heartbeats is None:
            return
        player.check()
        mono_ns = self._ports.clock.monotonic_ns()
        if self._mirror is not None and self._mirror.turn():
            self._is_news = True
        market_ns = parts.world.catch_up()
        parts.timed.run(market_ns)
        self._heartbeats.check(mono_ns=mono_ns, now_ns=market_ns)
        parts.world.commit()
        player.poke()
        if self._is_news or mono_ns - self._said_ns >= SAY_TIME_NS:
            self._say_time(parts, mono_ns)
        if mono_ns >= self._save_due_ns:
            self._save(parts)
            took_ns = self._ports.clock.monotonic_ns() - mono_ns
            self._save_due_ns = mono_ns + max(CHECKPOINT_NS, CHECKPOINT_SHARE * took_ns)

    def next_wake_s(self) -> float:
        """Return how long nothing needs saying."""
        if self._is_news:
            return 0.0
        elapsed = self._ports.clock.monotonic_ns() - self._said_ns
        return max(0.0, (SAY_TIME_NS - elapsed) / _NS_PER_S)

    def vitals(self) -> Vitals:
        """Return what the heartbeat carries: happenings played so far, and market time."""
        if self._parts is None:
            return Vitals()
        world = self._parts.world
        if self._mirror is None:
            return Vitals(progress=world.happened, market_ns=world.clock.now_ns())
        # A mirror works while the other exchange is silent too: it is not stalled.
        progress = world.happened + self._mirror.rounds
        known = self._mirror.knows_time
        return Vitals(progress=progress, market_ns=world.clock.now_ns() if known else 0)

    def handle(self, request_type: str, body: Any) -> msgspec.Struct:
        """Refuse: the simulator is spoken to over HTTP."""
        del body
        raise ProtocolError(f"expected no command for the simulator, was {request_type}")

    def status(self) -> str:
        """Return one ASCII sentence for the operator."""
        if self._parts is None:
            return "starting"
        world = self._parts.world
        if world.failure is not None:
            return f"stopped: {world.failure}"
        if world.idle:
            return "idle: every recorded window was played; remove the state to play again"
        open_windows = len(world.exchange.core.books)
        if self._mirror is not None:
            return f"{self._mirror.driver.describe()}, windows open: {open_windows}"
        return f"{open_windows} windows open, {market_name(self._config)}"

    async def stop(self) -> None:
        """Stop playing, close every connection, and save a last checkpoint."""
        if self._mirror is not None:
            await self._mirror.stop()
        if self._player is not None:
            await self._player.stop()
        if self._server is not None:
            await self._server.stop()
        if self._parts is not None and self._parts.world.failure is None:
            self._parts.world.commit()
            self._save(self._parts)
        if self._requests is not None:
            self._requests.close()

    def _time_changed(self) -> None:
        self._is_news = True
        self.wake.set()

    def _say_time(self, parts: Assembly, mono_ns: int) -> None:
        self._is_news = False
        self._said_ns = mono_ns
        if self._ports.outbox is None or (self._mirror and not self._mirror.knows_time):
            return
        segment = parts.world.clock.segment()
        self._ports.outbox.say(
            MarketTimeChanged(
                origin_mono_ns=segment.mono_ns,
                origin_market_ns=segment.market_ns,
                speed=segment.speed,
                idle=parts.world.idle,
            )
        )

    def _save(self, parts: Assembly) -> None:
        seq = parts.world.last_seq
        if seq <= self._saved_seq:
            return
        self._saved_seq = seq
        state = msgspec.json.encode(parts.world.exchange.ledger.state)
        self._ports.checkpoints.save_in_background(seq, state, STATE_SCHEMA)
        if self._ports.trim is not None:
            self._ports.trim()


def market_name(config: SimulatorConfig) -> str:
    """Name the market that is played, as a person calls it."""
    if config.recordings:
        return f"recordings of {Path(config.recordings).resolve().name}"
    return f"synthetic market, seed {config.seed}"


def write_endpoints(path: Path, address: Address) -> None:
    """Write the URLs and this process's id to a file that is whole or absent."""
    told = {**endpoints(address), "pid": os.getpid()}
    unfinished = path.with_name(path.name + ".tmp")
    try:
        path.parent.mkdir(mode=0o770, parents=True, exist_ok=True)
        unfinished.write_text(json.dumps(told) + "\n", encoding="utf-8")
        unfinished.replace(path)
    except OSError as error:
        raise StorageError(
            f"cannot write {path}: {error.strerror}; make the runtime directory writable"
        ) from error
