"""The end of a run of chaos: everything settles, then every promise is checked."""

import json
import subprocess
import time
from collections.abc import Callable
from typing import Any, Final

from polybot.bootstrap.chaos.posted import (
    journaled_bodies,
    open_ends,
    posted_bodies,
    posting_problems,
)
from polybot.cli.chaos.floor import ChaosFloor
from polybot.cli.chaos.report import Check
from polybot.cli.exits import CommandError
from polybot.messages.commands import StopEntries

# An order more, on a floor that was well before: much longer than it takes.
RESUME_S: Final = 60.0
SETTLE_S: Final = 180.0
AUDIT_S: Final = 300.0
AUDITS: Final = 3
# What has not changed for so long (two sweeps of the trader) will not any more.
STEADY_S: Final = 75.0
# What settled must stay so: two looks, one after the other.
_LOOKS: Final = 2
_LOOK_S: Final = 2.0
_VERIFY_S: Final = 120.0
_SHOWN: Final = 3
_REASON: Final = "the chaos is over"

Tell = Callable[[str], None]


def let_settle(floor: ChaosFloor, tell: Tell) -> list[Check]:
    """Let nothing new be entered, and say whether both books became equal and every order ended."""
    tell("nothing is entered any more; letting everything settle")
    deadline = time.monotonic() + SETTLE_S
    is_told = False
    looks = 0
    left, ends = ["not compared"], ["not compared"]
    steady = deadline
    while looks < _LOOKS and time.monotonic() < min(deadline, steady):
        is_told = is_told or _stop_entries(floor)
        time.sleep(_LOOK_S)
        before = (left, ends)
        left, ends = floor.differences(), open_ends(floor.locations.ledger_path)
        if not is_told or before != (left, ends):
            steady = time.monotonic() + STEADY_S
        looks = looks + 1 if is_told and not left and not ends else 0
    if not is_told:
        left = ["the trader did not take the command to enter nothing", *left]
    return [
        _check("books equal", left, "our database equals the exchange's books"),
        _check("every order ended", ends, "no order and no intent is left open"),
    ]


def audit(floor: ChaosFloor) -> Check:
    """Say whether the exchange's production routes agree; what failed to run is tried again."""
    told: dict[str, Any] = {}
    for _ in range(AUDITS):
        try:
            done = floor.command("audit", "--all", "--json", timeout_s=AUDIT_S)
        except subprocess.TimeoutExpired:
            told = {"error": f"no answer in {AUDIT_S:.0f} s"}
            continue
        told = json.loads(done.stdout) if done.stdout else {"error": done.stderr.strip()[-300:]}
        if not told.get("error"):
            break
    problems = list(told.get("differences") or ())
    if told.get("agrees") is not True and not problems:
        problems = [str(told.get("error") or "it does not agree")]
    return _check(
        "audit agrees", problems, f"{told.get('orders')} orders, {told.get('fills')} fills"
    )


def posted(floor: ChaosFloor) -> list[Check]:
    """Say whether each order was posted at most once, and never without a record of it."""
    bodies = posted_bodies(floor.places.exchange)
    journaled = journaled_bodies(floor.locations.ledger_path)
    problems = posting_problems(bodies, journaled)
    unknown = [each for each in problems if each.startswith("posted, but")]
    twice = [each for each in problems if each not in unknown]
    if not bodies:
        twice.append("expected orders to be posted, were none")
    return [
        _check("posted once", twice, f"{bodies.total()} orders, each posted once"),
        _check("journaled first", unknown, f"{len(journaled)} intents, every posted order's too"),
    ]


def journals(floor: ChaosFloor) -> Check:
    """Say whether every journal can be read from its first record to its last."""
    try:
        done = floor.command("journal", "verify", timeout_s=_VERIFY_S)
    except subprocess.TimeoutExpired:
        return _check("journals whole", [f"not read in {_VERIFY_S:.0f} s"], "")
    lines = (done.stdout + done.stderr).strip().splitlines()
    return _check("journals whole", lines if done.returncode else [], "read to their ends")


def _stop_entries(floor: ChaosFloor) -> bool:
    try:
        floor.tell_trader(StopEntries(source="operator", reason=_REASON))
    except CommandError:
        return False
    return True


def _check(name: str, problems: list[str], fine: str) -> Check:
    more = f" (and {len(problems) - _SHOWN} more)" if len(problems) > _SHOWN else ""
    detail = "; ".join(problems[:_SHOWN]) + more if problems else fine
    return Check(name=name, ok=not problems, detail=detail)
