"""Replays every session of the trader: each decision must come out as the journal has it."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from polybot.runtime.tape import list_tapes
from tests.integration.floor import Floor

REPLAY_S: Final = 900.0
# What the command line answers to a command it does not have.
USAGE_ERROR: Final = 2


def sessions_of(root: Path) -> list[str]:
    """Return the trader's sessions, in the order they began to write: by database and tapes."""
    state_dir = root / "state"
    taped = [path.stem.rpartition("-")[2] for path in list_tapes(state_dir / "trader" / "tape")]
    with closing(
        sqlite3.connect(f"file:{state_dir / 'tracker' / 'ledger.sqlite'}?mode=ro", uri=True)
    ) as connection:
        rows = connection.execute(
            "SELECT session FROM process_session WHERE process = 'trader' ORDER BY started_ns"
        ).fetchall()
    return list(dict.fromkeys([session for (session,) in rows] + taped))


def replay_problems(floor: Floor) -> list[str]:
    """Replay each session and return what did not come out the same."""
    if floor.command("replay", "--help").returncode == USAGE_ERROR:
        return ["replay not available"]
    problems: list[str] = []
    sessions = sessions_of(floor.root)
    events = decisions = off_tape = 0
    for session in sessions:
        done = floor.command("replay", "--session", session, "--json", timeout_s=REPLAY_S)
        told = json.loads(done.stdout) if done.stdout else {}
        events += told.get("events", 0)
        decisions += told.get("decisions", 0)
        off_tape += told.get("off_tape", {}).get("decisions", 0)
        if done.returncode != 0:
            problems.append(f"session {session}: {_why(told, done.stderr)}")
    print(
        f"replayed {len(sessions)} sessions, {len(problems)} of them not to their end: {decisions} "
        f"decisions and {events} events in all came out byte for byte, {off_tape} decisions of the "
        "moment before a kill are not on tape",
        flush=True,
    )
    return problems


def _why(told: dict[str, Any], errors: str) -> str:
    difference = told.get("difference")
    if difference:
        fields = ", ".join(field["path"] for field in difference["fields"][:5])
        return f"differs from event {difference['seq']} on ({difference['type']}: {fields})"
    return told.get("stopped") or " / ".join(errors.strip().splitlines()[-3:])
