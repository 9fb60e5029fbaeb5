"""What every process stands on: clock, journal, checkpoints, bus, heartbeat, daemon."""

import asyncio
import atexit
import logging
import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from polybot import CHANGES, CODENAME, RELEASE_DATE, __version__
from polybot.adapters.clock import BootClock
from polybot.adapters.process_memory import ProcessMemory
from polybot.adapters.steady_clock import ConfirmedTime, SteadyClock
from polybot.adapters.systemd import make_notifier
from polybot.adapters.zmq_bus.endpoints import BusContext, open_context
from polybot.adapters.zmq_bus.publisher import BusPublisher
from polybot.adapters.zmq_bus.rpc_client import RpcCaller
from polybot.adapters.zmq_bus.rpc_server import RpcServer
from polybot.adapters.zmq_bus.subscriber import BusSubscriber
from polybot.bootstrap.chaos.conditions import machine_clock
from polybot.bootstrap.room import make_room
from polybot.bootstrap.wake import ThreadWake
from polybot.config.load import LoadedConfig
from polybot.config.locations import PROCESSES
from polybot.errors import BusError
from polybot.messages.topics import DURABLE, VOLATILE
from polybot.ports import Service
from polybot.runtime.banner import Banner, StandingStop
from polybot.runtime.daemon import Daemon, DaemonSettings
from polybot.runtime.inbox import ReplayingInbox
from polybot.runtime.journal import Journal
from polybot.runtime.journal_archive import JournalArchive
from polybot.runtime.logs import SecretMask
from polybot.runtime.outbox import JournaledOutbox
from polybot.runtime.participant import Identity, Participant
from polybot.runtime.restore import DurableState, open_durable_state

logger = logging.getLogger(__name__)

MEBIBYTE = 1 << 20


class Foundation(msgspec.Struct):
    """One process's own journal and its place on the bus, opened and ready for a service."""

    name: str
    loaded: LoadedConfig
    mask: SecretMask
    clock: SteadyClock
    durable: DurableState
    outbox: JournaledOutbox
    inbox: ReplayingInbox
    publisher: BusPublisher
    subscriber: BusSubscriber
    caller: RpcCaller
    context: BusContext
    archive: JournalArchive
    on_start: list[Callable[[], None]] = msgspec.field(default_factory=list)
    on_stop: list[Callable[[], None]] = msgspec.field(default_factory=list)
    is_closed: bool = False

    def thread_wake(self, service_wake: asyncio.Event) -> ThreadWake:
        """Return a wake for adapters that work in threads."""
        wake = ThreadWake(service_wake)
        self.on_start.append(wake.attach)
        return wake

    def close(self) -> None:
        """Let go of what the service added, of the sockets, then of the durable state; once."""
        if self.is_closed:
            return
        self.is_closed = True
        for close in self.on_stop:
            close()
        self.subscriber.close()
        self.caller.close()
        self.publisher.close()
        self.context.destroy(linger=0)
        self.durable.checkpoints.close()
        self.archive.wait()
        self.durable.journal.close()


def open_foundation(
    name: str,
    loaded: LoadedConfig,
    mask: SecretMask,
    *,
    schema: int,
    hears: tuple[str, ...],
) -> Foundation:
    """Open a process's durable state and its sockets; StorageError or BusError in one line."""
    confirmed = ConfirmedTime(loaded.locations.confirmed_time_path, BootClock().boot)
    clock = SteadyClock(machine_clock(name, os.environ), confirmed)
    durable = open_durable_state(loaded.locations.process_dir(name), clock=clock, schema=schema)
    runtime_dir = loaded.locations.runtime_dir
    _make_runtime(runtime_dir)
    context = open_context()
    publisher = BusPublisher(context, runtime_dir, name)
    subscriber = BusSubscriber(context, runtime_dir, hears, (DURABLE, VOLATILE))
    peers = tuple(process for process in PROCESSES if process != name)
    caller = RpcCaller(context, runtime_dir, peers)
    session = secrets.token_hex(6)
    outbox = JournaledOutbox(name, session, journal=durable.journal, sender=publisher, clock=clock)
    inbox = ReplayingInbox(name, hears, receiver=subscriber, asker=caller, clock=clock)
    # The database numbers what it stores by the journals it has heard.
    inbox.begins_anew = name != "tracker"
    foundation = Foundation(
        name=name,
        loaded=loaded,
        mask=mask,
        clock=clock,
        durable=durable,
        outbox=outbox,
        inbox=inbox,
        publisher=publisher,
        subscriber=subscriber,
        caller=caller,
        context=context,
        archive=_archive(name, loaded),
    )

    def close_at_exit() -> None:
        foundation.close()

    # A start that fails later on ends by its error: open sockets would hold that end up for ever.
    # Not the method itself: what goes wrong at the exit is shown with the callback's own words.
    atexit.register(close_at_exit)
    return foundation


def _archive(name: str, loaded: LoadedConfig) -> JournalArchive:
    cap_bytes = loaded.config.trader.journal_archive_mb * MEBIBYTE
    return JournalArchive(loaded.locations.process_dir(name), cap_bytes=cap_bytes)


def _make_runtime(directory: Path) -> None:
    try:
        directory.mkdir(mode=0o770, parents=True, exist_ok=True)
    except OSError as error:
        raise BusError(
            f"cannot use {directory} for sockets: {error.strerror}; set POLYBOT_RUNTIME_DIR to a "
            "directory that this user may write"
        ) from error


def run_service(
    foundation: Foundation,
    service: Service,
    *,
    wallet: str = "",
    standing: tuple[StandingStop, ...] = (),
) -> int:
    """Run a service on its foundation until it is asked to stop; returns the exit code."""
    loaded = foundation.loaded
    room = make_room(foundation.name, foundation.durable.journal, foundation.clock, service)
    participant = Participant(
        service,
        identity=Identity(
            process=foundation.name,
            pid=os.getpid(),
            version=__version__,
            mode=loaded.config.mode,
            config_hash=loaded.hash[:12],
        ),
        outbox=foundation.outbox,
        inbox=foundation.inbox,
        journal=foundation.durable.journal,
        clock=foundation.clock,
        gauge=ProcessMemory(),
        keep_from=lambda: keep_from(foundation),
        archive=foundation.archive,
        each_second=(room.look,),
        on_start=foundation.on_start,
    )
    server = RpcServer(
        foundation.context, loaded.locations.runtime_dir, foundation.name, participant.answer
    )

    def attach() -> None:
        loop = asyncio.get_running_loop()
        server.attach(loop, service.wake)
        foundation.subscriber.attach(loop, service.wake)
        foundation.caller.attach(loop, service.wake)

    foundation.on_start.insert(0, attach)
    _log_banner(foundation, wallet, standing)
    daemon = Daemon(participant, make_notifier(), clock=foundation.clock, settings=DaemonSettings())
    try:
        return daemon.run()
    finally:
        server.close()
        foundation.close()


def payloads_after(journal: Journal, seq: int) -> Iterator[bytes]:
    """Yield every durable payload after a seq; the journal reads them in bounded batches."""
    while seq < journal.synced_seq:
        batch = journal.payloads_from(seq + 1, journal.synced_seq - seq)
        yield from batch
        seq += len(batch)


def keep_from(foundation: Foundation) -> int:
    """Return the seq from which the journal is kept: checkpoints need it, and so does replay."""
    journal = foundation.durable.journal
    retention = foundation.loaded.config.trader.journal_retention_mb * MEBIBYTE
    oldest = foundation.durable.checkpoints.oldest_kept_seq()
    # Without a checkpoint the journal is all there is to start from.
    return 0 if oldest is None else min(journal.first_seq_within(retention), oldest)


def _log_banner(foundation: Foundation, wallet: str, standing: tuple[StandingStop, ...]) -> None:
    loaded = foundation.loaded
    banner = Banner(
        name=f"polybot {foundation.name}",
        version=__version__,
        codename=CODENAME,
        date=RELEASE_DATE,
        changes=CHANGES,
        mode=loaded.config.mode,
        config_hash=loaded.hash[:12],
        wallet=wallet,
        logs="standard error",
        state_dir=str(loaded.locations.process_dir(foundation.name)),
        restored=foundation.durable.describe(),
        standing=standing,
    )
    logger.log(logging.WARNING if standing else logging.INFO, "\n".join(banner.lines()))
