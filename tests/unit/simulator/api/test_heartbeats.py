"""The dead-man switch: who began and falls silent loses resting orders."""

from polybot.domain.order import Side
from polybot.simulator.api.heartbeats import HeartbeatWatch
from polybot.simulator.books.ledger import Ledger
from polybot.simulator.books.records import OrderState
from polybot.simulator.engine.core import NullListener
from polybot.simulator.engine.engine import SimulatedExchange
from polybot.simulator.engine.timers import ExchangeRules
from tests.unit.simulator.samples import SHARES, S, Venue


def test_silence_cancels_resting_orders_and_turns_the_switch_off() -> None:
    venue = Venue()
    venue.show()
    new = venue.order(Side.BUY, 4000, 10 * SHARES)
    venue.submit(new)
    order = venue.ledger.state.orders[new.order_id]
    watch = HeartbeatWatch(venue.exchange, 0)
    expected, beat_id = watch.beat(venue.account, "", mono_ns=0, now_ns=venue.now_ns)
    assert expected
    assert watch.beat(venue.account, beat_id, mono_ns=9 * S, now_ns=venue.now_ns)[0]
    watch.check(mono_ns=18 * S, now_ns=venue.now_ns)
    assert order.state.value == "LIVE"
    watch.check(mono_ns=24 * S, now_ns=venue.now_ns)
    assert order.state.value == "CANCELED"
    assert not venue.account.heartbeats
    again = venue.order(Side.BUY, 4000, 10 * SHARES)
    venue.submit(again)
    watch.check(mono_ns=90 * S, now_ns=venue.now_ns)
    assert venue.ledger.state.orders[again.order_id].state is OrderState.LIVE


def test_nobody_is_canceled_who_never_began() -> None:
    venue = Venue()
    venue.show()
    venue.submit(venue.order(Side.BUY, 4000, 10 * SHARES))
    HeartbeatWatch(venue.exchange, 0).check(mono_ns=100 * S, now_ns=venue.now_ns)
    assert len(list(venue.ledger.all_open_orders())) == 1


def test_a_wrong_id_is_told_the_right_one() -> None:
    venue = Venue()
    watch = HeartbeatWatch(venue.exchange, 0)
    _, beat_id = watch.beat(venue.account, "", mono_ns=0, now_ns=venue.now_ns)
    assert watch.beat(venue.account, "other", mono_ns=1, now_ns=venue.now_ns) == (
        False,
        beat_id,
    )


def test_the_switch_stays_on_over_a_restart_and_takes_any_first_id() -> None:
    venue = Venue()
    venue.show()
    venue.submit(venue.order(Side.BUY, 4000, 10 * SHARES))
    HeartbeatWatch(venue.exchange, 0).beat(venue.account, "", mono_ns=0, now_ns=venue.now_ns)
    ledger = Ledger(venue.ledger.state)
    restarted = SimulatedExchange(ledger, ExchangeRules(), NullListener())
    account = next(iter(ledger.state.accounts.values()))
    watch = HeartbeatWatch(restarted, 50 * S)
    assert watch.beat(account, "from before", mono_ns=55 * S, now_ns=venue.now_ns)[0]
    watch.check(mono_ns=66 * S, now_ns=venue.now_ns)
    assert not list(ledger.all_open_orders())
