"""Controls of the judge: each promise is broken once, and must be found broken."""

import json
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from polybot.cli.chaos import judge
from polybot.cli.exits import CommandError
from tests.unit.bootstrap.chaos.test_posted import add, lines, submitted
from tests.unit.bootstrap.chaos.test_posted import database as database  # noqa: PLC0414


class Judged:
    """A floor at rest, as far as its judge looks at it."""

    def __init__(self, root: Path, database: Path) -> None:
        self.places = SimpleNamespace(exchange=root)
        self.locations = SimpleNamespace(ledger_path=database)
        self.left: list[list[str]] = []
        self.refusals = 0
        self.done = subprocess.CompletedProcess[str]([], 0, "", "")
        self.commands: list[tuple[str, ...]] = []

    def differences(self) -> list[str]:
        return self.left.pop(0) if self.left else []

    def tell_trader(self, message: Any) -> None:
        del message
        if self.refusals:
            self.refusals -= 1
            raise CommandError("not yet")

    def command(self, *arguments: str, timeout_s: float) -> subprocess.CompletedProcess[str]:
        del timeout_s
        self.commands.append(arguments)
        return self.done


@pytest.fixture
def floor(tmp_path: Path, database: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(judge, "_LOOK_S", 0.01)
    monkeypatch.setattr(judge, "SETTLE_S", 0.5)
    return Judged(tmp_path, database)


def settle(floor: Any) -> dict[str, Any]:
    return {check.name: check for check in judge.let_settle(floor, lambda _: None)}


def test_books_may_take_a_while_to_be_equal_and_a_trader_to_listen(floor: Any) -> None:
    floor.left = [["fill only at the exchange"], [], ["cash"], []]
    floor.refusals = 2
    assert all(check.ok for check in settle(floor).values())


def test_books_that_stay_different_fail(floor: Any) -> None:
    floor.left = [[f"difference {number}" for number in range(5)]] * 1000
    check = settle(floor)["books equal"]
    assert not check.ok
    assert check.detail == "difference 0; difference 1; difference 2 (and 2 more)"


def test_what_does_not_change_any_more_is_not_waited_for(
    floor: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(judge, "SETTLE_S", 60.0)
    monkeypatch.setattr(judge, "STEADY_S", 0.2)
    floor.left = [["cash"]] * 100_000
    assert not settle(floor)["books equal"].ok


def test_a_trader_that_never_listens_fails(floor: Any) -> None:
    floor.refusals = 10_000
    assert "did not take the command" in settle(floor)["books equal"].detail


def test_an_order_without_an_end_fails(floor: Any, database: Path) -> None:
    add(database, "venue_order", venue_order_id="0x2", intent_id="i-2", status="UNKNOWN")
    found = settle(floor)
    assert found["books equal"].ok
    assert found["every order ended"].detail == "order 0x2 is still UNKNOWN"


def test_orders_that_were_posted_once_after_their_record_are_as_they_should_be(
    floor: Any, tmp_path: Path, database: Path
) -> None:
    (tmp_path / "requests.jsonl").write_text(lines("a"))
    submitted(database, 1, "0xa", "a")
    assert all(check.ok for check in judge.posted(floor))


def test_an_order_posted_twice_fails(floor: Any, tmp_path: Path, database: Path) -> None:
    (tmp_path / "requests.jsonl").write_text(lines("a", "a"))
    submitted(database, 1, "0xa", "a")
    once, first = judge.posted(floor)
    assert (once.ok, first.ok) == (False, True)
    assert once.detail == "posted 2 times: order 0xa"


def test_an_order_without_a_record_fails(floor: Any, tmp_path: Path) -> None:
    (tmp_path / "requests.jsonl").write_text(lines("a"))
    once, first = judge.posted(floor)
    assert (once.ok, first.ok) == (True, False)


def test_no_order_at_all_proves_nothing(floor: Any) -> None:
    once, _ = judge.posted(floor)
    assert once.detail == "expected orders to be posted, were none"


@pytest.mark.parametrize(
    ("told", "ok", "detail"),
    [
        ({"agrees": True, "orders": 3, "fills": 2}, True, "3 orders, 2 fills"),
        ({"agrees": False, "differences": ["cash differs"]}, False, "cash differs"),
        ({"agrees": False, "error": "no answer"}, False, "no answer"),
        ({"agrees": False}, False, "it does not agree"),
    ],
)
def test_an_audit_counts_only_when_it_agrees(
    floor: Any, told: dict[str, Any], ok: bool, detail: str
) -> None:
    floor.done = subprocess.CompletedProcess([], 0 if ok else 1, json.dumps(told), "")
    check = judge.audit(floor)
    assert (check.ok, check.detail) == (ok, detail)
    assert len(floor.commands) == (judge.AUDITS if "error" in told else 1)


def test_an_audit_that_says_nothing_is_told_by_its_errors(floor: Any) -> None:
    floor.done = subprocess.CompletedProcess([], 1, "", "polybot: no such floor\n")
    assert judge.audit(floor).detail == "polybot: no such floor"


def test_a_damaged_journal_fails(floor: Any) -> None:
    assert judge.journals(floor).ok
    floor.done = subprocess.CompletedProcess([], 1, "trader: record 7 is damaged\n", "")
    check = judge.journals(floor)
    assert (check.ok, check.detail) == (False, "trader: record 7 is damaged")
