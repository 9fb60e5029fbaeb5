"""The virtual environments of the official clients: found or refused, and scripts run in them."""

import hashlib
import json
import os
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PY_CLOB_CLIENT_V2 = "py-clob-client-v2"
POLYMARKET_CLIENT = "polymarket-client"
PY_CLOB_CLIENT = "py-clob-client"


@dataclass(frozen=True, slots=True)
class OfficialClient:
    """One client in an environment of its own."""

    name: str
    python: Path

    def run(self, script: str, given: object, *, seconds: float = 100) -> Any:
        """Run a script of tests/clients/<name> on a JSON value and return the JSON it wrote."""
        return json.loads(self.run_lines(script, [given], seconds=seconds)[0])

    def run_lines(self, script: str, given: Iterable[object], *, seconds: float = 100) -> list[str]:
        """Run a script on JSON values, one a line, and return the lines it wrote."""
        finished = subprocess.run(
            [str(self.python), "-m", f"tests.clients.{self.name}.{script}"],
            input="".join(json.dumps(value) + "\n" for value in given),
            capture_output=True,
            text=True,
            check=False,
            cwd=ROOT,
            timeout=seconds,
            env=_environ(),
        )
        assert finished.returncode == 0, finished.stderr[-4000:]
        return finished.stdout.splitlines()


def official_client(name: str, root: Path = ROOT) -> OfficialClient:
    """Return a client; skip the test where its environment is not built, but fail it in CI."""
    directory = root / ".venv-clients" / name
    lock = root / "tests" / "clients" / name / "requirements.txt"
    # The mark that .ci/build-venv leaves when everything of a lock file is installed.
    mark = directory / f".tests-clients-{name}-requirements.txt.sum"
    expected = hashlib.sha256(lock.read_bytes()).hexdigest()
    if not mark.exists() or mark.read_text().split()[0] != expected:
        reason = f"the official client {name} is not installed as locked; run: make clients"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return OfficialClient(name, directory / "bin" / "python")


def _environ() -> dict[str, str]:
    """Return an environment without proxies: a client must reach loopback and nothing else."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return {**kept, "PYTHONDONTWRITEBYTECODE": "1"}
