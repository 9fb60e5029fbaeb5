import sys
from pathlib import Path

import pytest

from polybot.adapters.process_memory import ProcessMemory


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="this system has no /proc")
def test_memory_is_told_in_bytes() -> None:
    before = ProcessMemory().rss_bytes()
    told_kib = next(
        int(line.split()[1])
        for line in Path("/proc/self/status").read_text().splitlines()
        if line.startswith("VmRSS:")
    )
    # The kernel counts the two files' pages in batches per thread, so they differ a little.
    assert before == pytest.approx(told_kib * 1024, rel=0.1)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux counts pages in /proc")
def test_memory_grows_with_what_is_kept() -> None:
    before = ProcessMemory().rss_bytes()
    kept = bytearray(b"x") * (64 << 20)
    assert ProcessMemory().rss_bytes() - before > 48 << 20
    assert len(kept) == 64 << 20
