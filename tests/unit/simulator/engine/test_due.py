"""Timers that came too late do nothing; those that are due do what they were set for."""

from polybot.domain.market import Outcome
from polybot.domain.order import OrderType, Side
from polybot.simulator.books.records import Phase
from polybot.simulator.engine.due import is_stale
from polybot.simulator.engine.timers import Timer, TimerKind
from polybot.simulator.happenings import CloseWindow, Happening, ResolveWindow
from tests.unit.simulator.crowd import Crowd
from tests.unit.simulator.samples import SHARES, SLUG, START, S


def test_a_timer_is_stale_when_what_it_was_for_is_over() -> None:
    crowd = Crowd()
    crowd.show()
    order = crowd.place(
        "ann", Side.BUY, 4000, 5 * SHARES, kind=OrderType.GTD, expiration_s=START // S + 200
    )
    taking = crowd.place("bob", Side.BUY, 5200, 5 * SHARES)
    crowd.exchange.set_phase(Phase.CANCEL_ONLY, START, START + 5 * S)
    (trade_id,) = taking.trade_ids
    timers = {
        "phase": Timer(START + 5 * S, TimerKind.PHASE, ""),
        "expiry": Timer(order.expires_ns, TimerKind.EXPIRE, order.order_id),
        "settlement": Timer(START + 2 * S, TimerKind.ADVANCE, trade_id),
        "payout": Timer(START + 60 * S, TimerKind.REDEEM, SLUG),
    }
    stale = {name: is_stale(crowd.exchange.core, timer) for name, timer in timers.items()}
    assert not any(stale.values())
    # Nothing arrives before it is mined, and a phase ends at its own end alone.
    assert is_stale(crowd.exchange.core, Timer(START + 3 * S, TimerKind.ARRIVE, trade_id))
    assert is_stale(crowd.exchange.core, Timer(START + 4 * S, TimerKind.PHASE, ""))
    crowd.exchange.cancel(crowd.account("ann"), [order.order_id], START)
    crowd.exchange.set_phase(Phase.NORMAL, START)
    crowd.wait(10)
    over: list[Happening] = [
        CloseWindow(crowd.now_ns, SLUG),
        ResolveWindow(crowd.now_ns, SLUG, Outcome.UP),
    ]
    crowd.exchange.advance(crowd.now_ns, over)
    crowd.wait(20)
    stale = {name: is_stale(crowd.exchange.core, timer) for name, timer in timers.items()}
    assert all(stale.values())
    assert crowd.exchange.next_timer_ns() is None
