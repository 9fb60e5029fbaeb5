"""Fakes of the ports, shared by all tests."""


class FakeClock:
    """Time that moves only when a test says so."""

    def __init__(
        self, now_ns: int = 1_800_000_000_000_000_000, mono_ns: int = 1_000_000_000
    ) -> None:
        self.wall_ns = now_ns
        self.mono_ns = mono_ns

    def now_ns(self) -> int:
        return self.wall_ns

    def monotonic_ns(self) -> int:
        return self.mono_ns

    def advance(self, seconds: float) -> None:
        self.wall_ns += int(seconds * 1_000_000_000)
        self.mono_ns += int(seconds * 1_000_000_000)


class FakeNotifier:
    """Writes down what the service manager would hear; `deadline_s` is its watchdog deadline."""

    def __init__(self, deadline_s: float | None = None) -> None:
        self.deadline_s = deadline_s
        self.heard: list[str] = []

    def ready(self) -> None:
        self.heard.append("READY=1")

    def stopping(self) -> None:
        self.heard.append("STOPPING=1")

    def watchdog(self) -> None:
        self.heard.append("WATCHDOG=1")

    def status(self, text: str) -> None:
        self.heard.append(f"STATUS={text}")

    def extend_timeout(self, seconds: float) -> None:
        self.heard.append("EXTEND_TIMEOUT_USEC")

    def watchdog_interval_s(self) -> float | None:
        return self.deadline_s
