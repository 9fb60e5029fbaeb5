import os
from pathlib import Path

import pytest

from polybot.errors import CheckpointError, JournalError, StorageError
from polybot.runtime.journal import Journal, JournalSettings
from polybot.runtime.journal_segment import list_segments
from polybot.runtime.restore import DurableState, open_durable_state
from tests.fakes import FakeClock

SMALL = JournalSettings(segment_bytes=4 << 10, reserve_bytes=1 << 10)


def restore(directory: Path, schema: int = 1, settings: JournalSettings = SMALL) -> DurableState:
    return open_durable_state(directory, clock=FakeClock(), schema=schema, settings=settings)


def lived(
    directory: Path,
    *,
    records: int,
    checkpoints: tuple[int, ...],
    settings: JournalSettings = SMALL,
) -> None:
    """Leave what a process leaves that journaled `records` events and saved at some of them."""
    state = restore(directory, settings=settings)
    for seq in range(state.journal.last_seq + 1, records + 1):
        state.journal.append(b'{"number":%06d}' % seq)
        state.journal.sync()
        if seq in checkpoints:
            state.checkpoints.save(seq, b'{"seen":%d}' % seq, 1)
    state.journal.close()


def tail(state: DurableState) -> list[int]:
    return [record.seq for record in state.journal.read_from(state.replay_from_seq, 1000)]


def test_a_first_start_has_nothing_to_restore(tmp_path: Path) -> None:
    state = restore(tmp_path / "trader")
    assert state.checkpoint is None
    assert (state.replay_from_seq, state.journal.last_seq) == (1, 0)
    assert "a first start" in state.describe()
    state.journal.close()


def test_the_newest_checkpoint_and_the_journal_after_it_are_found(tmp_path: Path) -> None:
    lived(tmp_path, records=200, checkpoints=(50, 120))
    state = restore(tmp_path)
    assert state.checkpoint is not None
    assert state.checkpoint.state == b'{"seen":120}'
    assert tail(state) == list(range(121, 201))
    assert state.describe() == "continues after event 200, restored from checkpoint 120"
    state.journal.close()


def test_behind_a_damaged_checkpoint_the_one_before_and_a_longer_tail_give_the_same(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lived(tmp_path, records=200, checkpoints=(50, 120))
    newest = tmp_path / "checkpoint-0000000000000120.json"
    newest.write_bytes(newest.read_bytes()[:-20])
    state = restore(tmp_path)
    assert tail(state) == list(range(51, 201))
    assert "checkpoint 50 is used instead" in caplog.text
    state.journal.close()


def test_when_the_rest_of_the_journal_does_not_reach_back_the_start_is_refused(
    tmp_path: Path,
) -> None:
    lived(tmp_path, records=200, checkpoints=(120,))
    list_segments(tmp_path)[0].path.unlink()
    (tmp_path / "checkpoint-0000000000000120.json").write_bytes(b"")
    with pytest.raises(CheckpointError, match="was 0; restore a checkpoint or the older segments"):
        restore(tmp_path)
    # The refusal lets go of the journal, so that a repaired directory opens at once.
    Journal.open(tmp_path, settings=SMALL, scan_from_seq=200).close()


def test_damage_the_checkpoint_covers_does_not_keep_a_process_down(tmp_path: Path) -> None:
    lived(tmp_path, records=200, checkpoints=(120,))
    first = list_segments(tmp_path)[0].path
    first.write_bytes(b"\xff" + first.read_bytes()[1:])
    state = restore(tmp_path)
    assert tail(state) == list(range(121, 201))
    state.journal.close()


@pytest.mark.parametrize("changed", [1, 30, 65])
@pytest.mark.parametrize("byte", [6, 20, 70])
def test_a_changed_record_the_checkpoint_covers_is_said_and_the_start_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, changed: int, byte: int
) -> None:
    # All in one segment: behind the damage the records go on in the same file.
    settings = JournalSettings(segment_bytes=64 << 10, reserve_bytes=1 << 10)
    lived(tmp_path, records=200, checkpoints=(65,), settings=settings)
    flip(tmp_path, seq=changed, byte=byte)
    state = restore(tmp_path, settings=settings)
    assert tail(state) == list(range(66, 201))
    assert state.journal.append(b'"next"') == 201
    assert f"seq {changed}" in caplog.text
    assert "the checkpoint at 65 holds what it said" in caplog.text
    state.journal.close()
    # And once more: the damage is still there, and still covered.
    state = restore(tmp_path, settings=settings)
    assert tail(state) == list(range(66, 202))
    state.journal.close()


def test_a_changed_record_behind_the_checkpoint_is_refused_and_what_to_do_is_said(
    tmp_path: Path,
) -> None:
    lived(tmp_path, records=20, checkpoints=(10,))
    flip(tmp_path, seq=11, byte=70)
    with pytest.raises(JournalError, match="Restore this file from a backup, or begin anew"):
        restore(tmp_path)


def flip(directory: Path, *, seq: int, byte: int) -> None:
    """Change one bit of a record in the first segment."""
    path = list_segments(directory)[0].path
    data = bytearray(path.read_bytes())
    data[(seq - 1) * (64 + len(b'{"number":000000}')) + byte] ^= 1
    path.write_bytes(data)


def test_a_journal_that_lost_what_the_checkpoint_holds_is_refused(tmp_path: Path) -> None:
    lived(tmp_path, records=100, checkpoints=(100,))
    newest = list_segments(tmp_path)[-1]
    newest.path.write_bytes(bytes(4096))
    with pytest.raises(JournalError, match="expected records up to seq 100"):
        restore(tmp_path)


def test_a_removed_journal_goes_on_after_the_checkpoint(tmp_path: Path) -> None:
    lived(tmp_path, records=100, checkpoints=(100,))
    for segment in list_segments(tmp_path):
        segment.path.unlink()
    state = restore(tmp_path)
    assert state.journal.append(b'"next"') == 101
    state.journal.close()


def test_a_torn_tail_is_cut_and_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    lived(tmp_path, records=3, checkpoints=())
    path = list_segments(tmp_path)[0].path
    size = 64 + len(b'{"number":000001}')
    data = path.read_bytes()
    path.write_bytes(data[: 3 * size - 4] + bytes(len(data) - 3 * size + 4))
    state = restore(tmp_path)
    assert state.journal.last_seq == 2
    assert "torn tail" in caplog.text
    assert "nothing durable" in caplog.text
    assert state.describe() == "continues after event 2, restored from the first event"
    state.journal.close()


def tree(directory: Path) -> dict[str, tuple[int, int, bytes]]:
    """Return what is on disk: names, modes, times of change and contents."""
    return {
        str(path.relative_to(directory)): (
            path.stat().st_mode,
            path.stat().st_mtime_ns,
            path.read_bytes() if path.is_file() else b"",
        )
        for path in [directory, *directory.rglob("*")]
    }


def test_a_refused_start_changes_nothing_on_disk(tmp_path: Path) -> None:
    lived(tmp_path, records=200, checkpoints=(50, 120))
    # A torn tail and a missing spare, which a start that goes on would mend.
    newest = list_segments(tmp_path)[-1].path
    data = bytearray(newest.read_bytes())
    end = data.rindex(b"}") + 1
    data[end : end + 40] = data[:40]
    newest.write_bytes(data)
    (tmp_path / "journal.spare").unlink()
    lost = list_segments(tmp_path)[2]
    kept = lost.path.read_bytes()
    for path in tmp_path.glob("checkpoint-*"):
        path.rename(path.with_suffix(".moved"))

    lost.path.unlink()
    before = tree(tmp_path)
    with pytest.raises(JournalError, match=f"missing segment in {lost.path}"):
        restore(tmp_path)
    assert tree(tmp_path) == before

    lost.path.write_bytes(kept)
    list_segments(tmp_path)[0].path.unlink()
    before = tree(tmp_path)
    with pytest.raises(CheckpointError, match="expected a checkpoint"):
        restore(tmp_path)
    assert tree(tmp_path) == before

    for path in tmp_path.glob("checkpoint-*.moved"):
        path.rename(path.with_suffix(".json"))
    before = tree(tmp_path)
    with pytest.raises(CheckpointError, match="a newer polybot wrote it"):
        restore(tmp_path, schema=0)
    assert tree(tmp_path) == before
    restore(tmp_path).journal.close()
    assert tree(tmp_path) != before


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a directory away")
def test_another_users_directory_is_refused_also_to_root(tmp_path: Path) -> None:
    lived(tmp_path, records=3, checkpoints=())
    os.chown(tmp_path, 12345, -1)
    before = tree(tmp_path)
    with pytest.raises(StorageError, match=r"this user \(root\), was user 12345's; run polybot as"):
        restore(tmp_path)
    assert tree(tmp_path) == before


def test_a_file_in_the_way_of_the_directory_is_said(tmp_path: Path) -> None:
    (tmp_path / "state").touch()
    with pytest.raises(StorageError, match="a file is where a directory should be"):
        restore(tmp_path / "state" / "trader")
