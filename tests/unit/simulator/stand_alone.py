"""A simulator in a process of its own, on a real journal: state directory, configuration."""

import asyncio
import logging
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from polybot.adapters.clock import SystemClock
from polybot.config.schema import SimulatorConfig
from polybot.runtime.journal import Journal
from polybot.runtime.restore import open_durable_state
from polybot.simulator.alone import run_alone
from polybot.simulator.assembly import SavedState
from polybot.simulator.ledger import STATE_SCHEMA
from polybot.simulator.service import SimulatorPorts, SimulatorService

READ = 500


class JournalLog:
    """The runtime's journal as a simulator's log."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def append(self, payload: bytes) -> int:
        return self._journal.append(payload)

    def sync(self) -> None:
        self._journal.sync()

    def records_after(self, seq: int) -> Sequence[tuple[int, bytes]]:
        found: list[tuple[int, bytes]] = []
        while batch := self._journal.read_from(seq + 1, READ):
            found += [(record.seq, record.payload) for record in batch]
            seq = batch[-1].seq
        return found


async def main(state_dir: Path, config: SimulatorConfig) -> None:
    """Run until SIGTERM; the line of URLs goes to standard output."""
    clock = SystemClock()
    durable = open_durable_state(state_dir / "exchange", clock=clock, schema=STATE_SCHEMA)
    saved = durable.checkpoint
    ports = SimulatorPorts(
        clock=clock,
        log=JournalLog(durable.journal),
        checkpoints=durable.checkpoints,
        saved=SavedState(saved.seq, saved.state) if saved else None,
        endpoints_path=state_dir / "simulator.json",
    )
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)

    def announce(line: str) -> None:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()

    try:
        await run_alone(SimulatorService(config, ports), stop=stop, announce=announce)
    finally:
        durable.checkpoints.close()
        durable.journal.close()


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, stream=sys.stderr)
    chosen = msgspec.json.decode(sys.argv[2].encode(), type=SimulatorConfig)
    asyncio.run(main(Path(sys.argv[1]), chosen))
