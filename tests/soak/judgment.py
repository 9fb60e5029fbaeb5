"""The end of a soak: faults off, everything settles, then every promise is checked."""

import json
import time
from typing import Any, Final

from polybot.bootstrap.chaos.posted import (
    doubled_entries,
    journaled_bodies,
    open_ends,
    posted_bodies,
    posting_problems,
)
from tests.integration.books import differences
from tests.integration.floor import Floor
from tests.soak.watching import ask, patiently, status_of

SETTLE_S: Final = 240.0
# A day's orders are thousands, and the official client reads each that is not open by its id.
AUDIT_S: Final = 600.0
AUDITS: Final = 3
RESUME_S: Final = 120.0
MOST_LINES: Final = 50


def judge(floor: Floor) -> list[str]:
    """Let everything settle and return what is wrong; nothing when every promise was kept."""
    ask(floor, "/simulator/faults", body={"rules": []})
    floor.command("stopentry", "--reason", "the soak is over")
    print("faults are off, nothing new is entered; letting everything settle", flush=True)
    left = _settle(floor)
    return left + _audit(floor) + _posted(floor) + _bought_twice(floor)


def resume_in_place(floor: Floor) -> list[str]:
    """Stop and start the floor where it stands: the books stay equal, and it trades again."""
    print(f"stopped in {floor.stop():.1f} s; starting again in place", flush=True)
    began = time.monotonic()
    floor.start_alive(timeout_s=RESUME_S)
    floor.wait("a reconciled trader", lambda: _state(floor) == "REDUCING", timeout_s=RESUME_S)
    left = [f"after a start in place: {line}" for line in _settle(floor)]
    floor.command("resume", "--reason", "the soak was judged")
    floor.wait("trading", lambda: _state(floor) == "ACTIVE", timeout_s=RESUME_S)
    print(f"trading again, {time.monotonic() - began:.1f} s after the start:", flush=True)
    for process in status_of(floor).get("processes", []):
        print(f"  {process['name']:10} {process['verdict']:8} {process['status']}", flush=True)
    return left


def _state(floor: Floor) -> str:
    return str(status_of(floor).get("trading_state"))


def _settle(floor: Floor) -> list[str]:
    """Return what still differs, or has not ended, when nothing changes any more."""
    database = floor.root / "state" / "tracker" / "ledger.sqlite"
    deadline = time.monotonic() + SETTLE_S
    left = ["not compared"]
    while left and time.monotonic() < deadline:
        time.sleep(5.0)
        left = [f"difference: {line}" for line in patiently(lambda: differences(floor))]
        left += open_ends(database)
    return left[:MOST_LINES]


def _audit(floor: Floor) -> list[str]:
    """Return what the audit finds; one that could not be carried out is tried again."""
    for attempt in range(AUDITS):
        audit = floor.command("audit", "--json", timeout_s=AUDIT_S)
        told: dict[str, Any] = json.loads(audit.stdout) if audit.stdout else {"agrees": False}
        print(
            f"audit agrees: {told.get('agrees')} ({told.get('orders')} orders, "
            f"{told.get('fills')} fills, {told.get('windows')} windows)",
            flush=True,
        )
        if not told.get("error"):
            break
        print(f"audit {attempt + 1} of {AUDITS} was not carried out: {told['error']}", flush=True)
    problems = [f"audit: {line}" for line in told.get("differences") or []][:MOST_LINES]
    if told.get("agrees") is not True or audit.returncode != 0:
        why = told.get("error") or audit.stderr[:200]
        problems.append(f"audit: exit code {audit.returncode} {why}")
    return problems


def _posted(floor: Floor) -> list[str]:
    posted = posted_bodies(floor.root / "state" / "simulator")
    journaled = journaled_bodies(floor.root / "state" / "tracker" / "ledger.sqlite")
    problems = posting_problems(posted, journaled)
    print(
        f"orders posted: {posted.total()}, of {len(journaled)} journaled; "
        f"twice or unknown: {len(problems)}"
    )
    if not posted:
        problems.append("expected orders to be posted, were none")
    return problems[:MOST_LINES]


def _bought_twice(floor: Floor) -> list[str]:
    twice = doubled_entries(floor.root / "state" / "tracker" / "ledger.sqlite")
    print(f"windows that an agent bought twice: {twice}")
    return [f"{twice} windows were bought twice by an agent"] if twice else []
