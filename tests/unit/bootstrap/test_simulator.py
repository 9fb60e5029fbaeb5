import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from polybot.bootstrap.endpoints import Endpoints
from tests.unit.bootstrap.one_process import HEAVY, OneProcess, configured

# What every client of an exchange needs; further services may be served too.
SERVED = ("clob_url", "gamma_url", "data_url", "ws_market_url", "ws_user_url", "ws_price_url")
MARKET_SECOND_NS = 1_000_000_000
ALONE = """
import pathlib, sys
from polybot.bootstrap.simulator import run_alone
from polybot.config.schema import SimulatorConfig
state_dir = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else None
sys.exit(run_alone(SimulatorConfig(), state_dir, lambda line: print(line, flush=True)))
"""


def asked(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - loopback, told by itself
        return json.loads(answer.read())


def market_ns(url: str | None) -> int:
    time_of_market: int = asked(f"{url}/simulator/time")["market_ns"]
    return time_of_market


def alone(temporary: Path, *arguments: str) -> tuple[dict[str, str], int]:
    """Run a simulator without a floor; return what it said when it was ready, and its end."""
    process = subprocess.Popen(
        [sys.executable, "-c", ALONE, *arguments],
        env={"PATH": os.environ["PATH"], "TMPDIR": str(temporary)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    said = json.loads(process.stdout.readline())
    assert market_ns(said["url"]) > 0
    process.send_signal(signal.SIGTERM)
    rest, _ = process.communicate(timeout=10)
    assert rest == ""
    return said, process.returncode


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OneProcess]:
    state_dir = tmp_path_factory.mktemp("simulator")
    with TemporaryDirectory(prefix="pb-") as runtime_dir:
        with OneProcess("simulator", state_dir, Path(runtime_dir)) as simulator:
            heartbeat = simulator.status()
            assert (heartbeat.process, heartbeat.pid) == ("simulator", simulator.pid)
        yield simulator


def test_alone_and_unconfigured_it_answers_and_stops_when_asked_to(lived: OneProcess) -> None:
    assert lived.exit_code == 0, lived.log
    assert "Traceback" not in lived.log


def test_it_never_loads_what_only_others_need(lived: OneProcess) -> None:
    assert "aiohttp" in lived.modules
    assert lived.modules.isdisjoint({*HEAVY, "peewee", "picows"})


def test_the_others_of_its_floor_find_it(tmp_path: Path, runtime_dir: Path) -> None:
    endpoints = Endpoints(configured(tmp_path, runtime_dir))
    with OneProcess("simulator", tmp_path, runtime_dir):
        urls = [endpoints.url(key) for key in SERVED]
        assert None not in urls
        assert market_ns(endpoints.url("clob_url")) > 0


def test_a_second_life_goes_on_with_the_first_ones_market_time(
    tmp_path: Path, runtime_dir: Path
) -> None:
    endpoints = Endpoints(configured(tmp_path, runtime_dir))
    with OneProcess("simulator", tmp_path, runtime_dir) as first:
        began_ns = market_ns(endpoints.url("clob_url"))
        deadline = time.monotonic() + 10
        while (reached_ns := market_ns(endpoints.url("clob_url"))) < began_ns + MARKET_SECOND_NS:
            assert time.monotonic() < deadline, first.log
            time.sleep(0.02)
    with OneProcess("simulator", tmp_path, runtime_dir) as second:
        assert market_ns(endpoints.url("clob_url")) >= reached_ns
    assert (first.exit_code, second.exit_code) == (0, 0), first.log + second.log


def test_without_a_floor_it_says_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    said, code = alone(tmp_path)
    assert code == 0
    assert set(said) >= {"url", *SERVED} - {"clob_url"}
    assert list(tmp_path.iterdir()) == []


def test_without_a_floor_a_state_directory_keeps_its_books(tmp_path: Path) -> None:
    books = tmp_path / "state" / "exchange"
    for _ in range(2):
        assert alone(tmp_path, str(tmp_path / "state"))[1] == 0
    assert list(books.glob("journal-*.log"))
