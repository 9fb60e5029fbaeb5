"""One process of a floor under proof: `python -m tests.prove.child trader`, as shipped but for two.

Its journal's segments are small and trimmed often, so that a full segment and a trimmed journal
are met within seconds; and a file tells how far the journal is synced, which is what a power cut
would leave of it. Everything else is `polybot.cli.run`.
"""

import mmap
import os
import sys
from functools import partial
from pathlib import Path
from typing import Any, Final

from polybot.bootstrap import foundation
from polybot.cli.run import main as run_main
from polybot.runtime import journal, participant

SEGMENT_BYTES: Final = 96 << 10
# A configured MiB of retention is this much here.
RETENTION_UNIT: Final = 24 << 10
TRIM_NS: Final = 300_000_000
SYNCED_NAME: Final = "synced"
NUMBER_BYTES: Final = 8


def use_small_journals() -> None:
    """Let every journal of this process begin a new segment, and trim, within seconds."""
    small = partial(
        journal.JournalSettings, segment_bytes=SEGMENT_BYTES, reserve_bytes=SEGMENT_BYTES
    )
    vars(journal)["JournalSettings"] = small
    vars(foundation)["MEBIBYTE"] = RETENTION_UNIT
    vars(participant)["TRIM_NS"] = TRIM_NS


def tell_how_far_it_is_synced() -> None:
    """Keep the newest synced seq of every journal in a file beside it, through a mapped page."""
    pages: dict[Path, mmap.mmap] = {}
    sync = journal.Journal.sync
    recover = journal.Journal._recover  # noqa: SLF001 - the one place where a journal is taken over

    def tell(told: Any) -> None:
        directory = told._directory  # noqa: SLF001
        if directory not in pages:
            pages[directory] = _page(directory / SYNCED_NAME)
        pages[directory][:] = int(told.synced_seq).to_bytes(NUMBER_BYTES, "little")

    def synced(told: Any) -> None:
        sync(told)
        tell(told)

    def recovered(told: Any, *arguments: Any) -> None:
        recover(told, *arguments)
        tell(told)

    type.__setattr__(journal.Journal, "sync", synced)
    type.__setattr__(journal.Journal, "_recover", recovered)


def synced_seq(directory: Path) -> int:
    """Return how far a journal is synced, as its process told; 0 before it did."""
    try:
        return int.from_bytes((directory / SYNCED_NAME).read_bytes(), "little")
    except FileNotFoundError:
        return 0


def _page(path: Path) -> mmap.mmap:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    os.ftruncate(descriptor, NUMBER_BYTES)
    page = mmap.mmap(descriptor, NUMBER_BYTES)
    os.close(descriptor)
    return page


def main(arguments: list[str]) -> int:
    """Run the process named by the command line."""
    use_small_journals()
    tell_how_far_it_is_synced()
    return run_main(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
