import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.unit.bootstrap.one_process import HEAVY, OneProcess


@pytest.fixture(scope="module")
def state_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tracker")


@pytest.fixture(scope="module")
def lived(state_dir: Path) -> Iterator[OneProcess]:
    with TemporaryDirectory(prefix="pb-") as runtime_dir:
        with OneProcess("tracker", state_dir, Path(runtime_dir)) as tracker:
            heartbeat = tracker.status()
            assert (heartbeat.process, heartbeat.pid) == ("tracker", tracker.pid)
        yield tracker


def test_alone_and_unconfigured_it_answers_and_stops_when_asked_to(lived: OneProcess) -> None:
    assert lived.exit_code == 0, lived.log
    assert "Traceback" not in lived.log


def test_it_has_made_the_database(lived: OneProcess, state_dir: Path) -> None:
    with closing(sqlite3.connect(state_dir / "tracker" / "ledger.sqlite")) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",), lived.log


def test_it_never_loads_what_only_others_need(lived: OneProcess) -> None:
    assert "peewee" in lived.modules
    assert lived.modules.isdisjoint({*HEAVY, "coincurve", "aiohttp", "picows", "zstandard"})


def test_a_second_life_goes_on_from_the_first(
    lived: OneProcess, state_dir: Path, runtime_dir: Path
) -> None:
    with OneProcess("tracker", state_dir, runtime_dir) as again:
        # Start and stop of the first life, and the start of this one.
        assert again.status().last_seq >= 3, lived.log
    assert again.exit_code == 0, again.log
