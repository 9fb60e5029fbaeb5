"""Builds the simulator process."""

import json
import tempfile
from collections.abc import Callable
from pathlib import Path

import msgspec

from polybot.adapters.clock import SystemClock
from polybot.adapters.systemd import NullNotifier
from polybot.bootstrap.foundation import open_foundation, run_service
from polybot.bootstrap.record_log import JournalRecordLog
from polybot.config.load import LoadedConfig
from polybot.config.schema import Config, SimulatorConfig
from polybot.exchange.signing import require_coincurve
from polybot.ports import Outbox
from polybot.runtime.daemon import Daemon
from polybot.runtime.logs import SecretMask
from polybot.runtime.restore import DurableState, open_durable_state
from polybot.simulator.assembly import SavedState
from polybot.simulator.books.ledger import STATE_SCHEMA
from polybot.simulator.service import SimulatorPorts, SimulatorService

BOOKS = "exchange"


def run(loaded: LoadedConfig, mask: SecretMask) -> int:
    """Run the floor's simulator until it is asked to stop."""
    foundation = open_foundation("simulator", loaded, mask, schema=1, hears=())
    directory = loaded.locations.books_dir
    books = open_durable_state(directory, clock=foundation.clock, schema=STATE_SCHEMA)
    foundation.on_stop.extend((books.checkpoints.close, books.journal.close))
    config = loaded.config
    # The exchange's clock is its own: this machine's as it is, whatever the floor goes by.
    clock = SystemClock()
    ports = make_ports(
        books,
        clock,
        outbox=foundation.outbox,
        endpoints_path=loaded.locations.simulator_path,
        requests_dir=loaded.locations.process_dir("simulator"),
    )
    if config.mode == "paper":
        series = config.trader.series
        ports, close = _mirroring(ports, config, series, clock)
        foundation.on_stop.append(close)
    return run_service(foundation, SimulatorService(loaded.config.simulator, ports))


def make_ports(
    books: DurableState,
    clock: SystemClock,
    *,
    outbox: Outbox | None,
    endpoints_path: Path | None,
    requests_dir: Path | None,
) -> SimulatorPorts:
    """Return the ports of a simulated exchange whose books are these.

    Raises ConfigError where no order's signature could be checked.
    """
    require_coincurve()
    checkpoint = books.checkpoint
    return SimulatorPorts(
        clock=clock,
        log=JournalRecordLog(books.journal),
        checkpoints=books.checkpoints,
        saved=SavedState(checkpoint.seq, checkpoint.state) if checkpoint else None,
        trim=lambda: _trim(books),
        outbox=outbox,
        endpoints_path=endpoints_path,
        requests_dir=requests_dir,
    )


def _mirroring(
    ports: SimulatorPorts, config: Config, series: tuple[str, ...], clock: SystemClock
) -> tuple[SimulatorPorts, Callable[[], None]]:
    """Return the ports with an exchange to mirror, and what lets go of it."""
    # Only a mirror talks to another exchange; every other simulator starts without these packages.
    from polybot.bootstrap.mirror import follow  # noqa: PLC0415

    following = follow(config, series, clock)
    return msgspec.structs.replace(ports, upstream=following.upstream), following.close


def _trim(books: DurableState) -> None:
    oldest = books.checkpoints.oldest_kept_seq()
    if oldest is not None:
        books.journal.trim(oldest)


def run_alone(
    config: SimulatorConfig,
    state_dir: Path | None,
    say: Callable[[str], None],
    mirrored: Config | None = None,
) -> int:
    """Run a simulated exchange without a floor; `say` gets one JSON line when it is ready.

    Without a state directory its books live as long as the process. With a whole configuration in
    `mirrored`, the exchange of its [feed] section is mirrored.
    """
    if state_dir is None:
        with tempfile.TemporaryDirectory(prefix="polybot-simulator-") as temporary:
            return _run_alone(config, Path(temporary), say, mirrored)
    return _run_alone(config, state_dir, say, mirrored)


def _run_alone(
    config: SimulatorConfig, state_dir: Path, say: Callable[[str], None], mirrored: Config | None
) -> int:
    clock = SystemClock()
    books = open_durable_state(state_dir / BOOKS, clock=clock, schema=STATE_SCHEMA)
    ports = make_ports(
        books,
        clock,
        outbox=None,
        endpoints_path=state_dir / "simulator.json",
        requests_dir=state_dir,
    )
    close: Callable[[], None] | None = None
    if mirrored is not None:
        ports, close = _mirroring(ports, mirrored, config.series, clock)
    service = _Announced(config, ports, say)
    try:
        return Daemon(service, NullNotifier(), clock=clock).run()
    finally:
        if close is not None:
            close()
        books.checkpoints.close()
        books.journal.close()


class _Announced(SimulatorService):
    """A simulator that tells its URLs when it listens."""

    def __init__(
        self, config: SimulatorConfig, ports: SimulatorPorts, say: Callable[[str], None]
    ) -> None:
        super().__init__(config, ports)
        self._say = say

    async def start(self) -> None:
        """Start, then say where."""
        await super().start()
        self._say(json.dumps(self.endpoints()))
