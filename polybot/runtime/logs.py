"""Log output: graded for journald, plain for a supervisor, colored on a terminal, no secrets."""

import json
import logging
import os
import re
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple, TextIO

from polybot.errors import StorageError
from polybot.runtime.log_fields import fields_of

# sd-daemon(3): the number journald reads from a line's <N> prefix.
PRIORITIES = {
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
        priority = PRIORITIES.get(record.levelno, 6)
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


class MaskedFormatter(_MaskingFormatter):
    """The text alone, with its traceback: where it goes has time and level of its own."""

    def __init__(self, mask: SecretMask) -> None:
        super().__init__("%(message)s", mask)


class JsonFormatter(_MaskingFormatter):
    """One JSON object a line: time, level, process, text, and the window and order it names."""

    def __init__(self, process: str, mask: SecretMask) -> None:
        super().__init__("%(message)s", mask)
        self._process = process

    def format(self, record: logging.LogRecord) -> str:
        """Return the object; `ts` is UTC, `windows` and `orders` stand there when there are any."""
        text = super().format(record)
        made = datetime.fromtimestamp(record.created, UTC)
        told = {
            "ts": made.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "process": self._process,
            "logger": record.name,
            "text": text,
        }
        named = {f"{name}s": values for name, values in fields_of(text).items()}
        return json.dumps({**told, **named}, ensure_ascii=False, separators=(",", ":"))


class TerminalFormatter(PlainFormatter):
    """The same for a person's eyes: the level colored, the process dimmed."""

    def _heading(self, record: logging.LogRecord) -> str:
        color = _COLORS.get(record.levelno, "")
        return f"{color}{record.levelname:<7}{_RESET} \x1b[2m{self._process}:{_RESET}"


class LogSettings(NamedTuple):
    """What is logged, and how: lines for people or JSON objects, and into which file besides.

    The file is for this user alone; whoever rotates it may move it away.
    """

    level: str = "INFO"
    as_json: bool = False
    file: Path | None = None


DEFAULTS = LogSettings()


def configure_logging(
    process: str,
    settings: LogSettings = DEFAULTS,
    *,
    stream: TextIO | None = None,
    environ: Mapping[str, str] | None = None,
) -> SecretMask:
    """Send the process's log to a stream (stderr) and return the mask to register secrets with.

    Raises ValueError for an unknown level, StorageError when the file cannot be written.
    """
    as_json = settings.as_json
    stream = sys.stderr if stream is None else stream
    mask = SecretMask()
    environ = environ or os.environ
    handlers = [_stream_handler(process, stream, environ, mask, as_json=as_json)]
    if settings.file is not None:
        lines = JsonFormatter(process, mask) if as_json else PlainFormatter(process, mask)
        handlers.append(_file_handler(settings.file, lines))
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
    for handler in handlers:
        root.addHandler(handler)
    # Libraries speak only when something is wrong; httpx would log every request.
    root.setLevel(logging.WARNING)
    logging.getLogger("polybot").setLevel(settings.level.upper())
    logging.captureWarnings(capture=True)
    return mask


def _stream_handler(
    process: str, stream: TextIO, environ: Mapping[str, str], mask: SecretMask, *, as_json: bool
) -> logging.Handler:
    handler = logging.StreamHandler(stream)
    if as_json:
        handler.setFormatter(JsonFormatter(process, mask))
        return handler
    handler.setFormatter(choose_formatter(process, stream, environ, mask))
    if not isinstance(handler.formatter, JournalFormatter):
        return handler
    # Only under systemd.
    from polybot.runtime.journald import JournaldHandler  # noqa: PLC0415

    return JournaldHandler(process, handler, MaskedFormatter(mask))


def _file_handler(path: Path, lines: logging.Formatter) -> logging.Handler:
    # Only who asks for a file pays for what opens it.
    from logging.handlers import WatchedFileHandler  # noqa: PLC0415

    try:
        path.touch(mode=0o660, exist_ok=True)
        handler = WatchedFileHandler(path, encoding="utf-8")
    except OSError as error:
        raise StorageError(
            f"cannot write the log to {path}: {error.strerror}; set log.file to another, or to none"
        ) from error
    handler.setFormatter(lines)
    return handler


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
