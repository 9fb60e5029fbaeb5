"""Runs an audit in a short-lived child process, so that the tracker stays small and never waits."""

import logging
import subprocess
import threading
from collections.abc import Callable, Sequence

import msgspec

from polybot.domain.audit import AuditResult

logger = logging.getLogger(__name__)

# What the child says on its last line is shown, not all of it.
SHOWN_CHARACTERS = 300


class ChildAuditRunner:
    """Starts a command that prints one AuditResult as JSON; one at a time.

    The command's last word limits what is compared: a complete audit goes without it. `wake` is
    called in a thread when a result is there to take.
    """

    def __init__(
        self, command: Sequence[str], *, timeout_s: float, wake: Callable[[], None]
    ) -> None:
        self._command = tuple(command)
        self._timeout_s = timeout_s
        self._wake = wake
        self._child: subprocess.Popen[bytes] | None = None
        self._thread: threading.Thread | None = None
        self._result: AuditResult | None = None
        self._stopped = False

    def start(self, *, complete: bool = False) -> None:
        """Begin an audit, unless one is under way."""
        if self.running() or self._stopped:
            return
        command = self._command[:-1] if complete else self._command
        self._thread = threading.Thread(
            target=self._run, args=(command,), name="audit", daemon=True
        )
        self._thread.start()

    def running(self) -> bool:
        """Return whether one is under way."""
        return self._thread is not None and self._thread.is_alive()

    def take(self) -> AuditResult | None:
        """Return the result of an audit that ended since the last call."""
        result, self._result = self._result, None
        return result

    def stop(self) -> None:
        """End an audit that is under way, without a result."""
        self._stopped = True
        child = self._child
        if child is not None and child.poll() is None:
            child.kill()
        if self._thread is not None:
            self._thread.join(timeout=2)
        self._result = None

    def _run(self, command: tuple[str, ...]) -> None:
        self._result = self._audit(command)
        self._wake()

    def _audit(self, command: tuple[str, ...]) -> AuditResult:
        try:
            self._child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
            if self._stopped:
                self._child.kill()
            output, errors = self._child.communicate(timeout=self._timeout_s)
        except OSError as error:
            return _failed(f"{command[0]} could not be started: {error.strerror}")
        except subprocess.TimeoutExpired:
            self._kill()
            return _failed(f"expected a result within {self._timeout_s:g} s, was none")
        try:
            return msgspec.json.decode(output, type=AuditResult)
        except msgspec.MsgspecError:
            said = errors.decode(errors="replace").strip().splitlines()[-1:] or ["nothing"]
            return _failed(
                f"the audit ended with {self._child.returncode}: {said[0][:SHOWN_CHARACTERS]}"
            )

    def _kill(self) -> None:
        if self._child is not None:
            self._child.kill()
            self._child.communicate()


def _failed(error: str) -> AuditResult:
    return AuditResult((), 0, 0, 0, error=error)
