"""A window's entries wait for a good verdict, which is asked for in time and recorded once."""

from typing import Any

import msgspec
import pytest

from polybot.domain.trading_state import TradingState
from polybot.domain.window import parse_series
from polybot.messages.trading import PreflightFinished
from polybot.services.trader.preflight import (
    LEAD_NS,
    LOST_NS,
    PENDING,
    RENEW_NS,
    REREAD_NS,
    RETRY_NS,
    WindowChecks,
)
from polybot.services.trader.windows import WindowSchedule
from tests.fakes import FakeCatalog
from tests.story import market_at
from tests.unit.services.trader.books import Books
from tests.unit.services.trader.fakes_exchange import FakePreflight

MARKET = market_at()
SLUG, OPENS = MARKET.slug, MARKET.open_ns


class Case:
    """The checks of one known window."""

    def __init__(self) -> None:
        self.books = Books()
        self.preflight = FakePreflight()
        schedule = WindowSchedule((parse_series("btc-updown-5m"),), FakeCatalog())
        schedule.known[SLUG] = MARKET
        self.checks = WindowChecks(
            self.books.keeper, self.books.claims, self.preflight, schedule, 5.0
        )

    def turn(self, mono_ns: int = 0, market_ns: int = OPENS, **changes: Any) -> str:
        """Ask and take the answer, which comes within the same moment."""
        self.preflight.changes = changes
        for _ in range(2):
            self.checks.turn(market_ns, mono_ns)
        return self.checks.objection(SLUG)

    def said(self) -> list[tuple[bool, tuple[str, ...]]]:
        return [(e.may_enter, e.reasons) for e in self.books.said(PreflightFinished)]


def test_the_question_goes_out_shortly_before_the_window_opens() -> None:
    case = Case()
    assert case.turn(market_ns=OPENS - LEAD_NS - 1) == PENDING
    assert case.preflight.asked == []
    assert case.turn(market_ns=OPENS - LEAD_NS) == ""
    assert case.preflight.asked == [SLUG]


def test_a_window_that_is_over_is_not_asked_about() -> None:
    case = Case()
    case.turn(market_ns=MARKET.close_ns)
    assert case.preflight.asked == []


def test_entries_wait_until_the_answer_is_there() -> None:
    case = Case()
    case.preflight.silent = True
    assert case.turn() == PENDING
    assert case.checks.is_waiting(SLUG)
    assert case.turn(LOST_NS - 1) == PENDING
    assert case.preflight.asked == [SLUG]
    case.turn(LOST_NS)
    assert case.preflight.asked == [SLUG] * 2


def test_an_objection_is_recorded_once_and_tried_again_until_it_is_gone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    case = Case()
    bad = {"version": 1}
    reason = case.turn(**bad)
    assert reason == "version: expected exchange version 2, was 1: update polybot"
    assert case.turn(RETRY_NS - 1, **bad) == reason
    assert case.preflight.asked == [SLUG]
    assert case.turn(RETRY_NS, **bad) == reason
    assert case.turn(2 * RETRY_NS) == ""
    assert case.said() == [(False, (reason,)), (True, ())]
    assert [r.levelname for r in caplog.records if SLUG in r.getMessage()] == ["WARNING"]
    assert len(case.preflight.asked) == 3


def test_what_could_not_be_read_is_asked_for_again_soon() -> None:
    case = Case()
    case.turn(failures={"clock": "timed out"})
    assert case.turn(REREAD_NS - 1) == "clock: could not be read: timed out"
    assert case.turn(REREAD_NS) == ""
    assert len(case.preflight.asked) == 2


def test_a_good_verdict_is_recorded_with_its_figures_and_renewed_only_after_long() -> None:
    case = Case()
    for mono in (0, RENEW_NS - 1, RENEW_NS):
        assert case.turn(mono) == ""
    assert len(case.preflight.asked) == 2
    assert case.said() == [(True, ())]
    (event,) = case.books.said(PreflightFinished)
    assert event.figures["version"] == 2


def test_a_number_that_changes_within_the_same_objection_is_no_news() -> None:
    case = Case()
    for step in range(3):
        case.turn(step * RETRY_NS, skew_s=7.0 + step)
    assert len(case.said()) == 1
    assert "+9.0 s" in case.checks.objection(SLUG)


def test_a_ban_reduces_trading_until_the_exchange_takes_it_back() -> None:
    case = Case()
    case.turn(closed_only=True)
    assert case.books.claims.state is TradingState.REDUCING
    case.turn(RETRY_NS, closed_only=None, failures={"closed_only": "timed out"})
    assert case.books.claims.state is TradingState.REDUCING
    case.turn(2 * RETRY_NS)
    assert case.books.claims.state is TradingState.ACTIVE


def test_what_the_order_book_s_service_lists_is_handed_on_unless_it_is_refused() -> None:
    case = Case()
    case.turn()
    assert case.checks.listed[SLUG].tick_bps == MARKET.tick_bps
    case.checks.listed.clear()
    good = FakePreflight()
    good.request(MARKET)
    (facts,) = good.take()
    refused = msgspec.structs.replace(facts.listed, refusal="absurd")
    assert "absurd" in case.turn(RENEW_NS, listed=refused)
    assert case.checks.listed == {}


def test_a_market_is_read_anew_on_demand() -> None:
    case = Case()
    case.turn()
    case.checks.ask_again(SLUG, 1)
    assert case.checks.is_waiting(SLUG)
    assert case.checks.objection(SLUG) == ""
    case.turn(2)
    assert not case.checks.is_waiting(SLUG)
    case.checks.ask_again("unknown", 3)
    assert case.preflight.asked == [SLUG] * 2


def test_who_asks_is_told_which_windows_are_not_entered() -> None:
    case = Case()
    assert case.checks.describe([SLUG]) == ""
    case.turn(blocked=True)
    told = case.checks.describe([SLUG, "another"])
    assert told.startswith(f"no entries in {SLUG}: region:")


def test_a_window_nobody_knows_any_more_is_forgotten() -> None:
    case = Case()
    case.turn()
    case.checks.schedule.known.clear()
    assert case.turn() == PENDING


def test_the_same_objection_to_many_windows_is_one_line_a_minute(
    caplog: pytest.LogCaptureFixture,
) -> None:
    case = Case()
    others = [market_at(number) for number in (1, 2)]
    case.checks.schedule.known.update({market.slug: market for market in others})
    for market in (MARKET, *others):
        case.turn(market_ns=market.open_ns, version=1)
    assert len(case.said()) == 3
    warned = [r for r in caplog.records if "no entries in" in r.message]
    assert len(warned) == 1
