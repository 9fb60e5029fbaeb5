"""A trader in a crash loop exits and cancels, and enters nothing until it has run for a while."""

import msgspec

from polybot.domain.trading_state import Claim, TradingState
from polybot.messages.commands import Done, ResumeTrading
from polybot.messages.safety import TradingStateChanged
from tests.unit.services.trader.fakes_exchange import ScriptedStrategy
from tests.unit.services.trader.test_desk import ENTRY, enter
from tests.unit.services.trader.whole_trader import SETTINGS, S, WholeTrader

QUIET_S = 5
LOOPING = msgspec.structs.replace(SETTINGS, crash_loop="3 crashes in 9 s", quiet_ns=QUIET_S * S)


def begun() -> WholeTrader:
    """Return a trader in a crash loop that would enter at every look."""
    strategy = ScriptedStrategy()
    trader = WholeTrader(strategy, settings=LOOPING).ready()
    strategy.always = lambda _: enter(ENTRY)
    return trader


def state_of(trader: WholeTrader) -> str:
    return trader.service.vitals().trading_state


def test_it_enters_nothing_until_the_quiet_time_is_over() -> None:
    trader = begun()
    assert state_of(trader) == TradingState.REDUCING.value
    assert "REDUCING: 3 crashes in 9 s" in trader.service.status()
    trader.turn()
    assert trader.gateway.posted == []
    for _ in range(QUIET_S):
        trader.turn()
    assert state_of(trader) == TradingState.ACTIVE.value
    assert trader.gateway.posted


def test_the_reason_is_durable_and_keeps_its_time_over_the_next_start() -> None:
    trader = begun()
    first = claims_of(trader)["crash_loop"]
    trader.settings = msgspec.structs.replace(LOOPING, crash_loop="4 crashes in 20 s")
    trader.clock.advance(11)
    trader.build()
    trader.ready()
    second = claims_of(trader)["crash_loop"]
    assert second.since_ns == first.since_ns
    assert second.reason.startswith("4 crashes in 20 s")


def claims_of(trader: WholeTrader) -> dict[str, Claim]:
    """Return the claims of the newest durable change, by source."""
    return {c.source: c for c in trader.outbox.events(TradingStateChanged)[-1].claims}


def test_a_person_may_resume_it_at_once() -> None:
    trader = begun()
    command = ResumeTrading(source="operator", reason="the disk has room again")
    assert trader.service.handle("ResumeTrading", command) == Done(detail="trading is ACTIVE")
    trader.turn()
    assert trader.gateway.posted


def test_no_other_source_may_resume_it() -> None:
    trader = begun()
    command = ResumeTrading(source="watchdog", reason="what stopped entries is over")
    trader.service.handle("ResumeTrading", command)
    assert state_of(trader) == TradingState.REDUCING.value
