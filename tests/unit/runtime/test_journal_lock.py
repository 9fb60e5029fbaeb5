"""One process at a time, and the one that holds the lock is named."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from polybot.errors import StorageError
from polybot.runtime.journal_lock import take_lock

HOLDER = """
import sys
from pathlib import Path
from polybot.runtime.journal_lock import take_lock
take_lock(Path(sys.argv[1]))
sys.stdout.write("taken\\n")
sys.stdout.flush()
sys.stdin.read()
"""


def test_the_process_that_holds_the_lock_is_named_and_its_end_frees_it(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"taken\n"
        with pytest.raises(StorageError, match=rf"locked by .*pid {holder.pid}; stop that"):
            take_lock(tmp_path)
        holder.kill()
    os.close(take_lock(tmp_path))


def test_a_directory_where_no_lock_can_be_made_says_so(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=str(tmp_path / "nowhere")):
        take_lock(tmp_path / "nowhere")
