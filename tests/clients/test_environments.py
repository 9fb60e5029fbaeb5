"""A client that is not installed is named: outside CI its tests are skipped, in CI they fail."""

import hashlib
from pathlib import Path

import pytest

from tests.clients.environments import PY_CLOB_CLIENT_V2 as NAME
from tests.clients.environments import official_client

LOCK = b"py-clob-client-v2==1.2.1\n"
REASON = f"{NAME} is not installed as locked; run: make clients"


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    lock = tmp_path / "tests" / "clients" / NAME / "requirements.txt"
    lock.parent.mkdir(parents=True)
    lock.write_bytes(LOCK)
    return tmp_path


def mark(clone: Path, contents: bytes) -> None:
    directory = clone / ".venv-clients" / NAME
    directory.mkdir(parents=True)
    name = f".tests-clients-{NAME}-requirements.txt.sum"
    (directory / name).write_text(hashlib.sha256(contents).hexdigest() + "  -\n")


def test_an_environment_built_from_the_lock_is_used(clone: Path) -> None:
    mark(clone, LOCK)
    python = official_client(NAME, clone).python
    assert python == clone / ".venv-clients" / NAME / "bin" / "python"


@pytest.mark.parametrize("built_from", [None, b"py-clob-client-v2==1.2.0\n"])
def test_without_one_the_test_is_skipped_saying_what_to_run(
    clone: Path, built_from: bytes | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CI", raising=False)
    if built_from is not None:
        mark(clone, built_from)
    with pytest.raises(pytest.skip.Exception, match=REASON):
        official_client(NAME, clone)


def test_without_one_the_test_fails_in_ci(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match=REASON):
        official_client(NAME, clone)
