"""Tests of `polybot simulator`."""

import json
import os
import signal
import subprocess
import sys
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from polybot.cli.simulator import books_dir, settings
from polybot.cli.up import Wishes
from polybot.errors import ConfigError
from tests.unit.cli.conftest import Command


@pytest.mark.usefixtures("state_dir")
def test_the_command_lines_wishes_are_the_configuration() -> None:
    wishes = Wishes(speed=3.0, seed=5)
    config = settings(wishes, "127.0.0.1:8080", dict(os.environ)).config.simulator
    assert (config.listen, config.speed, config.seed) == ("127.0.0.1:8080", 3.0, 5)


@pytest.mark.usefixtures("state_dir")
def test_the_market_is_synthetic_unless_recordings_are_given(tmp_path: Path) -> None:
    (tmp_path / "windows.csv").write_text("slug\n")
    environ = {
        **os.environ,
        "POLYBOT__MODE": "replay",
        "POLYBOT__SIMULATOR__RECORDINGS": str(tmp_path),
    }
    assert settings(Wishes(), None, environ).config.simulator.recordings == ""
    wished = settings(Wishes(recordings=str(tmp_path)), None, dict(os.environ))
    assert wished.config.simulator.recordings == str(tmp_path)


def test_what_the_simulator_does_not_need_may_be_wrong(state_dir: Path) -> None:
    (state_dir.parent / "polybot.toml").write_text("bogus = 1\n")
    assert settings(Wishes(), None, dict(os.environ)).config.simulator.seed == 7


@pytest.mark.usefixtures("state_dir")
def test_what_it_needs_must_be_right() -> None:
    wishes = Wishes(recordings="/absent", speed=0.0)
    with pytest.raises(ConfigError) as refused:
        settings(wishes, "0.0.0.0:80", dict(os.environ))
    assert [problem.partition(":")[0] for problem in refused.value.problems] == [
        "simulator.speed",
        "simulator.recordings",
        "simulator.listen",
    ]


@pytest.mark.usefixtures("state_dir")
def test_a_file_of_faults_must_be_right(tmp_path: Path) -> None:
    path = tmp_path / "faults.toml"
    path.write_text('[[rules]]\nfault = "earthquake"\n')
    ended = subprocess.run(
        [
            *(sys.executable, "-c", "from polybot.cli.main import main; main()"),
            *("simulator", "--faults", str(path)),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 4
    assert "rule 1: expected fault as one of" in ended.stderr
    assert ended.stdout == ""


def test_a_wrong_address_ends_with_the_code_of_a_bad_configuration(polybot: Command) -> None:
    assert (
        "expected this machine's address"
        in polybot("simulator", "--listen", "0.0.0.0:80", code=4).stderr
    )


def test_its_books_are_kept_where_somebody_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    assert books_dir(None, {}) is None
    assert books_dir(None, {"POLYBOT_STATE_DIR": "/s"}) == Path("/s/simulator")
    assert books_dir("mine", {"POLYBOT_STATE_DIR": "/s"}) == Path("/mine")


def test_it_prints_one_line_of_urls_when_it_is_ready_and_ends_when_asked(state_dir: Path) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", "from polybot.cli.main import main; main()", "simulator"],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    told = json.loads(child.stdout.readline())
    assert set(told) >= {
        *("url", "ws_market_url", "ws_user_url", "ws_price_url", "gamma_url", "data_url"),
        *("ws_rtds_url", "ws_binance_url", "ws_coinbase_url", "geoblock_url"),
    }
    connection = HTTPConnection(urlsplit(told["url"]).netloc, timeout=10)
    connection.request("GET", "/simulator/time")
    assert json.loads(connection.getresponse().read())["market_ns"] > 0
    connection.close()
    child.send_signal(signal.SIGTERM)
    assert child.wait(timeout=30) == 0
    assert child.stdout.read() == ""
    child.stdout.close()
    assert any((state_dir / "simulator").rglob("journal-*.log"))


@pytest.mark.usefixtures("state_dir")
def test_a_mirror_needs_a_right_feed_and_nothing_else() -> None:
    environ = {**os.environ, "POLYBOT__FEED__GAMMA_URL": "gopher://127.0.0.1"}
    assert settings(Wishes(), None, environ).config.mode == "synthetic"
    with pytest.raises(ConfigError) as refused:
        settings(Wishes(), None, environ, mirror=True)
    assert {problem.partition(":")[0] for problem in refused.value.problems} >= {"feed.gamma_url"}
    assert settings(Wishes(), None, dict(os.environ), mirror=True).config.mode == "paper"


@pytest.mark.usefixtures("state_dir")
@pytest.mark.parametrize("option", [("--speed", "5"), ("--seed", "5"), ("--recordings", "/x")])
def test_a_mirror_takes_no_market_of_its_own(polybot: Command, option: tuple[str, str]) -> None:
    told = polybot("simulator", "--mirror", *option, code=2).stderr
    assert "the feed has its own" in told
