"""This machine as the watchdog measures it: state disk, processes' memory, database file."""

import os
from pathlib import Path

MEBIBYTE = 1 << 20


class LocalHost:
    """Asks the kernel; None where it does not answer."""

    def __init__(self, state_dir: Path, database: Path) -> None:
        self._state_dir = state_dir
        self._database = database
        self._page = os.sysconf("SC_PAGE_SIZE")

    def disk_free_mb(self) -> int | None:
        """Return MiB of the state disk that this user may still write."""
        try:
            disk = os.statvfs(self._state_dir)
        except OSError:
            return None
        return disk.f_bavail * disk.f_frsize // MEBIBYTE

    def rss_mb(self, pid: int) -> int | None:
        """Return resident MiB of a process, None when it is gone."""
        try:
            resident = Path(f"/proc/{pid}/statm").read_text().split()[1]
            return int(resident) * self._page // MEBIBYTE
        except (OSError, IndexError, ValueError):
            return None

    def database_writable(self) -> bool | None:
        """Return whether file and directory may be written, None while there is no database.

        A file system that turned read-only shows here too.
        """
        if not self._database.exists():
            return None
        return os.access(self._database, os.W_OK) and os.access(self._database.parent, os.W_OK)
