"""Tests of `polybot windows`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from polybot.adapters.storage.ledger import Ledger
from polybot.cli.windows import rows
from polybot.messages.trading import WindowRefused
from tests.fakes import FakeClock, event_hash, make_envelope
from tests.unit.cli.conftest import Command
from tests.unit.cli.history import LOST, NOW_NS, OPEN, WON

pytestmark = pytest.mark.usefixtures("history")


def test_windows_are_listed_newest_first_with_outcome_grade_and_pnl(polybot: Command) -> None:
    lines = polybot("windows").stdout.splitlines()
    assert lines[0].split() == ["window", "opens", "status", "outcome", "grade", "P&L"]
    assert [line.split()[0] for line in lines[1:4]] == [OPEN, LOST, WON]
    assert lines[2].split()[-4:] == ["graded", "Down", "LOSS", "-$23.83"]
    assert lines[3].split()[-4:] == ["graded", "Up", "WIN", "+$1.17"]
    assert lines[4] == "3 windows, 2 graded, P&L -$22.67"


def test_as_json_each_window_has_the_documented_fields(polybot_json: Callable[..., Any]) -> None:
    newest, lost, _ = polybot_json("windows")
    assert (newest["slug"], newest["outcome"], newest["grades"]) == (OPEN, None, [])
    assert lost["slug"] == LOST
    assert lost["status"] == "graded"
    assert lost["outcome"] == "Down"
    assert lost["close_ns"] - lost["open_ns"] == 300 * 10**9
    assert lost["pnl_usdc"] == "-23.833125"
    assert lost["grades"][0]["grade"] == "LOSS"
    assert lost["grades"][0]["pnl_usdc"] == "-23.833125"


def test_days_are_counted_in_market_time(polybot_json: Callable[..., Any]) -> None:
    # The newest event is in the open window; 5 minutes are 0.0035 days.
    assert [window["slug"] for window in polybot_json("windows", "--days", "0.0035")] == [
        OPEN,
        LOST,
    ]


def test_a_person_gets_a_screenful_and_a_script_everything() -> None:
    assert rows(None, all_of_them=False) == 50
    assert rows(None, all_of_them=True) > 10**5
    assert rows(7, all_of_them=True) == 7


def test_the_number_of_rows_is_limited(polybot_json: Callable[..., Any]) -> None:
    assert [window["slug"] for window in polybot_json("windows", "--limit", "1")] == [OPEN]


def test_a_database_of_another_kind_is_an_error_in_one_line(
    polybot: Command, history: Path
) -> None:
    history.write_bytes(b"not a database at all, but long enough to look at" * 100)
    result = polybot("windows", code=1)
    assert result.stderr.startswith("polybot: the database ")
    assert "is damaged: " in result.stderr
    assert len(result.stderr.splitlines()) == 1


REASON = "btc-updown-5m-1776083400: expected market version 'v1' or 'v2', was 'v3'"


@pytest.fixture
def refused(history: Path) -> None:
    ledger = Ledger.open(history, FakeClock())
    event = WindowRefused(slug="btc-updown-5m-1776083400", code="version", reason=REASON)
    known = WindowRefused(slug=OPEN, code="times", reason="a listing that was mended")
    for seq, each in enumerate((event, event, known), start=1):
        envelope = make_envelope(each, seq=seq, source="other", ts_event=NOW_NS)
        ledger.store([(envelope, each, event_hash(envelope))])
    ledger.close()


@pytest.mark.usefixtures("refused")
def test_a_refused_window_is_told_once_with_its_reason(
    polybot: Command, polybot_json: Callable[..., Any]
) -> None:
    assert polybot("windows").stdout.splitlines()[-1].startswith("not traded (version):")
    *others, last = polybot_json("windows")
    assert (last["slug"], last["status"]) == ("btc-updown-5m-1776083400", "refused")
    assert last["refusal"] == {"code": "version", "reason": REASON}
    assert last["close_ns"] - last["open_ns"] == 300 * 10**9
    assert last.keys() == others[0].keys()
    assert {other["refusal"] for other in others} == {None}
    assert len(others) == 3
