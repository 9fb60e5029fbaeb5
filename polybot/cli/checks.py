"""The checks of `polybot doctor` that need no running floor: machine, files, configuration."""

import os
import platform
import resource
import shutil
import sqlite3
import stat
import sys
from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import msgspec

from polybot import __version__
from polybot.adapters.storage.reader import LedgerReader
from polybot.cli.identity import is_service_floor
from polybot.cli.output import plural
from polybot.config.alerts import chats_of
from polybot.config.load import LoadedConfig
from polybot.errors import ConfigError, PolybotError
from polybot.recordings.index import load_index
from polybot.runtime.journal_verify import verify

PACKAGES = (
    "aiohttp",
    "coincurve",
    "msgspec",
    "openai",
    "peewee",
    "py-clob-client",
    "python-dotenv",
    "pyzmq",
    "sdnotify",
    "supervisor",
    "picows",
    "zstandard",
)

OLDEST_PYTHON = (3, 11)
FIRST_WAL, LAST_WAL_RESET = (3, 7, 0), (3, 51, 2)
# Releases of older lines that have the mend.
MENDED_SQLITE = ((3, 44, 6), (3, 50, 7))
# RFC 6979 makes signatures deterministic: this is the one of a known key and digest.
_KNOWN_SIGNATURE = (
    "0x45c66894f81a0c55d809102082de99d030ca1c9e2a9ce413b27f38f3c0ffa9d7"
    "1420f34d854f3fafc3d50f9d9b448a42579601a981281f0d8daa5abff84d23221b"
)

_MIB = 1 << 20
_ENOUGH_MEMORY_MB = 300
_ENOUGH_FILES = 1024
_PRIVATE, _OTHERS = 0o077, 0o007


class CheckStatus(StrEnum):
    """How a check ended."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    SKIP = "skip"


class Row(msgspec.Struct, frozen=True):
    """One check: what was found, and what to do about it ("" when nothing)."""

    check: str
    status: CheckStatus
    detail: str
    fix: str = ""


def host_checks(loaded: LoadedConfig) -> Iterator[Row]:
    """Yield the rows of every check that needs no running floor."""
    for check in _CHECKS:
        yield check(loaded)


def _packages(_: LoadedConfig) -> Row:
    return packages_row(PACKAGES)


def packages_row(packages: Sequence[str]) -> Row:
    """Return the row of the packages that must be installed."""
    missing = []
    for package in packages:
        try:
            version(package)
        except PackageNotFoundError:
            missing.append(package)
    if missing:
        detail = f"missing: {', '.join(missing)}"
        return Row("packages", CheckStatus.FAIL, detail, "make venv")
    return Row("packages", CheckStatus.OK, f"{len(packages)} packages installed")


def _versions(_: LoadedConfig) -> Row:
    return versions_row(sys.version_info[:2], platform.python_version())


def versions_row(python: tuple[int, int], shown: str) -> Row:
    """Return the row of polybot's and Python's versions."""
    detail = f"polybot {__version__}, Python {shown}"
    if python < OLDEST_PYTHON:
        oldest = ".".join(map(str, OLDEST_PYTHON))
        fix = f"install Python {oldest} or newer, then: make venv"
        return Row("versions", CheckStatus.FAIL, f"{detail}; {oldest} is needed", fix)
    return Row("versions", CheckStatus.OK, detail)


def _sqlite(_: LoadedConfig) -> Row:
    return sqlite_row(sqlite3.sqlite_version_info)


def sqlite_row(version: tuple[int, ...]) -> Row:
    """Return the row of SQLite's version.

    From 3.7.0 to 3.51.2 two connections that write or checkpoint at the same moment can lose a
    transaction (SQLite's documentation: the WAL-reset bug); some older lines were mended too.
    """
    shown = ".".join(map(str, version[:3]))
    mended = any(line <= version[:3] < (line[0], line[1] + 1, 0) for line in MENDED_SQLITE)
    if FIRST_WAL <= version[:3] <= LAST_WAL_RESET and not mended:
        detail = (
            f"SQLite {shown} has the WAL-reset bug; one process writes here, which avoids it, "
            "as long as nobody else opens the database for writing"
        )
        return Row("sqlite", CheckStatus.WARN, detail, "a system with SQLite 3.51.3 or newer")
    return Row("sqlite", CheckStatus.OK, f"SQLite {shown}")


def _signatures(_: LoadedConfig) -> Row:
    return signatures_row(_sign_something)


def signatures_row(sign: Callable[[], str]) -> Row:
    """Return the row of coincurve, by what signing with it gives."""
    fix = "make venv, or: pip install coincurve"
    try:
        signed = sign()
    except (ConfigError, ImportError) as error:
        return Row("coincurve", CheckStatus.FAIL, str(error), fix)
    if signed != _KNOWN_SIGNATURE:
        return Row("coincurve", CheckStatus.FAIL, "it signs wrongly on this machine", fix)
    return Row("coincurve", CheckStatus.OK, "signs as the exchange expects")


def _sign_something() -> str:
    # Without coincurve this import fails; the row must say so and not the whole command.
    from polybot.exchange.signing import OrderSigner  # noqa: PLC0415

    return OrderSigner("0x" + "11" * 32).sign_digest(bytes(range(32)))


def _memory(_: LoadedConfig) -> Row:
    return memory_row(Path("/proc/meminfo"))


def memory_row(meminfo: Path) -> Row:
    """Return the row of the memory that is left, by what the kernel says."""
    free = _available_mb(meminfo)
    if free is None:
        return Row("memory", CheckStatus.SKIP, "the kernel does not say how much is available")
    if free < _ENOUGH_MEMORY_MB:
        detail = f"{free} MiB available, a floor needs about {_ENOUGH_MEMORY_MB}"
        return Row("memory", CheckStatus.WARN, detail, "stop other programs, or add swap")
    return Row("memory", CheckStatus.OK, f"{free} MiB available")


def _available_mb(meminfo: Path) -> int | None:
    try:
        lines = meminfo.read_text().splitlines()
        line = next(line for line in lines if line.startswith("MemAvailable:"))
        return int(line.split()[1]) // 1024
    except (OSError, StopIteration, ValueError, IndexError):
        return None


def _files(_: LoadedConfig) -> Row:
    limit, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return open_files_row(limit)


def open_files_row(limit: int) -> Row:
    """Return the row of how many files a process may have open."""
    if limit < _ENOUGH_FILES:
        detail = f"{limit} open files allowed, {_ENOUGH_FILES} are wanted"
        return Row("open files", CheckStatus.WARN, detail, f"ulimit -n {_ENOUGH_FILES}")
    return Row("open files", CheckStatus.OK, f"{limit} open files allowed")


def _secrets(loaded: LoadedConfig) -> Row:
    locations = loaded.locations
    wallet = locations.state_dir / "wallet"
    candidates = [
        locations.root / ".env",
        locations.config_path.parent / ".env",
        wallet / "key",
        wallet / "credentials.json",
    ]
    if not os.access(wallet, os.X_OK) and wallet.exists():
        return Row("secret files", CheckStatus.SKIP, f"{wallet} is for root and the service alone")
    present = [path for path in dict.fromkeys(candidates) if path.is_file()]
    exposed = [str(path) for path in present if path.stat().st_mode & _PRIVATE]
    if exposed:
        detail = f"others may read {', '.join(exposed)}"
        return Row("secret files", CheckStatus.FAIL, detail, f"chmod 600 {' '.join(exposed)}")
    if not present:
        return Row("secret files", CheckStatus.SKIP, "none yet")
    return Row(
        "secret files", CheckStatus.OK, f"{plural(len(present), 'file')}, for this user only"
    )


def _state(loaded: LoadedConfig) -> Row:
    return _directory("state directory", loaded.locations.state_dir, loaded)


def _runtime(loaded: LoadedConfig) -> Row:
    return _directory("runtime directory", loaded.locations.runtime_dir, loaded)


def _directory(check: str, path: Path, loaded: LoadedConfig) -> Row:
    if not path.exists():
        parent = next(parent for parent in path.parents if parent.exists())
        if not os.access(parent, os.W_OK | os.X_OK):
            fix = "make it writable, or set POLYBOT_STATE_DIR and POLYBOT_RUNTIME_DIR"
            return Row(check, CheckStatus.FAIL, f"{path} cannot be made in {parent}", fix)
        return Row(check, CheckStatus.OK, f"{path}, made at the first start")
    if not path.is_dir():
        fix = "move it away, or set POLYBOT_STATE_DIR and POLYBOT_RUNTIME_DIR"
        return Row(check, CheckStatus.FAIL, f"{path} is a file, not a directory", fix)
    if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        return Row(check, CheckStatus.FAIL, f"{path} is not writable", f"chmod u+rwx {path}")
    # An installation's are shared with the group of the service.
    others, mode = (
        (_PRIVATE, "700") if not is_service_floor(loaded.locations) else (_OTHERS, "2770")
    )
    if stat.S_IMODE(path.stat().st_mode) & others:
        return Row(check, CheckStatus.WARN, f"others may enter {path}", f"chmod {mode} {path}")
    return Row(check, CheckStatus.OK, str(path))


def _disk(loaded: LoadedConfig) -> Row:
    place = loaded.locations.state_dir
    existing = next(path for path in (place, *place.parents) if path.exists())
    free = shutil.disk_usage(existing).free // _MIB
    least = loaded.config.watchdog.min_disk_mb
    if free < least:
        detail = f"{free} MiB free, entries stop under {least}"
        return Row("disk", CheckStatus.FAIL, detail, f"make room on the disk of {existing}")
    return Row("disk", CheckStatus.OK, f"{free} MiB free")


def _recordings(loaded: LoadedConfig) -> Row:
    directory = loaded.config.simulator.recordings
    if not directory:
        return Row("recordings", CheckStatus.SKIP, f"{loaded.config.mode} mode plays none")
    index = load_index(Path(directory))
    detail = f"{plural(len(index.windows), 'window')} in {directory}"
    if index.problems:
        detail += f"; {plural(len(index.problems), 'problem')}, the first: {index.problems[0]}"
        return Row("recordings", CheckStatus.WARN, detail, "mend or remove what is damaged")
    return Row("recordings", CheckStatus.OK, detail)


def _journals(loaded: LoadedConfig) -> Row:
    reports = {name: verify(path) for name, path in loaded.locations.journals().items()}
    if not reports:
        return Row("journals", CheckStatus.SKIP, "none yet")
    damaged = [name for name, report in reports.items() if not report.ok]
    if damaged:
        detail = f"changed or incomplete: {', '.join(damaged)}"
        return Row("journals", CheckStatus.FAIL, detail, "polybot journal verify says where")
    records = sum(report.records for report in reports.values())
    detail = f"{plural(records, 'record')} in {plural(len(reports), 'journal')}"
    return Row("journals", CheckStatus.OK, detail)


def _database(loaded: LoadedConfig) -> Row:
    path = loaded.locations.ledger_path
    if not path.exists():
        return Row("database", CheckStatus.SKIP, "none yet, the tracker makes it")
    reader = LedgerReader.open(path)
    try:
        windows = len(reader.windows(now_ns=0))
    finally:
        reader.close()
    return Row("database", CheckStatus.OK, f"{path}, {plural(windows, 'window')}")


def _alerts(loaded: LoadedConfig) -> Row:
    chats = chats_of(loaded.config.alerts)
    if chats:
        detail = f"critical alerts go to {', '.join(chat.name for chat in chats)}"
        return Row("alerts", CheckStatus.OK, detail)
    detail = "no chat is set up: alerts stand in status and log alone"
    if loaded.config.mode != "live":
        return Row("alerts", CheckStatus.SKIP, detail)
    one = "slack_webhook_url, discord_webhook_url, or telegram_bot_token and telegram_chat_id"
    fix = f"polybot secret set, with one of {one}"
    return Row("alerts", CheckStatus.WARN, detail, fix)


def _checked(name: str, check: Callable[[LoadedConfig], Row]) -> Callable[[LoadedConfig], Row]:
    """Turn an error of a check into its row: one broken thing must not hide the others."""

    def run(loaded: LoadedConfig) -> Row:
        try:
            return check(loaded)
        except PolybotError as error:
            return Row(name, CheckStatus.FAIL, str(error))
        except OSError as error:
            return Row(name, CheckStatus.FAIL, f"{error.filename}: {error.strerror}")

    return run


_CHECKS: tuple[Callable[[LoadedConfig], Row], ...] = tuple(
    _checked(name, check)
    for name, check in (
        ("versions", _versions),
        ("packages", _packages),
        ("sqlite", _sqlite),
        ("coincurve", _signatures),
        ("memory", _memory),
        ("open files", _files),
        ("secret files", _secrets),
        ("state directory", _state),
        ("runtime directory", _runtime),
        ("disk", _disk),
        ("recordings", _recordings),
        ("journals", _journals),
        ("database", _database),
        ("alerts", _alerts),
    )
)
