import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from polybot.adapters.fence_files import FenceFile, FenceWatch
from polybot.domain.fence import STALE_NS, FenceRecord
from polybot.errors import DiskFull, StorageError
from tests.fakes import FakeClock

RAISED = FenceRecord(epoch=3, is_cleared=False, raised_ns=5, reason="silent")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def kept(tmp_path: Path) -> FenceFile:
    fence = FenceFile(tmp_path)
    fence.write(FenceRecord(epoch=2))
    return fence


def test_a_fence_is_kept_whole_for_this_user_alone(tmp_path: Path) -> None:
    fence = FenceFile(tmp_path)
    assert fence.read() is None

    fence.write(RAISED)

    assert FenceFile(tmp_path).read() == RAISED
    for path in (fence.path, fence.epoch_path):
        assert path.stat().st_mode & 0o777 == 0o600
    assert int.from_bytes(fence.epoch_path.read_bytes(), "little") == 3


def test_a_fence_is_raised_on_a_full_disk_and_again(tmp_path: Path) -> None:
    mounting = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(tmp_path)]
    if os.geteuid() != 0 or subprocess.run(mounting, check=False).returncode != 0:
        pytest.skip("only root may mount a tiny disk")
    try:
        fence = FenceFile(tmp_path)
        fence.write(FenceRecord(epoch=2))
        with (tmp_path / "filler").open("wb", buffering=0) as file, suppress(OSError):
            while file.write(bytes(512)):
                pass
        for epoch in (3, 4, 5):
            fence.write(FenceRecord(epoch=epoch, is_cleared=False, reason="silent"))
            assert FenceFile(tmp_path).read() == FenceRecord(
                epoch=epoch, is_cleared=False, reason="silent"
            )
            assert int.from_bytes(fence.epoch_path.read_bytes(), "little") == epoch
    finally:
        subprocess.run(["umount", "--lazy", str(tmp_path)], check=True)


def test_without_room_and_without_a_spare_a_fence_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fence = FenceFile(tmp_path)
    fence.write(FenceRecord(epoch=2))
    fence.spare_path.unlink()

    def full(*_: object, **__: object) -> None:
        raise DiskFull("no space")

    monkeypatch.setattr("polybot.adapters.fence_files.replace_text", full)
    with pytest.raises(DiskFull):
        fence.write(RAISED)
    assert fence.read() == FenceRecord(epoch=2)


def test_a_damaged_fence_is_said_not_guessed(kept: FenceFile, clock: FakeClock) -> None:
    kept.path.write_text('{"epoch": ')

    with pytest.raises(StorageError, match=r"fence\.json"):
        kept.read()
    with pytest.raises(StorageError, match=r"fence\.json"):
        FenceWatch(kept.path.parent, clock)


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    fence = FenceFile(tmp_path / "file")

    with pytest.raises(StorageError, match="writable"):
        fence.write(RAISED)
    with pytest.raises(StorageError, match="writable"):
        fence.show(3)


def test_an_order_may_leave_while_the_epoch_stands(kept: FenceFile, clock: FakeClock) -> None:
    watch = FenceWatch(kept.path.parent, clock)

    assert watch.epoch == 2
    assert not watch.is_raised()
    assert watch.refusal(clock.monotonic_ns()) == ""


def test_nothing_leaves_behind_a_raised_fence_for_ever(kept: FenceFile, clock: FakeClock) -> None:
    watch = FenceWatch(kept.path.parent, clock)

    kept.write(RAISED)

    assert "epoch 3, this session began under 2" in watch.refusal(clock.monotonic_ns())
    assert watch.is_raised()
    kept.write(FenceRecord(epoch=2))
    assert watch.refusal(clock.monotonic_ns())
    assert FenceWatch(kept.path.parent, clock).refusal(clock.monotonic_ns()) == ""


def test_another_process_sees_it_through_its_own_mapping(kept: FenceFile) -> None:
    program = (
        "import sys; from pathlib import Path; from polybot.adapters.clock import SystemClock\n"
        "from polybot.adapters.fence_files import FenceWatch\n"
        "watch, clock = FenceWatch(Path(sys.argv[1]), SystemClock()), SystemClock()\n"
        "for _ in sys.stdin: print(bool(watch.refusal(clock.monotonic_ns())), flush=True)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(kept.path.parent)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        told = []
        for raises in (False, True):
            if raises:
                kept.write(RAISED)
            process.stdin.write("look\n")
            process.stdin.flush()
            told.append(process.stdout.readline().strip())
        process.stdin.close()
    assert told == ["False", "True"]


@pytest.mark.parametrize(("waited_ns", "leaves"), [(STALE_NS, True), (STALE_NS + 1, False)])
def test_an_order_that_waited_more_than_two_seconds_does_not_leave(
    kept: FenceFile, clock: FakeClock, waited_ns: int, leaves: bool
) -> None:
    watch = FenceWatch(kept.path.parent, clock)

    refusal = watch.refusal(clock.monotonic_ns() - waited_ns)

    assert (refusal == "") is leaves
    assert not watch.is_raised()


def test_a_trader_that_starts_before_any_watchdog_sees_the_first_fence(
    tmp_path: Path, clock: FakeClock
) -> None:
    watch = FenceWatch(tmp_path, clock)
    assert watch.epoch == 0
    assert watch.refusal(clock.monotonic_ns()) == ""
    assert watch.is_cleared()

    fence = FenceFile(tmp_path)
    fence.write(FenceRecord(epoch=0))
    assert watch.refusal(clock.monotonic_ns()) == ""
    fence.write(FenceRecord(epoch=1))

    assert "epoch 1" in watch.refusal(clock.monotonic_ns())


def test_clearing_a_fence_raises_nothing(tmp_path: Path, clock: FakeClock) -> None:
    fence = FenceFile(tmp_path)
    fence.write(RAISED)
    watch = FenceWatch(tmp_path, clock)
    assert not watch.is_cleared()

    fence.write(FenceRecord(epoch=3, is_cleared=True))

    assert watch.is_cleared()
    assert not watch.is_raised()


def test_a_watchdog_killed_before_it_showed_the_epoch_raises_nothing_twice(
    kept: FenceFile, clock: FakeClock
) -> None:
    shown = kept.epoch_path.read_bytes()
    kept.write(RAISED)
    kept.epoch_path.write_bytes(shown)
    watch = FenceWatch(kept.path.parent, clock)
    assert watch.epoch == 3

    kept.show(3)

    assert watch.refusal(clock.monotonic_ns()) == ""
    assert not watch.is_raised()


def test_a_file_in_the_place_of_the_mapped_one_is_noticed(
    kept: FenceFile, clock: FakeClock
) -> None:
    watch = FenceWatch(kept.path.parent, clock)
    kept.epoch_path.unlink()
    assert not watch.is_raised()

    kept.write(RAISED)

    assert watch.is_raised()


def test_a_fence_that_becomes_unreadable_counts_as_raised(
    kept: FenceFile, clock: FakeClock
) -> None:
    watch = FenceWatch(kept.path.parent, clock)
    kept.path.write_text("{")
    kept.show(3)

    assert "cannot be read" in watch.refusal(clock.monotonic_ns())
    assert not watch.is_cleared()
