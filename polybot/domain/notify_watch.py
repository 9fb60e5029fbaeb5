"""What a service manager does with sd_notify messages: who is ready, who is overdue, and when.

The rules of systemd.service(5) as far as polybot's processes use them, for runners that are not
systemd. Times are monotonic, in ns.
"""

from collections.abc import Mapping

import msgspec

_USEC_NS = 1_000
# More processes than a floor has; what nobody claims is forgotten.
_MOST_EARLY = 32
_END = "its end"


class WatchRules(msgspec.Struct, frozen=True):
    """How long a process may take to be ready, between two pings, and to stop."""

    start_ns: int = 90_000_000_000
    ping_ns: int = 20_000_000_000
    stop_ns: int = 20_000_000_000


class Overdue(msgspec.Struct, frozen=True):
    """A process that did not say in time what it should have."""

    name: str
    pid: int
    reason: str


class _Life(msgspec.Struct):
    name: str
    deadline_ns: int
    waits_for: str
    ping_ns: int
    is_ready: bool = False

    @property
    def may_extend(self) -> bool:
        """Whether it starts or stops: only then it may ask for more time."""
        return not self.is_ready or self.waits_for == _END


class NotifyWatch:
    """Keeps one deadline for each running process; an overdue one is told once."""

    def __init__(self, rules: WatchRules) -> None:
        self._rules = rules
        self._lives: dict[int, _Life] = {}
        # Who was ready before the runner said that it runs, the newest last.
        self._early: dict[int, None] = {}

    def started(self, name: str, pid: int, now_ns: int, *, ping_ns: int = 0) -> None:
        """Note a process that runs by now; `ping_ns` is its own interval where it has one."""
        deadline = now_ns + self._rules.start_ns
        life = _Life(name, deadline, "READY=1", ping_ns or self._rules.ping_ns)
        if pid in self._early:
            del self._early[pid]
            _await_ping(life, now_ns)
        self._lives[pid] = life

    def ended(self, pid: int) -> None:
        """Note a process that is gone."""
        self._lives.pop(pid, None)
        self._early.pop(pid, None)

    def heard(self, pid: int, fields: Mapping[str, str], now_ns: int) -> None:
        """Take in one datagram of a process; of one not known yet it says that it is ready."""
        is_well = fields.get("READY") == "1" or fields.get("WATCHDOG") == "1"
        life = self._lives.get(pid)
        if life is None:
            if is_well:
                self._early[pid] = None
                for oldest in list(self._early)[:-_MOST_EARLY]:
                    del self._early[oldest]
            return
        if fields.get("WATCHDOG_USEC", "").isdecimal():
            life.ping_ns = int(fields["WATCHDOG_USEC"]) * _USEC_NS
        if fields.get("WATCHDOG") == "trigger":
            life.deadline_ns, life.waits_for = now_ns, "anything: it gave itself up"
        elif fields.get("STOPPING") == "1":
            life.deadline_ns, life.waits_for = now_ns + self._rules.stop_ns, _END
        elif is_well:
            # A ping of one whose READY was lost says as much.
            _await_ping(life, now_ns)
        elif fields.get("EXTEND_TIMEOUT_USEC", "").isdecimal() and life.may_extend:
            more_ns = int(fields["EXTEND_TIMEOUT_USEC"]) * _USEC_NS
            life.deadline_ns = max(life.deadline_ns, now_ns + more_ns)

    def postpone(self, by_ns: int) -> None:
        """Move all deadlines: for so long nobody listened, or the machine stood still."""
        for life in self._lives.values():
            life.deadline_ns += by_ns

    def overdue(self, now_ns: int) -> list[Overdue]:
        """Return who is over the deadline, and watch these no more."""
        found = [(pid, life) for pid, life in self._lives.items() if now_ns >= life.deadline_ns]
        for pid, _ in found:
            del self._lives[pid]
        return [
            Overdue(life.name, pid, f"waited too long for {life.waits_for}") for pid, life in found
        ]


def _await_ping(life: _Life, now_ns: int) -> None:
    life.is_ready = True
    life.deadline_ns, life.waits_for = now_ns + life.ping_ns, "a watchdog ping"


def parse_notification(data: bytes) -> dict[str, str]:
    """Return the assignments of a datagram; what is none is passed over."""
    lines = data.decode("utf-8", errors="replace").splitlines()
    return {name: value for name, sign, value in (line.partition("=") for line in lines) if sign}
