"""What every test starts from: an environment of its own, and fixtures more than one file needs."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from tests.recordings_path import recordings_dir

# Wall-clock speed is the benchmark's business; a continuous integration run is the same every time.
hypothesis.settings.register_profile("polybot", deadline=None, derandomize="CI" in os.environ)
hypothesis.settings.load_profile("polybot")

FLOOR_TIMEOUT_S = 600


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the slow tests last, with time enough, and skip what needs absent recordings."""
    recordings = recordings_dir()
    for item in items:
        if item.get_closest_marker("floor") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(FLOOR_TIMEOUT_S))
        if item.get_closest_marker("recordings") and recordings is None:
            item.add_marker(pytest.mark.skip(reason="no recorded markets on this machine"))
    items.sort(key=lambda item: item.get_closest_marker("floor") is not None)


@pytest.fixture(autouse=True, scope="session")
def everybodys_temporary_directory() -> Iterator[None]:
    """Hold the tests to leaving it as it was: the machine's other programs need it, too."""
    directory = Path(tempfile.gettempdir())
    before = directory.stat()
    yield
    after = directory.stat()
    assert (after.st_mode, after.st_uid) == (before.st_mode, before.st_uid)


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide what the developer's shell, service manager or secrets would tell polybot."""
    for name in list(os.environ):
        if name.startswith("POLYBOT_") and name != "POLYBOT_TEST_RECORDINGS":
            monkeypatch.delenv(name)
    for name in ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "JOURNAL_STREAM"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def private_umask() -> Iterator[None]:
    """Make files as the program does in a clone, whatever the test before left: for their owner."""
    before = os.umask(0o077)
    yield
    os.umask(before)


@pytest.fixture
def recordings() -> Path:
    """Return the directory of recorded markets, or skip the test where there is none."""
    found = recordings_dir()
    if found is None:
        pytest.skip("no recorded markets on this machine")
    return found


@pytest.fixture
def runtime_dir() -> Iterator[Path]:
    """Make a directory with a short path: a unix socket's has 107 bytes at most, tmp_path more."""
    path = Path(tempfile.mkdtemp(prefix="pb-"))
    yield path
    shutil.rmtree(path, ignore_errors=True)
