"""A trader in a crash loop enters nothing until it has run for a while, or a person says so."""

import pytest

from polybot.domain.trading_state import TradingState
from polybot.services.trader.crash_brake import CRASH_LOOP, SECOND_NS, CrashBrake
from tests.unit.services.trader.books import Books

S = SECOND_NS
QUIET_NS = 300 * S
THREE = "3 crashes in 12 s"


class Case:
    """A trader's claims over several lives."""

    def __init__(self) -> None:
        self.books = Books()

    def begin(self, crashes: str, mono_ns: int = 0) -> CrashBrake:
        brake = CrashBrake(self.books.claims, crashes, QUIET_NS)
        brake.begin(mono_ns)
        return brake

    @property
    def state(self) -> TradingState:
        return self.books.claims.state


@pytest.fixture
def case() -> Case:
    return Case()


def test_a_start_that_is_no_crash_loop_claims_nothing(case: Case) -> None:
    events = case.books.count()
    case.begin("").turn(QUIET_NS)
    assert (case.state, case.books.count()) == (TradingState.ACTIVE, events)


def test_a_crash_loop_reduces_until_the_quiet_time_is_over(case: Case) -> None:
    brake = case.begin(THREE, mono_ns=7 * S)
    (claim,) = case.books.state.claims
    assert (claim.source, claim.state) == (CRASH_LOOP, TradingState.REDUCING)
    assert claim.reason == "3 crashes in 12 s; entries again after 300 s without one"
    brake.turn(7 * S + QUIET_NS - 1)
    assert case.state is TradingState.REDUCING
    brake.turn(7 * S + QUIET_NS)
    assert case.state is TradingState.ACTIVE


def test_the_next_life_keeps_the_first_time_and_gives_the_newest_reason(case: Case) -> None:
    case.begin(THREE)
    (first,) = case.books.state.claims
    case.books.clock.advance(20)
    case.begin("4 crashes in 32 s")
    (second,) = case.books.state.claims
    assert second.since_ns == first.since_ns
    assert second.reason.startswith("4 crashes in 32 s")


def test_a_start_after_an_end_on_purpose_serves_the_rest_anew(case: Case) -> None:
    case.begin(THREE)
    brake = case.begin("", mono_ns=50 * S)
    assert case.state is TradingState.REDUCING
    brake.turn(QUIET_NS)
    assert case.state is TradingState.REDUCING
    brake.turn(50 * S + QUIET_NS)
    assert case.state is TradingState.ACTIVE


def test_it_takes_back_nothing_but_its_own(case: Case) -> None:
    brake = case.begin(THREE)
    case.books.claims.claim("watchdog", TradingState.REDUCING, "feed is old")
    brake.turn(QUIET_NS)
    assert [claim.source for claim in case.books.state.claims] == ["watchdog"]


def test_a_person_ends_it_once(case: Case) -> None:
    brake = case.begin(THREE)
    assert brake.resume()
    assert case.state is TradingState.ACTIVE
    assert not brake.resume()
