"""A member of the service's group reads and steers through the real files and sockets; no more."""

import asyncio
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from polybot.adapters.arming_files import ArmingFile
from polybot.adapters.clock import SystemClock
from polybot.adapters.fence_files import FenceFile
from polybot.adapters.storage.ledger import Ledger
from polybot.adapters.storage.reader import LedgerReader
from polybot.adapters.wallet_files import AccountCredentials, WalletFiles
from polybot.adapters.zmq_bus.endpoints import open_context
from polybot.adapters.zmq_bus.rpc_client import RpcClient
from polybot.adapters.zmq_bus.rpc_server import RpcServer
from polybot.cli.directories import make_private
from polybot.domain.arming import Arming
from polybot.domain.fence import FenceRecord
from polybot.errors import PolybotError
from polybot.exchange.l2_auth import ApiCredentials
from polybot.runtime.checkpoint import CheckpointStore
from polybot.runtime.journal import Journal
from polybot.runtime.journal_reader import JournalReader
from tests.forked import GROUP, MEMBER, SERVICE, STRANGER, become, in_fork, needs_root

pytestmark = needs_root

WAIT_S = 20.0


class Places:
    """The state and runtime directory as an installation makes them."""

    def __init__(self, root: Path) -> None:
        self.state, self.runtime = root / "state", root / "run"
        self.ledger = self.state / "tracker" / "ledger.sqlite"
        self.trader = self.state / "trader"
        for path in (self.state, self.runtime):
            path.mkdir()
            os.chown(path, SERVICE, GROUP)
            path.chmod(0o2770)


@pytest.fixture
def places(runtime_dir: Path) -> Iterator[Places]:
    runtime_dir.chmod(0o755)
    before = os.umask(0o007)
    yield Places(runtime_dir)
    os.umask(before)


def as_service() -> None:
    become(SERVICE, GROUP)


def as_member() -> None:
    become(MEMBER, GROUP)


def make_state(places: Places) -> None:
    """Write everything a floor writes, through what writes it."""
    clock = SystemClock()
    make_private(places.state)
    journal = Journal.open(places.trader)
    journal.append(b"one")
    journal.sync()
    journal.close()
    CheckpointStore(places.trader, clock=clock).save(1, b"{}", 1)
    Ledger.open(places.ledger, clock).close()
    ArmingFile(places.state).write(
        Arming(funder="0x1", signature_type=0, versions=("1",), armed_ns=1, expires_ns=0, by="x")
    )
    FenceFile(places.state).write(FenceRecord(epoch=1, reason="x", raised_ns=1))
    wallet = WalletFiles(places.state / "wallet")
    wallet.play_key()
    api = ApiCredentials(api_key="k", secret="s", passphrase="p")
    wallet.save_credentials(AccountCredentials("0x1", "0x1", 0, api))


def test_everything_but_the_wallet_is_the_groups_too(places: Places) -> None:
    def service() -> dict[str, list[int]]:
        as_service()
        make_state(places)
        found = {}
        for path in places.state.rglob("*"):
            seen = path.stat()
            found[str(path.relative_to(places.state))] = [seen.st_gid, stat.S_IMODE(seen.st_mode)]
        return found

    found = in_fork(service)
    wallet = {name: mode for name, (_, mode) in found.items() if name.startswith("wallet")}
    assert {mode & 0o777 for mode in wallet.values()} == {0o700, 0o600}
    assert len(wallet) == 3
    assert len(found) > 10
    for name, (group, mode) in found.items():
        assert group == GROUP, name
        if name not in wallet:
            is_directory = (places.state / name).is_dir()
            assert mode == (0o2770 if is_directory else 0o660), name


def test_a_member_reads_what_the_service_wrote_and_not_the_wallet(places: Places) -> None:
    def service() -> None:
        as_service()
        make_state(places)

    def member() -> Any:
        as_member()
        reader = LedgerReader.open(places.ledger)
        windows = reader.windows(now_ns=1)
        reader.close()
        records = JournalReader(places.trader).read_from(1, 10)
        arming = ArmingFile(places.state).read()
        told = []
        wallet = WalletFiles(places.state / "wallet")
        for read in (wallet.play_key, wallet.credentials):
            try:
                read()
            except PolybotError as error:
                told.append(str(error))
        return [windows, [bytes(each.payload).decode() for each in records], arming.by, told]

    in_fork(service)
    windows, records, by, told = in_fork(member)
    assert (windows, records, by) == ([], ["one"], "x")
    assert len(told) == 2
    assert "Permission denied" in told[0]
    assert "for root and the service alone" in told[1]


def test_what_a_members_look_leaves_in_the_database_does_not_stop_the_service(
    places: Places,
) -> None:
    def service() -> Any:
        as_service()
        ledger = Ledger.open(places.ledger, SystemClock())
        ledger.database.execute_sql("CREATE TABLE IF NOT EXISTS proof (x)")
        ledger.database.execute_sql("INSERT INTO proof VALUES (1)")
        count = ledger.database.execute_sql("SELECT COUNT(*) FROM proof").fetchone()[0]
        ledger.close()
        return count

    def member() -> Any:
        as_member()
        reader = LedgerReader.open(places.ledger)
        reader.windows(now_ns=1)
        # And ends as a command that is killed does: SQLite does not tidy up.
        return {
            path.name: [path.stat().st_uid, path.stat().st_gid, path.stat().st_mode & 0o777]
            for path in places.ledger.parent.iterdir()
            if path != places.ledger
        }

    assert in_fork(service) == 1
    beside = in_fork(member)
    assert beside["ledger.sqlite-shm"] == [MEMBER, GROUP, 0o660]
    assert in_fork(service) == 2


def test_a_member_reads_while_the_service_writes_and_asks_it_over_the_bus(
    places: Places,
) -> None:
    ready, done = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            as_service()
            asyncio.run(serve(places, ready[1], done[0]))
            code = 0
        finally:
            os._exit(code)
    assert os.read(ready[0], 1) == b"r"

    def ask(user: int, *groups: int) -> Any:
        become(user, *groups)
        context = open_context()
        client = RpcClient(context, places.runtime)
        if not client.is_running("trader"):
            return "not running"
        answer = client.request("trader", b"halt", WAIT_S).decode()
        reader = LedgerReader.open(places.ledger)
        windows = reader.windows(now_ns=1)
        reader.close()
        context.destroy(linger=0)
        return [answer, windows]

    try:
        assert in_fork(lambda: ask(MEMBER, GROUP)) == ["HALT", []]
        assert in_fork(lambda: ask(STRANGER)) == "not running"
    finally:
        os.write(done[1], b"d")
        _, status = os.waitpid(child, 0)
    assert status == 0


async def serve(places: Places, ready: int, done: int) -> None:
    """Hold database and socket open, as a process of the floor does, until told to end."""
    ledger = Ledger.open(places.ledger, SystemClock())
    context = open_context()
    server = RpcServer(context, places.runtime, "trader", bytes.upper)
    server.attach(asyncio.get_running_loop(), asyncio.Event())
    ended = asyncio.Event()
    asyncio.get_running_loop().add_reader(done, ended.set)
    os.write(ready, b"r")
    async with asyncio.timeout(2 * WAIT_S):
        await ended.wait()
    server.close()
    ledger.close()
    context.destroy(linger=0)
