"""sd_notify through the sdnotify package: what systemd, or the supervisor bridge, hears from us."""

import logging
import os
import unicodedata
from collections.abc import Mapping

import sdnotify

logger = logging.getLogger(__name__)

_MICROSECONDS = 1_000_000


class NullNotifier:
    """Nobody listens: every message goes nowhere."""

    def ready(self) -> None:
        """Do nothing."""

    def stopping(self) -> None:
        """Do nothing."""

    def watchdog(self) -> None:
        """Do nothing."""

    def status(self, text: str) -> None:
        """Do nothing."""

    def extend_timeout(self, seconds: float) -> None:
        """Do nothing."""

    def watchdog_interval_s(self) -> float | None:
        """Return None: nobody watches."""
        return None

    def close(self) -> None:
        """Do nothing."""


class SystemdNotifier:
    """Sends each message as a datagram of its own, in ASCII.

    A status that systemd cannot read would take a ping in the same datagram with it. A listener
    that is gone or does not read never holds the process up; it is tried again with the next
    message, because a restarted bridge listens on a new socket of the same name.
    """

    def __init__(self) -> None:
        self._interval_s = _watchdog_interval_s(os.environ)
        self._sender = _connect()
        self._unheard = False

    def ready(self) -> None:
        """Send READY=1."""
        self._send("READY=1")

    def stopping(self) -> None:
        """Send STOPPING=1."""
        self._send("STOPPING=1")

    def watchdog(self) -> None:
        """Send WATCHDOG=1."""
        self._send("WATCHDOG=1")

    def status(self, text: str) -> None:
        """Send STATUS=, made ASCII and one line."""
        self._send("STATUS=" + to_ascii(text))

    def extend_timeout(self, seconds: float) -> None:
        """Send EXTEND_TIMEOUT_USEC=."""
        self._send(f"EXTEND_TIMEOUT_USEC={int(seconds * _MICROSECONDS)}")

    def watchdog_interval_s(self) -> float | None:
        """Return the deadline between two pings in seconds, None when nobody watches."""
        return self._interval_s

    def close(self) -> None:
        """Let go of the socket."""
        if self._sender.socket is not None:
            self._sender.socket.close()

    def _send(self, message: str) -> None:
        problem = self._try(message)
        if problem:
            self.close()
            self._sender = _connect()
            problem = self._try(message)
        if problem and not self._unheard:
            logger.warning("the service manager does not hear %s: %s", message, problem)
        self._unheard = bool(problem)

    def _try(self, message: str) -> str:
        """Send and return what went wrong, "" when nothing did."""
        if self._sender.socket is None:
            return "nobody listens on NOTIFY_SOCKET"
        try:
            self._sender.notify(message)
        except OSError as error:
            return str(error)
        return ""


def make_notifier() -> SystemdNotifier | NullNotifier:
    """Return the notifier for this process's environment."""
    return SystemdNotifier() if os.environ.get("NOTIFY_SOCKET") else NullNotifier()


def to_ascii(text: str) -> str:
    """Return the text in one line of ASCII; accents go, what has no ASCII form becomes "?"."""
    plain = unicodedata.normalize("NFKD", " ".join(text.split()))
    without_marks = "".join(each for each in plain if not unicodedata.combining(each))
    return without_marks.encode("ascii", "replace").decode()


def _connect() -> sdnotify.SystemdNotifier:
    # Without debug it would hide every error; connecting itself may fail and is tried again later.
    sender = sdnotify.SystemdNotifier(debug=False)
    sender.debug = True
    if sender.socket is not None:
        sender.socket.settimeout(0)
    return sender


def _watchdog_interval_s(environ: Mapping[str, str]) -> float | None:
    """Read WATCHDOG_USEC, unless WATCHDOG_PID says it is meant for another process."""
    text = environ.get("WATCHDOG_USEC", "")
    if not text.isdecimal() or int(text) == 0:
        return None
    pid = environ.get("WATCHDOG_PID", "")
    if pid and pid != str(os.getpid()):
        return None
    return int(text) / _MICROSECONDS
