"""Ends one process and never another: by its id, its start time and a descriptor of its own."""

import contextlib
import os
import re
import signal
from pathlib import Path

from polybot.errors import PolybotError
from polybot.ports.fence import Killing, ProcessIdentity

PROC = Path("/proc")
# What a heartbeat says of its process's age leaves out the start of the interpreter.
START_UP_S = 60.0
CLOCK_SLACK_S = 1.0
# 3: FLOCK  ADVISORY  WRITE 20724 fe:00:2179493 0 EOF
_FLOCK = re.compile(r"FLOCK +ADVISORY +WRITE +(?P<pid>\d+) +(?P<device>\w+:\w+):(?P<inode>\d+)")


class NotToBeFound(PolybotError):
    """The kernel does not tell what has to be known of a process."""


class LinuxProcessKiller:
    """Identifies by /proc and kills by pidfd, which cannot mean a process that came later.

    `lock_path` is the file that the trader holds locked while it runs.
    """

    def __init__(self, lock_path: Path, proc: Path = PROC) -> None:
        self._lock_path = lock_path
        self._proc = proc
        self._ticks = os.sysconf("SC_CLK_TCK")

    def identify(self, pid: int, uptime_s: float) -> ProcessIdentity | None:
        """Return who has a pid now, None when that cannot be who has run for `uptime_s`.

        A number means another process in another pid namespace, and after it was given away again.
        """
        try:
            identity = self._identity(pid)
            age_s = self._age_s(identity)
        except NotToBeFound:
            return None
        if not uptime_s - CLOCK_SLACK_S <= age_s <= uptime_s + START_UP_S:
            return None
        return identity

    def lock_holder(self, older_than_s: float) -> ProcessIdentity | None:
        """Return who holds the trader's lock, None when nobody known does, or nobody that old."""
        try:
            return self._old_holder(older_than_s)
        except NotToBeFound:
            return None

    def may_be_held(self, older_than_s: float) -> bool:
        """Return False only when nobody that old holds the trader's lock for certain."""
        try:
            return self._old_holder(older_than_s) is not None
        except NotToBeFound:
            return True

    def kill(self, identity: ProcessIdentity) -> Killing:
        """Kill a process with SIGKILL, if it still is the one that was identified."""
        pid = identity.pid
        try:
            handle = os.pidfd_open(pid)
        except ProcessLookupError:
            return Killing(is_over=True, detail=f"pid {pid} was gone already")
        except OSError as error:
            return Killing(is_over=False, detail=f"pid {pid} cannot be opened: {error.strerror}")
        try:
            # From here on the descriptor means one process, whoever has the number.
            if self._identity(pid) != identity:
                return Killing(is_over=True, detail=f"pid {pid} was gone, its number given away")
            signal.pidfd_send_signal(handle, signal.SIGKILL)
        except ProcessLookupError:
            return Killing(is_over=True, detail=f"pid {pid} ended by itself")
        except NotToBeFound as error:
            return Killing(is_over=False, detail=f"pid {pid} cannot be verified: {error}")
        except OSError as error:
            return Killing(is_over=False, detail=f"pid {pid} cannot be killed: {error.strerror}")
        finally:
            os.close(handle)
        return Killing(is_over=True, detail=f"pid {pid} killed")

    def _identity(self, pid: int) -> ProcessIdentity:
        try:
            entry = self._proc / str(pid)
            if entry.stat().st_uid != os.geteuid():
                raise NotToBeFound(f"process {pid} belongs to another user")
            # The name, in parentheses, may hold anything; field 22 is counted from behind it.
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            return ProcessIdentity(pid, int(fields[19]))
        except (OSError, IndexError, ValueError) as error:
            raise NotToBeFound(f"expected process {pid} in {self._proc}: {error}") from error

    def _age_s(self, identity: ProcessIdentity) -> float:
        try:
            up_s = float((self._proc / "uptime").read_text().split()[0])
        except (OSError, IndexError, ValueError) as error:
            raise NotToBeFound(f"expected the machine's uptime: {error}") from error
        age_s = up_s - identity.started_ticks / self._ticks
        if age_s < -CLOCK_SLACK_S:
            # A container's own uptime, while starts count from the machine's.
            raise NotToBeFound(f"expected an uptime of the machine, was {up_s:.0f} s")
        return age_s

    def _old_holder(self, older_than_s: float) -> ProcessIdentity | None:
        pid = self._holder()
        if pid is None:
            return None
        identity = self._identity(pid)
        return identity if self._age_s(identity) >= older_than_s else None

    def _holder(self) -> int | None:
        """Return the pid that holds the lock, as the kernel's table of locks has it."""
        if not self._lock_path.exists():
            return None
        try:
            lock = self._lock_path.stat()
            lines = (self._proc / "locks").read_text().splitlines()
        except OSError as error:
            raise NotToBeFound(f"expected the table of locks: {error}") from error
        # On most disks the kernel's device is the file's. Open files are not shown of a process in
        # another user namespace, as systemd's PrivateUsers= gives every unit.
        device = f"{os.major(lock.st_dev):02x}:{os.minor(lock.st_dev):02x}"
        unseen: NotToBeFound | None = None
        for line in lines:
            found = _FLOCK.search(line)
            if not found or int(found["inode"]) != lock.st_ino:
                continue
            pid = int(found["pid"])
            try:
                if found["device"] == device or self._has_open(pid, lock):
                    return pid
            except NotToBeFound as error:
                # It may be another disk's file of this inode; the holder may be in a later line.
                unseen = error
        if unseen is not None:
            raise unseen
        return None

    def _has_open(self, pid: int, lock: os.stat_result) -> bool:
        """Return whether a process has the lock's file open: an inode alone may be another disk's.

        Raises NotToBeFound when the kernel does not let us look.
        """
        try:
            for entry in (self._proc / str(pid) / "fd").iterdir():
                with contextlib.suppress(FileNotFoundError):
                    if os.path.samestat(entry.stat(), lock):
                        return True
        except OSError as error:
            raise NotToBeFound(f"expected the open files of process {pid}: {error}") from error
        return False
