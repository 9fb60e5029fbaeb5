"""The machine that the installer's tests install on."""

from pathlib import Path

import pytest

from tests.unit.extras.installer.machine_stand_in import Stand


@pytest.fixture
def stand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stand:
    return Stand(tmp_path, monkeypatch)
