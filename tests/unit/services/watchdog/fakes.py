"""Fakes of what the watchdog measures."""

from polybot.errors import StorageError


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

    def last_commit_ns(self) -> int:
        return self.commit_ns
