import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from polybot.bootstrap.foundation import Foundation, keep_from, open_foundation, payloads_after
from polybot.config.load import LoadedConfig
from polybot.runtime.journal import Journal
from polybot.runtime.logs import SecretMask
from tests.unit.bootstrap.one_process import configured, surroundings

MEBIBYTE = 1 << 20

# Two lives in one process, each ended by its own first turn; the last line says what they found.
PROGRAM = """
import asyncio, json, os, signal, sys
from polybot.bootstrap.foundation import open_foundation, run_service
from polybot.config.load import load
from polybot.ports import Vitals
from polybot.runtime.banner import StandingStop
from polybot.runtime.logs import configure_logging

class Service:
    name = "tracker"
    def __init__(self, wake, thread_wake, lived):
        self.wake, self.thread_wake, self.lived = wake, thread_wake, lived
    async def start(self):
        self.thread_wake()
    def turn(self):
        self.lived["sockets"] = sockets()
        os.kill(os.getpid(), signal.SIGTERM)
    def next_wake_s(self):
        return 60.0
    def status(self):
        return "about to stop"
    def vitals(self):
        return Vitals()
    async def stop(self):
        pass

def sockets():
    return sorted(p.name for p in loaded.locations.runtime_dir.iterdir() if p.is_socket())

mask, loaded, lives = configure_logging("tracker"), load(), []
standing = (StandingStop(what="HALTED (operator)", reason="wet road", since_ns=0),)
for _ in range(2):
    lived = {}
    foundation = open_foundation("tracker", loaded, mask, schema=1, hears=("trader",))
    lived["found"] = foundation.durable.journal.last_seq
    foundation.on_stop.append(lambda: lived.update(stopped=True))
    event = asyncio.Event()
    service = Service(event, foundation.thread_wake(event), lived)
    lived["code"] = run_service(foundation, service, wallet="0x" + "5a" * 20, standing=standing)
    lived["left"] = sockets()
    lives.append(lived)
print(json.dumps(lives))
"""


def python(*arguments: str, state_dir: Path, runtime_dir: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        env=surroundings(state_dir, runtime_dir),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@contextmanager
def opened(loaded: LoadedConfig, name: str = "tracker") -> Iterator[Foundation]:
    foundation = open_foundation(name, loaded, SecretMask(), schema=1, hears=("trader",))
    yield foundation
    foundation.close()


@pytest.fixture(scope="module")
def two_lives(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[subprocess.CompletedProcess[str]]:
    state_dir = tmp_path_factory.mktemp("state")
    with TemporaryDirectory(prefix="pb-") as runtime_dir:
        yield python(
            "-W",
            "default::ResourceWarning",
            "-c",
            PROGRAM,
            state_dir=state_dir,
            runtime_dir=Path(runtime_dir),
        )


def test_everything_is_opened_and_closed_twice_in_a_row(
    two_lives: subprocess.CompletedProcess[str],
) -> None:
    assert two_lives.returncode == 0, two_lives.stderr
    assert "ResourceWarning" not in two_lives.stderr
    first, second = json.loads(two_lives.stdout)
    for lived in (first, second):
        assert lived["code"] == 0
        assert lived["sockets"] == ["tracker.events", "tracker.rpc"]
        assert lived["left"] == []
        assert lived["stopped"] is True
    # The start and the stop of the first life.
    assert (first["found"], second["found"]) == (0, 2)


def test_the_banner_says_first_what_still_stands(
    two_lives: subprocess.CompletedProcess[str],
) -> None:
    banners = two_lives.stderr.split("STILL IN FORCE: ")
    assert len(banners) == 3, two_lives.stderr
    assert banners[0].count("\n") == 0
    for banner in banners[1:]:
        assert banner.startswith("HALTED (operator) since 1970-01-01 00:00:00 UTC")
        assert "mode synthetic" in banner
        assert "wallet 0x5a5a5a5a...5a5a5a" in banner


@pytest.mark.parametrize(
    ("state", "why"),
    [("state", "was locked by another one"), ("other", "was bound by a living process")],
    ids=["same state", "same sockets"],
)
def test_a_second_process_of_the_same_name_is_refused_in_one_line(
    tmp_path: Path, runtime_dir: Path, state: str, why: str
) -> None:
    (tmp_path / state).mkdir()
    with opened(configured(tmp_path / "state", runtime_dir)):
        second = python(
            *("-m", "polybot.cli.run", "tracker"),
            state_dir=tmp_path / state,
            runtime_dir=runtime_dir,
        )
    assert second.returncode == 1
    assert len(second.stderr.splitlines()) == 1, second.stderr
    assert why in second.stderr


def test_processes_of_different_names_share_the_directories(
    tmp_path: Path, runtime_dir: Path
) -> None:
    loaded = configured(tmp_path, runtime_dir)
    with opened(loaded, "tracker") as tracker, opened(loaded, "reflector") as reflector:
        assert tracker.outbox.session != reflector.outbox.session


def test_every_life_is_a_session_of_its_own(tmp_path: Path, runtime_dir: Path) -> None:
    sessions = set()
    for _ in range(2):
        with opened(configured(tmp_path, runtime_dir)) as foundation:
            sessions.add(foundation.outbox.session)
    assert len(sessions) == 2


def test_the_runtime_directory_is_made_for_its_owner_alone(
    tmp_path: Path, runtime_dir: Path
) -> None:
    with opened(configured(tmp_path, runtime_dir / "made")):
        assert (runtime_dir / "made").stat().st_mode & 0o777 == 0o700


def test_all_batches_of_a_journal_are_read(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path)
    payloads = [bytes([number]) * 600_000 for number in range(1, 6)]
    for payload in payloads:
        journal.append(payload)
    journal.sync()
    assert len(journal.payloads_from(1, 5)) < 5
    assert list(payloads_after(journal, 0)) == payloads
    assert list(payloads_after(journal, 3)) == payloads[3:]
    assert list(payloads_after(journal, 5)) == []
    journal.close()


def test_only_durable_payloads_are_read(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path)
    journal.append(b"durable")
    journal.sync()
    journal.append(b"not yet")
    assert list(payloads_after(journal, 0)) == [b"durable"]
    journal.close()


@pytest.mark.parametrize(
    ("checkpoints", "kept"),
    [((), 0), ((2,), 2), ((2, 11, 12, 13), 10), ((5, 9, 13), 5)],
    ids=["no checkpoint", "an old one", "new ones alone", "the oldest of three"],
)
def test_the_journal_is_kept_for_the_oldest_checkpoint_and_for_its_retention(
    tmp_path: Path, runtime_dir: Path, checkpoints: tuple[int, ...], kept: int
) -> None:
    loaded = configured(tmp_path, runtime_dir, POLYBOT__TRADER__JOURNAL_RETENTION_MB="8")
    with opened(loaded) as foundation:
        journal = foundation.durable.journal
        # Three records fill a segment of 4 MiB; two segments, records 10 to 13, are retained.
        for _ in range(13):
            journal.append(bytes([1]) * MEBIBYTE)
        journal.sync()
        for seq in checkpoints:
            foundation.durable.checkpoints.save(seq, b"{}", 1)
        assert keep_from(foundation) == kept


def test_what_was_opened_is_closed_once_however_often_it_is_asked(
    tmp_path: Path, runtime_dir: Path
) -> None:
    closed: list[str] = []
    with opened(configured(tmp_path, runtime_dir)) as foundation:
        foundation.on_stop.append(lambda: closed.append("once"))
        foundation.close()
    assert closed == ["once"]


FAILS_LATER = """
from polybot.bootstrap.foundation import open_foundation
from polybot.config.load import load
from polybot.runtime.logs import configure_logging

foundation = open_foundation(
    "tracker", load(), configure_logging("tracker"), schema=1, hears=("trader",)
)
foundation.on_stop.append(lambda: print("closed", flush=True))
raise SystemExit("cannot start")
"""


def test_a_start_that_fails_later_closes_what_it_opened_and_ends(
    tmp_path: Path, runtime_dir: Path
) -> None:
    done = python("-c", FAILS_LATER, state_dir=tmp_path, runtime_dir=runtime_dir)
    assert (done.returncode, done.stdout) == (1, "closed\n")
