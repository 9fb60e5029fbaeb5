"""The strictest claim wins, each source clears its own, and first times are kept."""

import logging

import pytest

from polybot.domain.trading_state import TradingState
from polybot.messages.safety import TradingStateChanged
from tests.unit.services.trader.books import Books

A, R, H = TradingState.ACTIVE, TradingState.REDUCING, TradingState.HALTED


def test_nobody_claims_anything_at_first() -> None:
    books = Books()
    assert books.claims.state is A
    assert books.claims.describe() == "ACTIVE"


def test_the_strictest_claim_is_the_state_and_every_change_is_recorded() -> None:
    books = Books()
    books.claims.claim("watchdog", R, "disk")
    books.claims.claim("operator", H, "lunch")
    assert books.claims.state is H
    assert books.claims.describe() == "HALTED: lunch"
    assert [(e.was, e.state) for e in books.said(TradingStateChanged)] == [
        ("ACTIVE", "REDUCING"),
        ("REDUCING", "HALTED"),
    ]


def test_a_repeated_claim_keeps_its_first_time_and_is_not_recorded_again() -> None:
    books = Books()
    books.claims.claim("watchdog", R, "feed is 61 s old")
    since = books.state.claims[0].since_ns
    books.clock.advance(10)
    before = books.count()
    books.claims.claim("watchdog", R, "feed is 71 s old")
    assert books.count() == before
    assert books.state.claims[0].since_ns == since


def test_a_source_clears_its_own_claims_only() -> None:
    books = Books()
    books.claims.claim("watchdog", R, "disk")
    books.claims.claim("daily_loss", R, "lost")
    assert books.claims.clear("watchdog")
    assert books.claims.is_claimed_by("daily_loss")
    assert not books.claims.is_claimed_by("watchdog")
    assert books.claims.state is R


def test_clearing_nothing_records_nothing() -> None:
    books = Books()
    before = books.count()
    assert not books.claims.clear("watchdog")
    assert books.count() == before


def test_a_halt_ends_by_the_operator_only() -> None:
    books = Books()
    books.claims.claim("order_ids", H, "the id is not the hash")
    assert not books.claims.clear("order_ids")
    assert books.claims.clear("operator")
    assert books.claims.state is A


def test_only_a_stop_is_a_warning_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    books = Books()
    with caplog.at_level(logging.INFO):
        books.claims.claim("reconcile", TradingState.RECONCILING, "starting")
        books.claims.claim("watchdog", R, "disk")
        books.claims.clear("reconcile")
        books.claims.clear("watchdog")
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("INFO", "trading is now RECONCILING: starting (reconcile)"),
        ("INFO", "trading stays RECONCILING: starting (reconcile); disk (watchdog)"),
        ("WARNING", "trading is now REDUCING: disk (watchdog)"),
        ("INFO", "trading is now ACTIVE: nothing holds it back"),
    ]
