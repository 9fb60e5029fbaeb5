from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from polybot.bootstrap.watchdog import floor_of
from polybot.config.locations import PROCESSES
from polybot.messages.commands import GetVerdicts
from tests.unit.bootstrap.one_process import HEAVY, OneProcess, configured


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OneProcess]:
    state_dir = tmp_path_factory.mktemp("watchdog")
    with TemporaryDirectory(prefix="pb-") as runtime_dir:
        with OneProcess("watchdog", state_dir, Path(runtime_dir)) as watchdog:
            heartbeat = watchdog.status()
            assert (heartbeat.process, heartbeat.pid) == ("watchdog", watchdog.pid)
            verdicts = watchdog.ask(GetVerdicts())
            assert {verdict.name for verdict in verdicts.processes} == set(PROCESSES)
        yield watchdog


def test_alone_and_unconfigured_it_judges_the_whole_floor_and_stops_when_asked_to(
    lived: OneProcess,
) -> None:
    assert lived.exit_code == 0, lived.log
    assert "Traceback" not in lived.log


def test_it_never_loads_what_only_others_need(lived: OneProcess) -> None:
    assert lived.modules.isdisjoint({*HEAVY, "coincurve", "aiohttp", "picows", "zstandard"})


@pytest.mark.parametrize(
    ("mode", "simulated"), [("synthetic", True), ("paper", True), ("live", False)]
)
def test_a_simulator_is_missed_only_where_there_is_one(
    tmp_path: Path, runtime_dir: Path, mode: str, simulated: bool
) -> None:
    key = {"POLYMARKET_PRIVATE_KEY": "0x" + "1" * 64}
    floor = floor_of(configured(tmp_path, runtime_dir, POLYBOT__MODE=mode, **key))
    assert ("simulator" in floor) is simulated
    assert set(floor) | {"simulator"} == set(PROCESSES)
