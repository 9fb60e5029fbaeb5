"""Timers come in an order that a restart reproduces."""

from polybot.domain.order import OrderType, Side
from polybot.simulator.books.ledger import Ledger
from polybot.simulator.engine.timers import ExchangeRules, Timer, TimerKind, Timers
from tests.unit.simulator.samples import SHARES, START, S, Venue


def drain(timers: Timers) -> list[Timer]:
    taken = []
    while (timer := timers.pop_due(START + 10**18)) is not None:
        taken.append(timer)
    return taken


def test_the_state_alone_sets_the_timers_that_the_records_set() -> None:
    venue = Venue(delay_ms=150)
    venue.show()
    venue.submit(
        venue.order(Side.BUY, 4000, 10 * SHARES, kind=OrderType.GTD, expiration_s=START // S + 200)
    )
    venue.submit(venue.order(Side.BUY, 5200, 10 * SHARES))
    venue.wait(0.15)
    venue.submit(venue.order(Side.BUY, 5200, 5 * SHARES))
    restored = Timers(venue.exchange.core.rules)
    restored.restore(Ledger(venue.ledger.state))
    live = [
        timer
        for timer in drain(venue.exchange.core.timers)
        if timer.kind is not TimerKind.RELEASE
        or venue.ledger.state.orders[timer.key].state.value == "HELD"
    ]
    assert drain(restored) == live
    assert [timer.kind for timer in live] == [
        TimerKind.RELEASE,
        TimerKind.ADVANCE,
        TimerKind.EXPIRE,
    ]


def test_nothing_is_taken_before_it_is_due() -> None:
    timers = Timers(ExchangeRules())
    assert timers.first() is None
    assert timers.pop_due(START) is None
