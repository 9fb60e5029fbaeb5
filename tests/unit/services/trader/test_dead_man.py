"""Whoever must watch over us is missed after a while, and failing requests stop entries."""

import pytest

from polybot.domain.trading_state import TradingState
from polybot.messages.safety import TradingStateChanged
from polybot.services.trader.dead_man import DeadMan
from tests.unit.services.trader.books import Books

S = 1_000_000_000
START = 100 * S


def a_dead_man(books: Books) -> DeadMan:
    return DeadMan(books.claims, books.answers, max_api_errors=3, started_ns=START)


def heard_all(dead_man: DeadMan, at_ns: int) -> None:
    for process in ("watchdog", "tracker"):
        dead_man.heard(process, at_ns)


@pytest.mark.parametrize(("process", "limit_s"), [("watchdog", 15), ("tracker", 60)])
def test_silence_is_borne_for_so_long_and_not_longer(process: str, limit_s: int) -> None:
    books = Books()
    dead_man = a_dead_man(books)
    at = START + limit_s * S
    for other in {"watchdog", "tracker"} - {process}:
        dead_man.heard(other, at)
    dead_man.turn(at)
    assert books.claims.state is TradingState.ACTIVE
    dead_man.turn(at + 1)
    assert [c.source for c in books.state.claims] == [f"silent_{process}"]
    assert books.claims.state is TradingState.REDUCING


def test_the_first_heartbeat_after_silence_ends_it() -> None:
    books = Books()
    dead_man = a_dead_man(books)
    dead_man.turn(START + 61 * S)
    assert len(books.state.claims) == 2
    heard_all(dead_man, START + 62 * S)
    dead_man.turn(START + 62 * S)
    assert books.state.claims == ()


def test_silence_is_said_once_however_long_it_lasts() -> None:
    books = Books()
    dead_man = a_dead_man(books)
    dead_man.heard("tracker", START + 40 * S)
    for second in range(16, 40):
        dead_man.turn(START + second * S)
    assert len(books.said(TradingStateChanged)) == 1


def test_failed_requests_in_a_row_stop_entries_until_one_works() -> None:
    books = Books()
    dead_man = a_dead_man(books)
    books.answers.errors_in_a_row = 2
    dead_man.turn(START)
    assert books.claims.state is TradingState.ACTIVE
    books.answers.errors_in_a_row = 3
    dead_man.turn(START)
    assert books.claims.state is TradingState.REDUCING
    books.answers.errors_in_a_row = 1
    dead_man.turn(START)
    assert books.claims.state is TradingState.REDUCING
    books.answers.errors_in_a_row = 0
    dead_man.turn(START)
    assert books.claims.state is TradingState.ACTIVE


def test_an_order_id_that_is_not_the_hash_halts_until_a_person_decides() -> None:
    books = Books()
    dead_man = a_dead_man(books)
    books.answers.mistrust = "expected 0x1, was 0x2"
    dead_man.turn(START)
    assert books.claims.state is TradingState.HALTED
    dead_man.turn(START)
    books.claims.clear("operator")
    dead_man.turn(START)
    assert books.claims.state is TradingState.ACTIVE
