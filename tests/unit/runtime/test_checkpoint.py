import json
import os
import resource
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from polybot.errors import CheckpointError, StorageError
from polybot.runtime.checkpoint import Checkpoint, CheckpointStore, read_checkpoint
from tests.fakes import FakeClock

STATE = b'{"positions":{"Up":25000000}}'


def store_in(directory: Path, **options: int) -> CheckpointStore:
    return CheckpointStore(directory, clock=FakeClock(now_ns=1_700), **options)


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def damage(path: Path, offset: int = -10) -> None:
    data = bytearray(path.read_bytes())
    data[offset] ^= 0x01
    path.write_bytes(data)


def test_a_checkpoint_comes_back_as_it_was_saved(tmp_path: Path) -> None:
    store_in(tmp_path).save(12, STATE, 1)
    store = store_in(tmp_path)
    assert store.load_newest(1) == Checkpoint(seq=12, state=STATE, schema=1, saved_ns=1_700)
    assert store.skipped == []


def test_a_file_is_json_a_person_can_read(tmp_path: Path) -> None:
    path = store_in(tmp_path).save(12, STATE, 1)
    assert path.name == "checkpoint-0000000000000012.json"
    content = json.loads(path.read_text())
    assert set(content) == {"schema", "seq", "checksum", "saved_ns", "state"}
    assert content["state"] == json.loads(STATE)


def test_without_any_checkpoint_there_is_none(tmp_path: Path) -> None:
    store = store_in(tmp_path / "absent")
    assert store.load_newest(1) is None
    assert store.skipped == []
    assert store.oldest_kept_seq() is None
    assert store.newest_named_seq() == 0


def test_the_newest_three_are_kept(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    for seq in (5, 50, 500, 5000):
        store.save(seq, STATE, 1)
    assert len(names(tmp_path)) == 3
    assert store.oldest_kept_seq() == 50
    assert store.newest_named_seq() == 5000
    assert store.saved_seq == 5000


def test_saving_the_same_seq_again_replaces_it(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    store.save(5, STATE, 1)
    store.save(5, b'{"later":true}', 1)
    loaded = store.load_newest(1)
    assert loaded is not None
    assert loaded.state == b'{"later":true}'
    assert len(names(tmp_path)) == 1


@pytest.mark.parametrize("length", [0, 1, 40, 100, 180])
def test_a_save_that_was_interrupted_while_writing_leaves_the_one_before(
    tmp_path: Path, length: int
) -> None:
    whole = store_in(tmp_path).save(5, STATE, 1).read_bytes()
    unfinished = tmp_path / "checkpoint-0000000000000006.json.tmp"
    unfinished.write_bytes(whole[:length])
    store = store_in(tmp_path)
    loaded = store.load_newest(1)
    assert loaded is not None
    assert loaded.seq == 5
    assert store.skipped == []
    store.save(7, STATE, 1)
    assert not unfinished.exists()


def test_a_save_that_was_interrupted_before_the_rename_leaves_the_one_before(
    tmp_path: Path,
) -> None:
    store_in(tmp_path).save(5, STATE, 1)
    path = store_in(tmp_path).save(6, STATE, 1)
    path.rename(path.with_name(path.name + ".tmp"))
    loaded = store_in(tmp_path).load_newest(1)
    assert loaded is not None
    assert loaded.seq == 5


def test_a_save_that_was_interrupted_before_old_ones_were_deleted_counts(tmp_path: Path) -> None:
    many = store_in(tmp_path, keep=10)
    for seq in range(1, 6):
        many.save(seq, STATE, 1)
    store = store_in(tmp_path)
    loaded = store.load_newest(1)
    assert loaded is not None
    assert loaded.seq == 5
    store.save(6, STATE, 1)
    assert store.oldest_kept_seq() == 4


@pytest.mark.parametrize("offset", range(0, 150, 3))
def test_a_flipped_byte_anywhere_is_found_and_the_one_before_is_used(
    tmp_path: Path, offset: int, caplog: pytest.LogCaptureFixture
) -> None:
    store = store_in(tmp_path)
    store.save(5, STATE, 1)
    path = store.save(6, STATE, 1)
    damage(path, offset)
    loaded = store.load_newest(1)
    assert loaded is not None
    assert loaded.seq == 5
    assert len(store.skipped) == 1
    for part in (path.name, "damaged", "checkpoint 5 is used instead"):
        assert part in store.skipped[0]
    assert store.skipped[0] in caplog.text


def test_all_damaged_means_the_journal_from_its_first_record(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    for seq in (5, 6):
        damage(store.save(seq, STATE, 1))
    assert store.load_newest(1) is None
    assert len(store.skipped) == 2
    assert "the journal from its first record is used instead" in store.skipped[0]


def test_a_damaged_checkpoint_is_set_aside_by_the_next_save_not_deleted(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    store.save(5, STATE, 1)
    damage(store.save(60, STATE, 1))
    store.load_newest(1)
    store.save(7, STATE, 1)
    assert names(tmp_path) == [
        "checkpoint-0000000000000005.json",
        "checkpoint-0000000000000007.json",
        "checkpoint-0000000000000060.json.damaged",
    ]


def test_looking_alone_changes_nothing(tmp_path: Path) -> None:
    damage(store_in(tmp_path).save(5, STATE, 1))
    before = names(tmp_path)
    store_in(tmp_path).load_newest(1)
    assert names(tmp_path) == before


def test_a_newer_schema_is_refused_with_both_numbers(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    store.save(5, STATE, 1)
    store.save(6, STATE, 2)
    with pytest.raises(CheckpointError, match=r"schema 1 at most .*, was 2 .*newer polybot"):
        store.load_newest(1)


def test_an_older_schema_is_returned_for_the_service_to_convert(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    store.save(5, STATE, 1)
    loaded = store.load_newest(3)
    assert loaded is not None
    assert loaded.schema == 1


def test_a_state_that_is_not_json_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="state in JSON"):
        store_in(tmp_path).save(5, b"{not json", 1)
    assert names(tmp_path) == []


def test_a_directory_that_cannot_be_written_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="checkpoint-"):
        store_in(tmp_path / "file").save(5, STATE, 1)


def test_a_file_that_cannot_be_read_is_said_plainly(tmp_path: Path) -> None:
    (tmp_path / "checkpoint-5.json").mkdir()
    assert "cannot be read" in str(read_checkpoint(tmp_path / "checkpoint-5.json"))


def test_saving_in_the_background_ends_up_on_disk(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    store.save_in_background(5, STATE, 1)
    store.flush()
    assert store.saved_seq == 5
    store.save_in_background(6, STATE, 1)
    store.close()
    loaded = store_in(tmp_path).load_newest(1)
    assert loaded is not None
    assert loaded.seq == 6


class SlowClock(FakeClock):
    """Hold the saving thread up until the test lets it go."""

    def __init__(self) -> None:
        super().__init__()
        self.go = threading.Event()

    def now_ns(self) -> int:
        assert self.go.wait(10)
        return super().now_ns()


def test_a_slow_disk_never_holds_the_caller_up_and_the_newest_state_wins(tmp_path: Path) -> None:
    clock = SlowClock()
    store = CheckpointStore(tmp_path, clock=clock, keep=100)
    for seq in range(1, 51):
        store.save_in_background(seq, STATE, 1)
    clock.go.set()
    store.close()
    assert store.saved_seq == 50
    assert len(names(tmp_path)) <= 2


def test_a_background_failure_is_kept_until_a_save_succeeds(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    blocked = tmp_path / "trader"
    blocked.touch()
    store = store_in(blocked)
    store.save_in_background(5, STATE, 1)
    store.flush()
    assert isinstance(store.last_error, StorageError)
    assert "checkpoint 5 was not written" in caplog.text
    store.save_in_background(6, STATE, 1)
    store.flush()
    assert len(caplog.records) == 1
    blocked.unlink()
    with caplog.at_level("INFO"):
        store.save_in_background(7, STATE, 1)
        store.close()
    assert store.last_error is None
    assert store.saved_seq == 7
    assert "written again, the newest is 7" in caplog.text


KILLED_WHILE_SAVING = """
import sys
from pathlib import Path
from polybot.runtime.checkpoint import CheckpointStore
from tests.fakes import FakeClock

store = CheckpointStore(Path(sys.argv[1]), clock=FakeClock())
seq = store.newest_named_seq()
while True:
    seq += 1
    store.save(seq, b'{"seq":%d,"pad":"%s"}' % (seq, b"x" * 20_000), 1)
    sys.stdout.write(f"{seq}\\n")
    sys.stdout.flush()
"""


def test_a_kill_at_any_moment_leaves_a_checkpoint_at_least_as_new_as_the_last_saved(
    tmp_path: Path,
) -> None:
    for round_number in range(5):
        process = subprocess.Popen(
            [sys.executable, "-c", KILLED_WHILE_SAVING, str(tmp_path)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        for _ in range(10 * round_number + 2):
            saved = int(process.stdout.readline())
        process.kill()
        process.stdout.close()
        process.wait()
        store = store_in(tmp_path)
        loaded = store.load_newest(1)
        assert loaded is not None
        assert loaded.seq >= saved
        assert json.loads(loaded.state)["seq"] == loaded.seq
        assert store.skipped == []


def test_a_save_that_finds_no_space_leaves_none_of_its_own_behind(tmp_path: Path) -> None:
    code = """
import sys
from pathlib import Path
from polybot.adapters.clock import SystemClock
from polybot.errors import DiskFull
from polybot.runtime.checkpoint import CheckpointStore
store = CheckpointStore(Path(sys.argv[1]), clock=SystemClock())
store.save(1, b"{}", 1)
try:
    store.save(2, b'"' + b"x" * 300_000 + b'"', 1)
except DiskFull as error:
    sys.exit(str(error))
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert "free space on this disk" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint-0000000000000001.json"]


def test_a_checkpoint_of_another_user_is_an_error_and_not_damage(tmp_path: Path) -> None:
    code = """
import os, sys
from pathlib import Path
from polybot.errors import StorageError
from polybot.runtime.checkpoint import read_checkpoint
os.setuid(12345)
try:
    sys.exit(f"read: {read_checkpoint(Path(sys.argv[1]))}")
except StorageError as error:
    sys.exit(f"refused: {error}")
"""
    if os.geteuid() != 0:
        pytest.skip("only root may become another user")
    path = tmp_path / "checkpoint-0000000000000001.json"
    path.write_text("{}")
    path.chmod(0o600)
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False
    )
    assert done.stderr.startswith(f"refused: cannot read {path}: Permission denied"), done.stderr
