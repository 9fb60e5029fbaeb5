"""Tests of `polybot status`."""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from polybot.cli.glance import Books, Glance, MarketTime, OpenPosition
from polybot.cli.status import as_document, lines
from polybot.config.locations import PROCESSES
from polybot.domain.stored import RefusedWindow
from polybot.domain.trading_state import Claim, TradingState
from polybot.messages.commands import ProcessVerdict, Verdicts
from tests.unit.cli.conftest import Command
from tests.unit.cli.history import NOW_NS, OPEN
from tests.unit.cli.peer import Peer, beating

LONG = "serving btc-updown-5m-1776083100 and btc-updown-15m-1776082500, 41 orders, book 0.2 s old"


def seen(**changes: Any) -> Glance:
    whole = Glance(
        mode="replay",
        trading_state="HALTED",
        market=MarketTime(NOW_NS, 20.0),
        wall_ns=NOW_NS + 65 * 10**9,
        processes=tuple(
            ProcessVerdict(
                name=name, pid=4_000_000, verdict="alive", heartbeat_age_s=0.4, status=LONG
            )
            for name in PROCESSES
        ),
        books=Books(
            positions=(OpenPosition("capture", OPEN, "Down", 25_010_000, 23_833_125),),
            claims=(
                Claim(
                    source="operator",
                    state=TradingState.HALTED,
                    reason="something that takes more than one line of a phone to tell",
                    since_ns=NOW_NS,
                ),
            ),
        ),
        alerts=("disk: only 180 MiB of the state directory's disk are free",),
        watched=True,
    )
    return replace(whole, **changes)


def text(glance: Glance, width: int = 40) -> list[str]:
    return [line.plain for line in lines(glance, width)]


@pytest.mark.parametrize("width", [40, 60, 80, 120])
@pytest.mark.parametrize(
    "glance",
    [
        seen(),
        seen(books=Books(problem="expected a database at /a/very/long/path/that/goes/on/and/on")),
        seen(watched=False),
    ],
)
def test_no_line_is_wider_than_the_screen(glance: Glance, width: int) -> None:
    assert max(len(line) for line in text(glance, width)) <= width


def test_a_halt_is_shown_with_its_reason_and_how_long_it_lasts() -> None:
    shown = " ".join(line.strip() for line in text(seen()))
    assert "trading  HALTED" in shown
    assert "HALTED by operator: something that takes more than one line of a phone to tell" in shown
    assert "1 min 5 s)" in shown


def test_a_narrow_screen_has_the_sentence_below_and_a_wide_one_beside() -> None:
    narrow, wide = text(seen()), text(seen(), 120)
    assert narrow[narrow.index("trader     alive    pid 4000000") + 1].startswith("  serving btc")
    assert any(line.startswith("trader     alive    4000000 serving btc") for line in wide)


def test_alerts_and_a_silent_watchdog_are_shown() -> None:
    assert "! disk: only 180 MiB of the state" in text(seen())
    assert "(the watchdog does not answer)" in text(seen(watched=False))


def test_what_a_silent_trader_said_last_is_not_shown_as_now() -> None:
    assert "  said last: the trader is silent" in text(seen(trader_is_silent=True))
    assert not any("said last" in line for line in text(seen()))


def test_what_is_held_and_won_is_shown() -> None:
    shown = text(seen())
    assert "25.01 Down btc-updown-5m for $23.83" in shown
    assert "today $0.00, 0 trades, 0 won 0 lost" in shown


def test_when_nothing_runs_it_says_how_to_start(polybot: Command) -> None:
    out = polybot("status", code=3).stdout
    assert out.endswith("not running; start it: polybot up\n")
    assert out.splitlines()[0].endswith("not running")
    # What was true when it stopped is not said as if it still were.
    assert "market   stopped at " in out
    assert "trading  was " in out
    assert max(len(line) for line in out.splitlines()) <= 40


@pytest.mark.usefixtures("history")
def test_a_running_floor_is_shown_whole(
    polybot: Command, polybot_json: Callable[..., Any], runtime_dir: Path
) -> None:
    verdicts = Verdicts(
        processes=tuple(
            ProcessVerdict(name=name, pid=10, verdict="alive", heartbeat_age_s=0.5, status=LONG)
            for name in PROCESSES
        )
    )
    with ExitStack() as floor:
        for name in PROCESSES:
            more = {"GetVerdicts": lambda _: verdicts} if name == "watchdog" else {}
            told = beating(name, trading_state="REDUCING", market_ns=NOW_NS) | more
            floor.enter_context(Peer(runtime_dir, name, told))
        shown = polybot("status").stdout
        document = polybot_json("status")
    assert max(len(line) for line in shown.splitlines()) <= 40
    for expected in (
        "polybot  synthetic  x20",
        "trading  REDUCING",
        "btc-updown-5m closes in 1 min 0 s",
        "25 Up btc-updown-5m for $23.83",
        "today -$22.67, 2 trades, 1 won 1 lost",
    ):
        assert expected in shown
    assert list(document)[:5] == ["mode", "trading_state", "now_ns", "speed", "processes"]
    assert document["now_ns"] == NOW_NS
    assert [process["name"] for process in document["processes"]] == list(PROCESSES)
    assert document["processes"][0] == {
        "name": "simulator",
        "pid": 10,
        "verdict": "alive",
        "heartbeat_age_s": 0.5,
        "status": LONG,
    }
    assert document["reasons"][0]["reason"] == "the market feed is 61 s old"
    assert document["positions"][0]["size"] == "25"
    assert document["pnl_today_usdc"] == "-22.66625"


def test_windows_that_are_kept_out_are_named_with_the_reason() -> None:
    kept_out = (RefusedWindow(OPEN, "preflight", "clock: expected within 5 s, was +61.0 s"),)
    shown = " ".join(" ".join(text(seen(books=Books(kept_out=kept_out)))).split())
    assert "no entries (preflight): clock: expected within 5 s, was +61.0 s" in shown
    told = as_document(seen(books=Books(kept_out=kept_out)))
    assert [(row["slug"], row["code"]) for row in told["kept_out"]] == [(OPEN, "preflight")]
