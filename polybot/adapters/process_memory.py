"""How much memory this process uses, from /proc."""

import os
from pathlib import Path

PAGE = os.sysconf("SC_PAGE_SIZE")


class ProcessMemory:
    """Reads /proc/self/statm; 0 where there is none."""

    def rss_bytes(self) -> int:
        """Return this process's resident memory in bytes."""
        try:
            return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE
        except (OSError, IndexError, ValueError):
            return 0
