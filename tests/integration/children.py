"""A floor whose processes are a test's own children: it sees them stop, and starts them again."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from polybot.bootstrap.crash_stop import VARIABLE
from polybot.messages.codec import decode_body, decode_envelope
from polybot.messages.envelope import Envelope
from polybot.runtime.journal_reader import JournalReader

POLL_S = 0.02
AS_SHIPPED = "polybot.cli.run"
BATCH = 1000


class Children:
    """Starts processes of a floor one by one; `configuration` is the text of its polybot.toml."""

    def __init__(self, root: Path, configuration: str) -> None:
        self.root = root
        self.state = root / "state"
        self.runtime = Path(tempfile.mkdtemp(prefix="pbc-", dir="/tmp"))
        (root / "polybot.toml").write_text(configuration)
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, process: str, *, module: str = AS_SHIPPED) -> None:
        """Start a process in the background; it passes every point until a test says otherwise."""
        self._point(process).unlink(missing_ok=True)
        environ = {
            **{name: value for name, value in os.environ.items() if "POLYBOT" not in name},
            "POLYBOT_CONFIG": str(self.root / "polybot.toml"),
            "POLYBOT_STATE_DIR": str(self.state),
            "POLYBOT_RUNTIME_DIR": str(self.runtime),
            VARIABLE: f"@{self._point(process)}",
        }
        with self._log(process).open("ab") as log:
            self._processes[process] = subprocess.Popen(
                [sys.executable, "-m", module, process],
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def stand_still_at(self, process: str, point: str) -> None:
        """Let a process stop itself when it reaches a point, and wait until it has."""
        new = self._point(process).with_suffix(".new")
        new.write_text(point)
        new.rename(self._point(process))
        self.wait(f"{process} to stop at {point}", lambda: self.is_stopped(process), 60)

    def stop(self, process: str) -> None:
        """Stop a process where it is."""
        os.kill(self.pid(process), signal.SIGSTOP)
        self.wait(f"{process} to stop", lambda: self.is_stopped(process), 10)

    def go_on(self, process: str) -> None:
        """Let a process that stands still go on; a point it stopped at stops it only once."""
        os.kill(self.pid(process), signal.SIGCONT)

    def is_stopped(self, process: str) -> bool:
        """Return whether a process stands still."""
        status = Path(f"/proc/{self.pid(process)}/stat").read_text().rpartition(")")[2]
        return status.split()[0] == "T"

    def pid(self, process: str) -> int:
        """Return a process's id."""
        return self._processes[process].pid

    def exit_code(self, process: str, timeout_s: float) -> int:
        """Wait until a process ended and return how: minus a signal's number, or its exit code."""
        return self._processes[process].wait(timeout_s)

    def wait(self, what: str, seen: Callable[[], Any], timeout_s: float) -> Any:
        """Wait until `seen` answers something; fails with the logs' ends when it does not."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            if answer := seen():
                return answer
            time.sleep(POLL_S)
        logs = "\n".join(f"--- {name}\n{self.log(name)[-3000:]}" for name in self._processes)
        raise AssertionError(f"waited {timeout_s:.0f} s for {what}\n{logs}")

    def log(self, process: str) -> str:
        """Return what a process has logged."""
        return self._log(process).read_text()

    def ledger(self) -> Any:
        """Return the simulated exchange's own books, None while it does not answer."""
        try:
            url = json.loads((self.runtime / "simulator.json").read_text())["url"]
            with urllib.request.urlopen(f"{url}/simulator/ledger", timeout=10) as answer:  # noqa: S310
                return json.loads(answer.read())
        except OSError:
            return None

    def requests(self) -> list[dict[str, Any]]:
        """Return every request that reached the simulated exchange, oldest first."""
        found = []
        for name in ("requests.1.jsonl", "requests.jsonl"):
            path = self.state / "simulator" / name
            lines = path.read_bytes().splitlines(keepends=True) if path.exists() else []
            found += [json.loads(line) for line in lines if line.endswith(b"\n")]
        return [row for row in found if "request" in row]

    def events(self, process: str) -> Iterator[tuple[Envelope, Any]]:
        """Yield the durable events in a process's journal."""
        directory = self.state / process
        if not directory.is_dir():
            return
        journal = JournalReader(directory)
        seq = journal.first_seq
        while records := journal.read_from(seq, BATCH):
            for record in records:
                envelope = decode_envelope(record.payload)
                yield envelope, decode_body(envelope.type, envelope.body)
            seq = records[-1].seq + 1

    def close(self) -> None:
        """End whatever runs."""
        for child in self._processes.values():
            if child.poll() is None:
                child.kill()
            child.wait(10)
        shutil.rmtree(self.runtime, ignore_errors=True)

    def _point(self, process: str) -> Path:
        return self.root / f"{process}.point"

    def _log(self, process: str) -> Path:
        return self.root / f"{process}.log"
