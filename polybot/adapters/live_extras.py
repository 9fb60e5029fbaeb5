"""The exchange's own client in a Python of its own: wallet set-up, redeem, split, merge."""

import json
import queue
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import msgspec

from polybot.errors import (
    ExchangeError,
    InvalidValue,
    OutcomeUnknown,
    PolybotError,
    RateLimited,
    Rejected,
    Unavailable,
)

PROGRAM = Path(__file__).resolve().parents[1] / "extras" / "polymarket_extras.py"
# After the end of its output a program has nothing left to do.
LEAVE_S = 5.0
# What the client's own words show of somebody's mistake is enough in this many characters.
_SHOWN = 400
_TRANSACTION = "transaction "
_SERVER_ERROR = 500
# A clean environment: nothing of ours, least of all secrets, is anybody else's business.
_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"}

Line = dict[str, Any]


class ExtrasRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One request; `urls` are by the client's own names, and empty ones mean its defaults.

    `loopback_only` makes the client refuse to talk to any other host. `credentials` has key, secret
    and passphrase; `relayer_key` key and address.
    """

    command: str
    private_key: str
    wallet: str
    wallet_type: str
    chain_id: int
    urls: dict[str, str]
    loopback_only: bool
    arguments: dict[str, Any] = {}
    credentials: dict[str, str] | None = None
    relayer_key: dict[str, str] | None = None

    def __repr__(self) -> str:
        return f"ExtrasRequest({self.command!r}, wallet={self.wallet!r})"


class LiveExtras(msgspec.Struct, frozen=True):
    """Runs the program once for each request; the key goes through its standard input only."""

    python: Path
    timeout_s: float
    program: Path = PROGRAM

    def run(self, request: ExtrasRequest, note: Callable[[Line], None]) -> Line:
        """Return the result of a request; `note` gets every line before it, as it comes.

        Raises InvalidValue for what cannot be done as asked, Rejected and RateLimited for a no,
        Unavailable when nothing was sent, and OutcomeUnknown when something was and nobody knows
        what became of it.
        """
        process = self._start()
        try:
            lines = self._talk(process, request)
            return self._read(lines, note)
        finally:
            _end(process)

    def _start(self) -> subprocess.Popen[bytes]:
        try:
            return subprocess.Popen(
                (str(self.python), "-I", str(self.program)),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=_ENVIRONMENT,
                cwd="/",
            )
        except OSError as error:
            raise PolybotError(
                f"expected the exchange's client at {self.python}, was {error.strerror}: "
                "install it (make install-live)"
            ) from error

    def _talk(
        self, process: subprocess.Popen[bytes], request: ExtrasRequest
    ) -> "queue.SimpleQueue[bytes]":
        lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        stdin, stdout = process.stdin, process.stdout
        if stdin is None or stdout is None:
            raise PolybotError("expected pipes to the exchange's client, was none")
        threading.Thread(target=_pump, args=(stdout, lines), daemon=True).start()
        # A program that ends before it has read says so by the end of its output.
        with suppress(BrokenPipeError):
            stdin.write(msgspec.json.encode(request))
        with suppress(BrokenPipeError):
            stdin.close()
        return lines

    def _read(self, lines: "queue.SimpleQueue[bytes]", note: Callable[[Line], None]) -> Line:
        deadline = time.monotonic() + self.timeout_s
        sending = ""
        while True:
            try:
                raw = lines.get(timeout=max(deadline - time.monotonic(), 0))
            except queue.Empty:
                raise _gone(f"no answer within {self.timeout_s:g} s", sending) from None
            if not raw:
                raise _gone("the exchange's client ended without an answer", sending)
            line = _decoded(raw, sending)
            if "ok" in line:
                if line["ok"]:
                    result: Line = line["result"]
                    return result
                raise _error_of(line["error"], sending)
            note(line)
            sending = _sending(line, sending)


def _sending(line: Line, before: str) -> str:
    """Return what is on its way, with the ids by which it can be looked up."""
    ids = [str(line[key]) for key in ("transaction_hash", "transaction_id") if line.get(key)]
    return f"{_TRANSACTION}{ids[0]}" if ids else before or str(line.get("what", "a transaction"))


def _pump(stdout: IO[bytes], lines: "queue.SimpleQueue[bytes]") -> None:
    # Who reads it closes it: closed under this thread's hands, a read would fail.
    with stdout:
        for line in stdout:
            lines.put(line)
    lines.put(b"")


def _decoded(raw: bytes, sending: str) -> Line:
    try:
        line = json.loads(raw)
    except ValueError as error:
        raise _gone(f"an unreadable answer: {raw[:_SHOWN]!r}", sending) from error
    if not isinstance(line, dict):
        raise _gone(f"an unreadable answer: {raw[:_SHOWN]!r}", sending)
    return line


def _gone(why: str, sending: str) -> ExchangeError:
    if sending:
        return OutcomeUnknown(
            f"{why}, and {sending} may have been carried out: look at the wallet before you try "
            "again",
            code="no_answer",
        )
    return Unavailable(f"{why}; nothing was sent")


def _error_of(told: Line, sending: str) -> PolybotError:
    kind, words = told["kind"], str(told["message"])[:_SHOWN]
    status = told.get("status")
    on_its_way = sending.startswith(_TRANSACTION)
    server_failed = status is not None and status >= _SERVER_ERROR and sending
    if kind != "failed" and (on_its_way or server_failed):
        # What the exchange says while it is looked at tells nothing of the transaction itself.
        return _gone(f"{told.get('type', kind)}: {words}", sending)
    if kind == "bad_input":
        return InvalidValue(f"the exchange's client refused: {words}")
    if kind == "failed":
        return Rejected(f"the transaction failed: {words}", status=status)
    if kind == "rate_limited":
        return RateLimited(f"asked too often: {words}", status=status)
    if kind == "rejected":
        return Rejected(f"the exchange refused: {words}", status=status)
    return _gone(f"{told.get('type', kind)}: {words}", sending)


def _end(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(timeout=LEAVE_S if process.poll() is not None else 0.5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
