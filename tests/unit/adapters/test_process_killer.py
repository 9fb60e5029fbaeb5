import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from polybot.adapters.process_killer import LinuxProcessKiller
from polybot.ports.fence import ProcessIdentity

LOCK = (
    "import fcntl, sys, time; lock = open(sys.argv[1], 'w')\n"
    "fcntl.flock(lock, fcntl.LOCK_EX); print('held', flush=True); time.sleep(60)"
)


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    return tmp_path / "journal.lock"


@pytest.fixture
def trader(lock: Path) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-c", LOCK, str(lock)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_the_identified_process_is_killed_even_while_it_is_stopped(
    trader: subprocess.Popen[str], lock: Path
) -> None:
    killer = LinuxProcessKiller(lock)
    identity = killer.identify(trader.pid, 0.0)
    assert identity is not None
    trader.send_signal(signal.SIGSTOP)

    killing = killer.kill(identity)

    assert killing.is_over
    assert trader.wait(5) == -signal.SIGKILL


def test_a_number_that_was_given_away_is_never_killed(
    trader: subprocess.Popen[str], lock: Path
) -> None:
    killer = LinuxProcessKiller(lock)
    identity = killer.identify(trader.pid, 0.0)
    assert identity is not None

    killing = killer.kill(ProcessIdentity(trader.pid, identity.started_ticks - 1))

    assert killing.is_over
    assert "given away" in killing.detail
    assert trader.poll() is None


def test_a_process_that_is_gone_is_gone(trader: subprocess.Popen[str], lock: Path) -> None:
    killer = LinuxProcessKiller(lock)
    identity = killer.identify(trader.pid, 0.0)
    assert identity is not None
    trader.kill()
    trader.wait(5)

    assert killer.kill(identity).is_over
    assert killer.identify(trader.pid, 0.0) is None


def test_a_process_too_young_or_too_old_for_its_heartbeat_is_another_one(
    trader: subprocess.Popen[str], lock: Path
) -> None:
    killer = LinuxProcessKiller(lock)

    assert killer.identify(trader.pid, 3600.0) is None
    assert killer.identify(1, 0.0) is None
    assert killer.identify(trader.pid, 0.0) is not None


def test_who_holds_the_lock_is_known_to_the_kernel(
    trader: subprocess.Popen[str], lock: Path
) -> None:
    killer = LinuxProcessKiller(lock)

    assert killer.lock_holder(0.0) == killer.identify(trader.pid, 0.0)
    assert killer.lock_holder(3600.0) is None


def test_a_lock_that_nobody_holds_has_no_holder(lock: Path) -> None:
    killer = LinuxProcessKiller(lock)
    assert killer.lock_holder(0.0) is None

    lock.touch()

    assert killer.lock_holder(0.0) is None


def fake_proc(root: Path, pid: int, *, lock: Path, inode: int, device: str = "fe:fe") -> Path:
    entry = root / str(pid)
    (entry / "fd").mkdir(parents=True)
    (entry / "fd" / "3").symlink_to(lock)
    (entry / "stat").write_text(f"{pid} (a (very) odd name) S " + " ".join(["0"] * 18) + " 500 0")
    (root / "uptime").write_text("1000.00 900.00")
    (root / "locks").write_text(f"1: FLOCK  ADVISORY  WRITE {pid} {device}:{inode} 0 EOF\n")
    return root


def test_the_start_is_read_behind_a_name_that_may_hold_anything(tmp_path: Path, lock: Path) -> None:
    lock.touch()
    proc = fake_proc(tmp_path / "proc", 77, lock=lock, inode=lock.stat().st_ino)
    killer = LinuxProcessKiller(lock, proc)

    assert killer.lock_holder(10.0) == ProcessIdentity(77, 500)


def test_an_inode_of_another_disk_is_no_proof(tmp_path: Path, lock: Path) -> None:
    lock.touch()
    other = tmp_path / "other"
    other.touch()
    proc = fake_proc(tmp_path / "proc", 77, lock=other, inode=lock.stat().st_ino)

    assert LinuxProcessKiller(lock, proc).lock_holder(0.0) is None


def test_the_device_is_proof_where_open_files_are_not_to_be_seen(
    tmp_path: Path, lock: Path
) -> None:
    lock.touch()
    told = lock.stat()
    device = f"{os.major(told.st_dev):02x}:{os.minor(told.st_dev):02x}"
    proc = fake_proc(tmp_path / "proc", 77, lock=lock, inode=told.st_ino, device=device)
    shutil.rmtree(proc / "77" / "fd")

    assert LinuxProcessKiller(lock, proc).lock_holder(10.0) == ProcessIdentity(77, 500)


def test_a_holder_that_cannot_be_looked_at_may_still_hold_the_lock(
    tmp_path: Path, lock: Path
) -> None:
    lock.touch()
    proc = fake_proc(tmp_path / "proc", 77, lock=lock, inode=lock.stat().st_ino)
    shutil.rmtree(proc / "77")
    killer = LinuxProcessKiller(lock, proc)

    assert killer.lock_holder(10.0) is None
    assert killer.may_be_held(10.0)
    (proc / "locks").write_text("")
    assert not killer.may_be_held(10.0)


def test_a_line_that_cannot_be_looked_at_does_not_hide_the_holder(
    tmp_path: Path, lock: Path
) -> None:
    lock.touch()
    inode = lock.stat().st_ino
    proc = fake_proc(tmp_path / "proc", 77, lock=lock, inode=inode)
    holder = (proc / "locks").read_text()
    (proc / "locks").write_text(f"1: FLOCK  ADVISORY  WRITE 66 fe:fe:{inode} 0 EOF\n{holder}")

    assert LinuxProcessKiller(lock, proc).lock_holder(10.0) == ProcessIdentity(77, 500)


def test_an_uptime_that_is_not_the_machines_tells_no_age(tmp_path: Path, lock: Path) -> None:
    lock.touch()
    proc = fake_proc(tmp_path / "proc", 77, lock=lock, inode=lock.stat().st_ino)
    (proc / "uptime").write_text("2.00 1.00")
    killer = LinuxProcessKiller(lock, proc)

    assert killer.identify(77, 0.0) is None
    assert killer.lock_holder(0.0) is None
    assert killer.may_be_held(10.0)


def test_what_the_kernel_does_not_tell_is_not_killed(
    trader: subprocess.Popen[str], lock: Path, tmp_path: Path
) -> None:
    empty = tmp_path / "proc"
    empty.mkdir()
    killer = LinuxProcessKiller(lock, empty)

    killing = killer.kill(ProcessIdentity(trader.pid, 1))

    assert not killing.is_over
    assert "cannot be verified" in killing.detail
    assert trader.poll() is None
    assert killer.lock_holder(0.0) is None
    assert killer.may_be_held(0.0)
