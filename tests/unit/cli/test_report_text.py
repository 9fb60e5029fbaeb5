"""Tests of a report's words: short, whole, and honest about what nobody knows."""

from typing import Any

from msgspec.structs import replace

from polybot import __version__
from polybot.cli.glance import Books
from polybot.cli.report_text import lines
from polybot.domain.arming import Arming, ArmingState, ArmingVerdict
from polybot.domain.health import DAY_NS, Health, Storage
from polybot.domain.metrics import Metrics
from polybot.domain.redemption import Funds
from polybot.extras.chat import LONGEST_DISCORD
from tests.unit.cli.test_status import seen
from tests.unit.domain.test_health import NOW_NS, alert, day, life, well

FIGURES = Metrics(
    trades=12, wins=11, losses=1, win_rate=11 / 12, pnl_usdc=3_400_000, max_drawdown_usdc=1_200_000
)


def text(health: Health, **changes: Any) -> str:
    books = replace(seen().books, funds=Funds(cash_usdc=800_000_000))
    return "\n".join(lines(seen(**{"books": books, **changes}), health))


def test_all_that_is_well_is_told_in_short_lines() -> None:
    health = well(
        lives=(life("trader", version=__version__, restarts=1),),
        days=(day(traded=11, metrics=FIGURES),),
        alerts=(alert("warning", cleared_ns=NOW_NS),),
    )
    said = text(health).splitlines()
    assert said[0].startswith("polybot replay on ")
    assert said[0].endswith(": all well")
    assert said[1:] == [
        f"runs: 1 d 0 h, polybot {__version__}, ACTIVE",
        "2026-04-13: 288 windows, 11 traded",
        "  +$3.40, 11 of 12 won (91.7 %), worst fall $1.20",
        "open: 1 position",
        "  25.01 Down btc-updown-5m for $23.83",
        "free $800.00, unredeemed $0.00",
        "audit: agrees, 1 min 0 s ago",
        "alerts of 24 h: 1",
        "  over: no room",
        "restarts of 24 h: trader 1",
        "disk: 10.0 GiB free, state 1 MiB",
        "backup: 6 h 0 min old",
    ]


def test_what_nobody_knows_is_said_to_be_unknown() -> None:
    health = well(
        running=False,
        lives=None,
        alerts=None,
        days=None,
        audit=None,
        problem="there is none yet",
        backup_ns=None,
        storage=Storage(free_bytes=None, state_bytes=None, least_bytes=1),
    )
    said = text(health, books=Books(problem="there is none yet"))
    for words in (
        "! the floor does not run",
        "! the database cannot be read: there is none yet",
        "! there is no backup",
        f"runs: unknown; program {__version__}",
        "windows and P&L: unknown",
        "open: unknown",
        "money: unknown",
        "audit: unknown",
        "alerts of 24 h: unknown",
        "restarts of 24 h: unknown",
        "disk: unknown free, state unknown",
    ):
        assert words in said


def test_money_nobody_has_seen_is_unknown_too() -> None:
    assert "free unknown, unredeemed $0.00" in text(well(), books=Books())


def test_a_version_installed_but_not_started_is_named() -> None:
    assert f"polybot 0.1.0, installed {__version__}" in text(
        well(lives=(life("trader", version="0.1.0"),))
    )


def test_how_a_floor_ended_is_told() -> None:
    ended = life("trader", stopped_ns=NOW_NS)
    assert "runs: no; the trader 0.2.0 ended 2026-" in text(well(running=False, lives=(ended,)))
    gone = text(well(running=False, lives=(life("trader"),)))
    assert "runs: no; the trader 0.2.0 ended without a goodbye" in gone
    assert "the trader has never started" in text(well(lives=()))


def test_windows_without_an_outcome_and_crashes_are_named() -> None:
    said = text(well(days=(day(unsettled=3),), lives=(life("tracker", restarts=2, crashes=1),)))
    assert "288 windows, 0 traded, 3 without an outcome yet" in said
    assert "restarts of 24 h: tracker 2 (1 unasked)" in said


def test_an_arming_is_told_with_its_end() -> None:
    arming = Arming(
        funder="0x1",
        signature_type=0,
        versions=("v1",),
        armed_ns=NOW_NS,
        expires_ns=NOW_NS + 7 * DAY_NS,
        by="me",
    )
    armed = ArmingVerdict(state=ArmingState.ARMED, detail="armed, 6 d 23 h left", arming=arming)
    assert "arming: armed, 6 d 23 h left, until 2026-04-2" in text(well(), leave=armed)
    expired = ArmingVerdict(state=ArmingState.EXPIRED, detail="it has expired", arming=arming)
    assert text(well(), leave=expired).endswith("arming: it has expired")


def test_however_much_went_wrong_every_chat_takes_it_whole() -> None:
    long = replace(alert("critical"), text="x" * 500)
    positions = seen().books.positions * 30
    health = well(
        down=tuple(f"process {number} is dead: {'y' * 300}" for number in range(9)),
        alerts=(long,) * 40,
        days=(day(metrics=FIGURES), day(metrics=FIGURES)),
    )
    said = text(health, books=replace(seen().books, positions=positions))
    assert len(said) <= LONGEST_DISCORD
    assert "! and 44 more" in said
    assert "  and 25 more" in said
    assert "49 things to look at" in said


def test_an_exchange_s_words_steer_no_terminal() -> None:
    said = text(well(alerts=(replace(alert("warning"), text="a\x1b[2Jb"),)))
    assert "\x1b" not in said
