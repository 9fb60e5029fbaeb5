"""The journal on a disk that loses what it was given: a real file system on an image with holes."""

import contextlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from polybot.runtime.journal import Journal, JournalSettings
from polybot.runtime.journal_format import HEADER_BYTES
from polybot.runtime.journal_segment import list_segments
from polybot.runtime.journal_verify import verify

SMALL = JournalSettings(segment_bytes=64 << 10, reserve_bytes=16 << 10)
PAGE = 4096
NEEDED = ("mount", "umount", "mkfs.ext4", "filefrag", "fallocate")

WRITER = f"""
import sys
from pathlib import Path
from polybot.errors import FatalError
from polybot.runtime.journal import Journal, JournalSettings
journal = Journal.open(Path(sys.argv[1]), settings={SMALL!r})
for size in map(int, sys.stdin):
    try:
        seq = journal.append(b"x" * size)
        journal.sync()
        print("synced", seq, flush=True)
    except FatalError as error:
        print("fatal", error, flush=True)
journal.close()
"""


class Disk:
    """A file system in an image; the image lies on a disk that can be made full."""

    def __init__(self, directory: Path) -> None:
        self.back, self.top = directory / "back", directory / "top"
        self.image = self.back / "image"
        self._mounted: list[Path] = []
        for path in (self.back, self.top):
            path.mkdir()

    def make(self) -> None:
        self._mount("-t", "tmpfs", "-o", "size=8m", "tmpfs", self.back)
        self.image.touch()
        os.truncate(self.image, 32 << 20)
        without_own_journal = ("-q", "-b", str(PAGE), "-O", "^has_journal", "-E", "nodiscard")
        subprocess.run(["mkfs.ext4", *without_own_journal, self.image], check=True)
        self._mount("-o", "loop", self.image, self.top)

    def read_anew(self) -> None:
        """Forget what the kernel remembers: what is there now is what the disk kept."""
        self._unmount(self.top)
        self._mount("-o", "loop", self.image, self.top)

    def lose(self, path: Path, start: int) -> None:
        """Take the space under a file from an offset on, so that the disk cannot keep it."""
        for first, last, block in self._extents(path):
            lost = max(first, start // PAGE)
            if lost <= last:
                at, size = (block + lost - first) * PAGE, (last - lost + 1) * PAGE
                place = ("-o", str(at), "-l", str(size))
                subprocess.run(["fallocate", "--punch-hole", *place, self.image], check=True)
        with contextlib.suppress(OSError), (self.back / "fill").open("wb", buffering=0) as file:
            while True:
                file.write(bytes(PAGE))

    def _extents(self, path: Path) -> list[tuple[int, int, int]]:
        """Return first and last block of each piece of a file, and where it lies in the image."""
        told = subprocess.run(
            ["filefrag", "-v", path], check=True, capture_output=True, text=True
        ).stdout
        pieces = [re.findall(r"\d+", line) for line in told.splitlines()[3:] if ".." in line]
        return [(int(piece[1]), int(piece[2]), int(piece[3])) for piece in pieces]

    def heal(self) -> None:
        """Let the disk work again."""
        (self.back / "fill").unlink()

    def close(self) -> None:
        for path in reversed(list(self._mounted)):
            self._unmount(path)

    def _mount(self, *arguments: str | Path) -> None:
        done = subprocess.run(["mount", *arguments], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            pytest.skip(f"cannot mount here: {done.stderr.strip()}")
        self._mounted.append(Path(arguments[-1]))

    def _unmount(self, path: Path) -> None:
        subprocess.run(["umount", path], check=True)
        self._mounted.remove(path)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    missing = [name for name in NEEDED if shutil.which(name) is None]
    if os.geteuid() != 0 or missing:
        pytest.skip(f"only root may mount an image, with {', '.join(NEEDED)}")
    made = Disk(tmp_path)
    try:
        made.make()
        yield made
    finally:
        made.close()


def test_a_disk_that_loses_writes_ends_the_process_and_a_start_makes_durable_what_it_stands_on(
    disk: Disk,
) -> None:
    directory = disk.top / "trader"
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(directory)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as writer:
        assert writer.stdin is not None
        assert writer.stdout is not None

        def write(size: int) -> str:
            assert writer.stdin is not None
            assert writer.stdout is not None
            writer.stdin.write(f"{size}\n")
            writer.stdin.flush()
            return writer.stdout.readline()

        for seq in range(1, 21):
            assert write(900) == f"synced {seq}\n"
        # The next record begins with a page: of a write that is cut in its middle, the loop device
        # of Linux tells nobody.
        (segment,) = list_segments(directory)
        to_page = -verify(directory).end_offset % PAGE
        assert write(to_page - HEADER_BYTES) == "synced 21\n"
        disk.lose(segment.path, verify(directory).end_offset)
        assert write(9_000).startswith(f"fatal cannot sync {segment.path}: ")
        disk.heal()
        # The disk works again, and the kernel would call everything synced.
        assert write(10).startswith("fatal cannot sync")
        writer.stdin.close()
        assert writer.wait() == 0

    journal = Journal.open(directory, settings=SMALL)
    stood_on = journal.head()
    assert stood_on.seq == journal.synced_seq == 22
    # Killed at once: nothing is written or synced any more that was not by then.
    journal.close()
    disk.read_anew()
    report = verify(directory)
    assert report.ok
    assert (report.last_seq, report.last_hash) == (stood_on.seq, stood_on.hash)
