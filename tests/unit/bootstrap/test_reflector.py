from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.unit.bootstrap.one_process import HEAVY, OneProcess

API_KEY = "sk-invented-0123456789"


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OneProcess]:
    state_dir = tmp_path_factory.mktemp("reflector")
    with TemporaryDirectory(prefix="pb-") as runtime_dir:
        with OneProcess("reflector", state_dir, Path(runtime_dir)) as reflector:
            heartbeat = reflector.status()
            assert (heartbeat.process, heartbeat.pid) == ("reflector", reflector.pid)
        yield reflector


def test_alone_and_unconfigured_it_answers_and_stops_when_asked_to(lived: OneProcess) -> None:
    assert lived.exit_code == 0, lived.log
    assert "Traceback" not in lived.log


def test_it_never_loads_what_only_others_need(lived: OneProcess) -> None:
    assert "peewee" in lived.modules
    assert lived.modules.isdisjoint({*HEAVY, "coincurve", "aiohttp", "picows", "zstandard"})
    assert "polybot.adapters.openai_analyst" not in lived.modules


def test_with_an_analyst_it_starts_without_loading_the_analysts_package(
    tmp_path: Path, runtime_dir: Path
) -> None:
    analyst = {"POLYBOT__REFLECTOR__ANALYST": "openai", "OPENAI_API_KEY": API_KEY}
    with OneProcess("reflector", tmp_path, runtime_dir, **analyst) as reflector:
        assert reflector.status().process == "reflector"
    assert reflector.exit_code == 0, reflector.log
    assert "polybot.adapters.openai_analyst" in reflector.modules
    assert "openai" not in reflector.modules
    assert API_KEY not in reflector.log
