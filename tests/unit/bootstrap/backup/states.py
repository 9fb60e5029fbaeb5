"""A small state directory with everything that a backup must understand."""

from pathlib import Path

from polybot.adapters.storage.ledger import Ledger
from polybot.messages.codec import encode
from polybot.runtime.checkpoint import CheckpointStore
from polybot.runtime.inbox import content_hash
from polybot.runtime.journal import Journal, JournalSettings
from tests.fakes import FakeClock, make_envelope
from tests.story import bought, opening

SMALL = JournalSettings(segment_bytes=16 << 10, reserve_bytes=4 << 10)


def write_state(state_dir: Path) -> Path:
    """Write a stopped floor's state: trader, simulated exchange, database, fence, wallet."""
    clock = FakeClock()
    trader = state_dir / "trader"
    journal = Journal.open(trader, settings=SMALL)
    records = []
    for seq, event in enumerate([opening(), *bought()], start=1):
        envelope = make_envelope(event, source="trader", seq=seq)
        payload = encode(envelope)
        journal.append(payload)
        records.append((envelope, event, content_hash(payload)))
    journal.sync()
    journal.close()
    checkpoints = CheckpointStore(trader, clock=clock)
    checkpoints.save(5, b'{"orders":[]}', 1)
    checkpoints.close()
    ledger = Ledger.open(state_dir / "tracker" / "ledger.sqlite", clock)
    ledger.store(records)
    ledger.close()
    books = Journal.open(state_dir / "simulator" / "exchange", settings=SMALL)
    books.append(b'{"type":"AccountOpened"}')
    books.sync()
    books.close()
    for name, text in {
        "floor": "synthetic\n",
        "fence.json": '{"epoch": 1}',
        "fence.spare": " " * 64,
        "arming.json": "{}",
        "wallet/key": "0x01",
        "trader/tape/tape-00000001-aa.zst": "taped",
        "trader/archive/journal-0000000000000001.log.zst": "put away",
        "simulator/requests.jsonl": "{}\n",
        "backups/older.tar.zst": "older",
    }.items():
        path = state_dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return state_dir


def written(directory: Path) -> dict[str, bytes]:
    """Return every file below a directory but what a reader of the database leaves beside it."""
    return {
        path.relative_to(directory).as_posix(): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file() and not path.name.endswith(("-wal", "-shm"))
    }
