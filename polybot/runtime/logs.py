"""Log output: graded for journald, plain for a supervisor, colored on a terminal, no secrets."""

import logging
import os
import re
import sys
import time
from collections.abc import Mapping
from typing import TextIO

# sd-daemon(3): the number journald reads from a line's <N> prefix.
_PRIORITIES = {
    logging.DEBUG: 7,
    logging.INFO: 6,
    logging.WARNING: 4,
    logging.ERROR: 3,
    logging.CRITICAL: 2,
}
_COLORS = {
    logging.DEBUG: "\x1b[2m",
    logging.INFO: "\x1b[32m",
    logging.WARNING: "\x1b[33m",
    logging.ERROR: "\x1b[31m",
    logging.CRITICAL: "\x1b[1;31m",
}
_RESET = "\x1b[0m"
_MASK = "***"
# Shorter values would mask ordinary words.
_SHORTEST_SECRET = 8
# Order ids are 0x and 64 hex digits exactly like private keys, so shape alone cannot tell a secret:
# what is registered is masked everywhere, what calls itself a secret is masked in any case.
_NAMED_SECRET = re.compile(
    r"(?i)((?:private[ _-]?key|secret|passphrase|api[ _-]?key)[\"']?\s*[:=]\s*[\"']?)"
    r"(?:0x)?[0-9a-z+/_=-]{8,}"
)


class SecretMask:
    """Replaces secrets in text; every formatter of a process shares one."""

    def __init__(self) -> None:
        self._pattern: re.Pattern[str] | None = None
        self._secrets: set[str] = set()

    def add(self, secret: str) -> None:
        """Register a secret; a key is masked with and without its 0x, in either case."""
        bare = secret.strip().removeprefix("0x")
        if len(bare) < _SHORTEST_SECRET:
            return
        self._secrets.add(bare)
        longest_first = sorted(self._secrets, key=len, reverse=True)
        self._pattern = re.compile(
            "|".join(f"(?:0x)?{re.escape(each)}" for each in longest_first), re.IGNORECASE
        )

    def apply(self, text: str) -> str:
        """Return the text without secrets."""
        if self._pattern is not None:
            text = self._pattern.sub(_MASK, text)
        return _NAMED_SECRET.sub(rf"\g<1>{_MASK}", text)


class _MaskingFormatter(logging.Formatter):
    """Formats a record with its traceback and masks the whole."""

    def __init__(self, layout: str, mask: SecretMask) -> None:
        super().__init__(layout)
        self._mask = mask

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802 - logging's name
        """Return local time and the zone's name."""
        return time.strftime(datefmt or "%Y-%m-%d %H:%M:%S %Z", time.localtime(record.created))

    def format(self, record: logging.LogRecord) -> str:
        """Return the masked text."""
        return self._mask.apply(super().format(record))


class JournalFormatter(_MaskingFormatter):
    """One line a record with journald's priority; journald adds time, unit and pid itself."""

    def __init__(self, mask: SecretMask) -> None:
        super().__init__("%(message)s", mask)

    def format(self, record: logging.LogRecord) -> str:
        """Return the line; further lines of a record would be entries without priority."""
        priority = _PRIORITIES.get(record.levelno, 6)
        return f"<{priority}>" + super().format(record).replace("\n", " | ")


class PlainFormatter(_MaskingFormatter):
    """Lines that each stand alone with time, level and process: five processes share a stream."""

    def __init__(self, process: str, mask: SecretMask) -> None:
        super().__init__("%(message)s", mask)
        self._process = process

    def format(self, record: logging.LogRecord) -> str:
        """Return the lines of a record, each with the same beginning."""
        head = f"{self.formatTime(record)} {self._heading(record)} "
        return "\n".join(head + line for line in super().format(record).splitlines() or [""])

    def _heading(self, record: logging.LogRecord) -> str:
        return f"{record.levelname:<7} {self._process}:"


class TerminalFormatter(PlainFormatter):
    """The same for a person's eyes: the level colored, the process dimmed."""

    def _heading(self, record: logging.LogRecord) -> str:
        color = _COLORS.get(record.levelno, "")
        return f"{color}{record.levelname:<7}{_RESET} \x1b[2m{self._process}:{_RESET}"


def configure_logging(
    process: str,
    *,
    level: str = "INFO",
    stream: TextIO | None = None,
    environ: Mapping[str, str] | None = None,
) -> SecretMask:
    """Send the process's log to a stream (stderr) and return the mask to register secrets with.

    Raises ValueError for an unknown level.
    """
    stream = sys.stderr if stream is None else stream
    mask = SecretMask()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(choose_formatter(process, stream, environ or os.environ, mask))
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
    root.addHandler(handler)
    # Libraries speak only when something is wrong; httpx would log every request.
    root.setLevel(logging.WARNING)
    logging.getLogger("polybot").setLevel(level.upper())
    logging.captureWarnings(capture=True)
    return mask


def choose_formatter(
    process: str, stream: TextIO, environ: Mapping[str, str], mask: SecretMask
) -> logging.Formatter:
    """Return the formatter for where a stream ends: journald, a terminal, or anything else."""
    if _is_journal(stream, environ.get("JOURNAL_STREAM", "")):
        return JournalFormatter(mask)
    if stream.isatty() and not environ.get("NO_COLOR"):
        return TerminalFormatter(process, mask)
    return PlainFormatter(process, mask)


def mask_wallet(address: str) -> str:
    """Return the first 10 and last 6 characters of an address, which name it without giving it."""
    head, tail = address[:10], address[-6:]
    return f"{head}...{tail}" if len(address) > len(head) + len(tail) else address


def _is_journal(stream: TextIO, journal_stream: str) -> bool:
    # systemd.exec(5): device and inode of the stream, so that a redirected one is not mistaken.
    try:
        found = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return journal_stream == f"{found.st_dev}:{found.st_ino}"
