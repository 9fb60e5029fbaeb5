"""Tests of a report for scripts: null is what nobody knows."""

import json
from typing import Any

from msgspec.structs import replace

from polybot.cli.glance import Books
from polybot.cli.report_document import as_document
from polybot.domain.arming import ArmingState, ArmingVerdict
from polybot.domain.health import Health
from polybot.domain.redemption import Funds
from polybot.extras.chat import Delivery
from tests.unit.cli.test_report_text import FIGURES
from tests.unit.cli.test_status import seen
from tests.unit.domain.test_health import NOW_NS, alert, day, life, well


def document(health: Health, deliveries: list[Delivery] | None = None, **changes: Any) -> Any:
    told = as_document(seen(**changes), health, deliveries)
    return json.loads(json.dumps(told))


def test_every_figure_is_there() -> None:
    books = replace(seen().books, funds=Funds(cash_usdc=800_000_000))
    health = well(
        lives=(life("trader", restarts=2, crashes=1),),
        days=(day(traded=11, metrics=FIGURES),),
        alerts=(alert("critical"),),
    )
    told = document(health, books=books)
    assert told["attention"] == [
        "alert: no room",
        "trader began anew 1x after an end without goodbye",
    ]
    (process,) = told["processes"]
    assert (process["name"], process["restarts"], process["crashes"]) == ("trader", 2, 1)
    assert process["stopped_ns"] is None
    (figures,) = told["days"]
    assert (figures["day"], figures["windows_traded"]) == ("2026-04-13", 11)
    assert (figures["pnl_usdc"], figures["max_drawdown_usdc"]) == ("3.4", "1.2")
    assert told["alerts"][0]["cleared_ns"] is None
    assert told["audit"]["agrees"] is True
    assert (told["open_positions"], told["free_cash_usdc"]) == (1, "800")
    assert told["backup_ns"] == health.backup_ns
    assert told["deliveries"] is None


def test_what_nobody_knows_is_null() -> None:
    health = well(lives=None, alerts=None, days=None, audit=None, backup_ns=None)
    told = document(health, books=Books(problem="none"))
    for name in (
        *("processes", "days", "alerts", "audit", "backup_ns", "arming"),
        *("open_positions", "free_cash_usdc", "unredeemed_usdc", "unredeemed_overdue"),
    ):
        assert told[name] is None, name


def test_deliveries_are_told_by_chat() -> None:
    delivery = Delivery("slack", delivered=False, tries=3, detail="HTTP 403: no", took_s=1.0)
    assert document(well(), [delivery])["deliveries"] == [
        {"channel": "slack", "delivered": False, "tries": 3, "detail": "HTTP 403: no"}
    ]
    assert document(well(), [])["deliveries"] == []


def test_the_arming_is_named_by_its_state() -> None:
    leave = ArmingVerdict(state=ArmingState.NOT_ARMED, detail="not armed")
    told = document(well(), leave=leave)
    assert (told["arming"], told["arming_expires_ns"]) == ("not_armed", None)
    assert told["wall_ns"] == NOW_NS
