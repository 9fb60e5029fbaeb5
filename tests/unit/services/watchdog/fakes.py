"""Fakes of what the watchdog measures."""

from polybot.domain.fence import FenceRecord
from polybot.errors import StorageError
from polybot.messages.commands import Witness
from polybot.ports.fence import Killing, ProcessIdentity, Sweep
from polybot.ports.messenger import ChatAnswer


class FakeHost:
    """A machine with room, until a test says otherwise."""

    def __init__(self) -> None:
        self.free_mb: int | None = 5_000
        self.rss: dict[int, int] = {}
        self.writable: bool | None = True
        self.reads = 0

    def disk_free_mb(self) -> int | None:
        self.reads += 1
        return self.free_mb

    def rss_mb(self, pid: int) -> int | None:
        return self.rss.get(pid)

    def database_writable(self) -> bool | None:
        return self.writable


class FakeExchangeTime:
    """The exchange's clock, as far off as a test says."""

    def __init__(self) -> None:
        self.skew: float | None = 0.1
        self.asked = 0

    def ask(self) -> None:
        self.asked += 1

    def skew_s(self) -> float | None:
        return self.skew


class FakeStorage:
    """The database's positions and last commit."""

    def __init__(self) -> None:
        self.stored: dict[str, int] = {}
        self.commit_ns = 0
        self.fails = False

    def positions(self) -> dict[str, int]:
        if self.fails:
            raise StorageError("no database yet")
        return self.stored

    def witnesses(self) -> dict[str, Witness]:
        return {name: Witness(seq=seq, hash=name) for name, seq in self.stored.items()}

    def last_commit_ns(self) -> int:
        return self.commit_ns


class FakeMessenger:
    """Chats that take what a test lets them take; `sent` keeps every text with its key."""

    def __init__(self) -> None:
        self.channels: tuple[str, ...] = ()
        self.sent: list[tuple[str, str]] = []
        self.answers: list[ChatAnswer] = []

    def send(self, key: str, text: str) -> None:
        self.sent.append((key, text))

    def take(self) -> list[ChatAnswer]:
        taken, self.answers = self.answers, []
        return taken


class FakeFenceStore:
    """Keeps the fence; `shown` is the epoch a trader would see."""

    def __init__(self) -> None:
        self.record: FenceRecord | None = None
        self.shown = 0
        self.written: list[FenceRecord] = []
        self.damaged = False
        self.refuses = False

    def read(self) -> FenceRecord | None:
        if self.damaged:
            raise StorageError("expected a readable fence.json, was not")
        return self.record

    def write(self, record: FenceRecord) -> None:
        if self.refuses:
            raise StorageError("cannot write fence.json: No space left on device")
        self.record, self.shown, self.damaged = record, record.epoch, False
        self.written.append(record)

    def show(self, epoch: int) -> None:
        self.shown = epoch


class FakeKiller:
    """Processes by their pid; `deeds` keeps, in order, the epoch that was shown at each kill."""

    def __init__(self, store: FakeFenceStore) -> None:
        self._store = store
        self.running: dict[int, ProcessIdentity] = {}
        self.holder: ProcessIdentity | None = None
        self.refuses = ""
        self.killed: list[ProcessIdentity] = []
        self.shown_at_kill: list[int] = []

    def identify(self, pid: int, uptime_s: float) -> ProcessIdentity | None:
        return self.running.get(pid)

    def lock_holder(self, older_than_s: float) -> ProcessIdentity | None:
        return self.holder

    def kill(self, identity: ProcessIdentity) -> Killing:
        if self.refuses:
            return Killing(is_over=False, detail=self.refuses)
        if self.running.get(identity.pid) != identity:
            return Killing(is_over=True, detail=f"pid {identity.pid} was gone already")
        self.killed.append(identity)
        self.shown_at_kill.append(self._store.shown)
        del self.running[identity.pid]
        return Killing(is_over=True, detail=f"pid {identity.pid} killed")


class FakeSweeper:
    """An exchange with open orders: `resting` are ours, `foreign` is how many are not."""

    def __init__(self) -> None:
        self.resting: list[str] = []
        self.stubborn: set[str] = set()
        self.foreign = 0
        self.error = ""
        self.seq = 40
        self.begun: list[int] = []
        self._under_way = False

    def newest_seq(self) -> int:
        return self.seq

    def begin(self, up_to_seq: int) -> None:
        self.begun.append(up_to_seq)
        self._under_way = True

    def take(self) -> Sweep | None:
        if not self._under_way:
            return None
        self._under_way = False
        if self.error:
            return Sweep(error=self.error)
        found, self.resting = self.resting, [i for i in self.resting if i in self.stubborn]
        refused = dict.fromkeys(self.resting, "order can't be canceled")
        return Sweep(ours=tuple(found), foreign=self.foreign, refused=refused)
