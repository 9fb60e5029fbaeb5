"""Says whether a floor could go on from an unpacked backup: journals, checkpoints, database."""

import contextlib
import sqlite3
from pathlib import Path

from polybot.adapters.storage.reader import LedgerReader
from polybot.bootstrap.backup.contents import LEDGER
from polybot.errors import StorageError
from polybot.runtime.checkpoint import read_checkpoint
from polybot.runtime.journal_verify import VerifyReport, verify


def problems(state_dir: Path) -> list[str]:
    """Return what is wrong with a state that nobody uses, a sentence each; changes nothing."""
    found: list[str] = []
    newest: dict[str, int] = {}
    for directory in sorted({path.parent for path in state_dir.rglob("journal-*.log")}):
        report = verify(directory)
        name = directory.relative_to(state_dir).as_posix()
        newest[name] = report.last_seq
        found += [f"{name}: {damage}" for damage in report.problems]
        found += _checkpoint_problems(directory, name, report)
    if (state_dir / LEDGER).exists():
        found += _ledger_problems(state_dir / LEDGER, newest)
    return found


def _checkpoint_problems(directory: Path, name: str, report: VerifyReport) -> list[str]:
    read = [read_checkpoint(path) for path in sorted(directory.glob("checkpoint-*.json"))]
    whole = [checkpoint.seq for checkpoint in read if not isinstance(checkpoint, str)]
    found = [f"{name}: {told}" for told in read if isinstance(told, str)]
    # A start continues from any of them whose next event the journal still has.
    if report.first_seq > 1 and not any(seq >= report.first_seq - 1 for seq in whole):
        found.append(
            f"{name}: expected a checkpoint at event {report.first_seq - 1} or later, where the "
            f"journal begins, was {max(whole, default='none')}"
        )
    return found


def _ledger_problems(path: Path, newest: dict[str, int]) -> list[str]:
    with contextlib.closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as database:
        try:
            [(told,), *_] = database.execute("PRAGMA quick_check").fetchall()
        except sqlite3.Error as error:
            return [f"{LEDGER}: {error}"]
    if told != "ok":
        return [f"{LEDGER}: {told}"]
    try:
        reader = LedgerReader.open(path)
    except StorageError as error:
        return [f"{LEDGER}: {error}"]
    stored = reader.positions()
    reader.close()
    return [
        f"{source}: expected its journal to reach event {seq}, which the database holds, was "
        f"{newest[source]}"
        for source, seq in sorted(stored.items())
        if source in newest and newest[source] < seq
    ]
